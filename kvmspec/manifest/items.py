"""The objects of one section: merged, counted, rendered, validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import PydanticCustomError

from kvmspec.manifest.files import read_files
from kvmspec.manifest.interpolate import Broken, Late, has_late, render
from kvmspec.manifest.merge import Layer, merge
from kvmspec.manifest.model import Reference
from kvmspec.manifest.placement import Draft, Placement
from kvmspec.manifest.profiles import Base, Bases
from kvmspec.manifest.section import Path, Section
from kvmspec.manifest.types import parse_name
from kvmspec.manifest.validate import Subject, Validator

MAX_COUNT = 10_000
MAX_ITEMS = 100_000
OWNED = {True: ("profile", "count", "host"), False: ("hosts",)}
"""Keys of an object that are the loader's and not its spec's, with profiles (VMs) and without."""

_NOT_IN_DEFAULTS = {"count": "each VM says its own"}
_NOT_IN_PROFILES = {**_NOT_IN_DEFAULTS, "profile": "a profile uses `extends`"}


@dataclass
class Objects:
    """What became of the sections' objects.

    declared  every name, valid or not, with where it is written
    failed    those that are not among the drafts
    """

    drafts: list[Draft] = field(default_factory=list)
    declared: dict[Reference, Path] = field(default_factory=dict)
    failed: set[Reference] = field(default_factory=set)


@dataclass
class SectionReader:
    """Reads one section into `objects`."""

    section: Section
    bases: Bases
    placement: Placement
    validator: Validator
    objects: Objects

    def read(self) -> None:
        """All objects of the section, then the defaults and profiles that stand for themselves."""
        self._parts()
        for name, raw in self.validator.sources.map(self.section.key).items():
            self._object(name, raw)

    def _parts(self) -> None:
        """Defaults and profiles, used or not, as parts of an object."""
        key, owned = self.section.key, OWNED[self.section.profiles]
        for name, profile in self.bases.profiles.items():
            self._part(("profiles", name), profile, {"extends", "host"}, _NOT_IN_PROFILES)
        value: Any = self.validator.sources.map("defaults").get(key)
        if isinstance(value, dict):
            self._part(("defaults", key), value, {*owned} - {"count"}, _NOT_IN_DEFAULTS)
        elif value is not None and not isinstance(value, Broken):
            self.validator.note(Subject(("defaults", key), value), "expected a map of fields")

    def _part(self, path: Path, value: Mapping[str, Any], owned: set[str], wrong: Mapping[str, str]) -> None:
        if not self.section.profiles:
            wrong = {}
        data = {name: child for name, child in value.items() if name not in owned and name not in wrong}
        if has_late(data):
            data = render(data, {"index": 1, "name": "name", "host": "host"}, lambda path, name: None)
        subject = Subject(path, data, models=(self.section.spec,), owned=owned)
        for name in wrong.keys() & value.keys():
            self.validator.note(
                subject, f"`{name}` does not belong here", (name,), key=True, hint=wrong[name]
            )
        self.validator.part(self.section.spec, subject)
        self.validator.plain(Subject(path, {name: value[name] for name in owned & value.keys()}))

    def _object(self, name: str, raw: Any) -> None:
        """One entry of the section, as many objects as its `count` says."""
        path = (self.section.key, name)
        short = self.section.spec.short
        data = raw if isinstance(raw, dict) else {} if raw is None else {short: raw} if short else None
        subject = Subject(path, data, models=(self.section.spec,), owned=OWNED[self.section.profiles])
        names: list[str] | None = [name]
        if data is None:
            if not isinstance(raw, Broken):
                self.validator.note(subject, "expected a map of fields")
        elif not self._good_name(name, subject):
            pass
        elif (base := self._base(data, subject)) is not None:
            subject.data = merged = merge(base.value, data, subject.models) if base.value else data
            subject.layers = (Layer(path, data), *base.layers) if base.layers else ()
            names = self._names(name, merged, subject)
            if names is not None and self._declare(names, subject):
                self._build(names, merged, base, subject)
                return
        self._fail(names or [name], path)

    def _fail(self, names: list[str], path: Path) -> None:
        for name in names:
            self.objects.declared.setdefault((self.section.kind, name), path)
            self.objects.failed.add((self.section.kind, name))

    def _good_name(self, name: str, subject: Subject) -> bool:
        try:
            parse_name(name)
        except PydanticCustomError as error:
            self.validator.note(subject, f"`{name[:80]}` is not a name: {error.message()}", key=True)
            return False
        return True

    def _base(self, data: Mapping[str, Any], subject: Subject) -> Base | None:
        """What lies under the object; None, noted, when its profile is not there."""
        if not self.section.profiles:
            return self.bases.base(None)
        defaults = self.validator.sources.map("defaults").get(self.section.key)
        inherited = defaults.get("profile") if isinstance(defaults, dict) else None
        profile = data.get("profile", inherited)
        place = (*subject.path, "profile") if "profile" in data else ("defaults", self.section.key, "profile")
        if profile is not None and not self.bases.known(profile, place):
            return None
        return self.bases.base(profile)

    def _names(self, name: str, merged: Mapping[str, Any], subject: Subject) -> list[str] | None:
        """The names `count` makes of one; None, noted, for a count that is none."""
        if not self.section.profiles or (count := merged.get("count")) is None:
            return [name] if self._plain(merged, subject) else None
        if isinstance(count, Broken) or not self._plain(merged, subject):
            return None
        if isinstance(count, str) and count.isdecimal() and len(count) < 9:
            count = int(count)  # from the environment
        if type(count) is not int or count < 0:
            self.validator.note(subject, "expected a whole number, 0 or more", ("count",))
        elif count > MAX_COUNT:
            self.validator.note(subject, f"at most {MAX_COUNT:,} of one kind", ("count",))
        elif len(f"{name}-{count}") > 63:
            self.validator.note(subject, f"the name `{name}-{count}` is longer than 63 characters", key=True)
        else:
            return [f"{name}-{index}" for index in range(1, count + 1)]
        return None

    def _plain(self, merged: Mapping[str, Any], subject: Subject) -> bool:
        """Whether no secret is in the loader's own keys."""
        stated = {key: merged[key] for key in OWNED[self.section.profiles] if key in merged}
        return self.validator.plain(Subject(subject.path, stated, subject.layers, subject.models))

    def _declare(self, names: list[str], subject: Subject) -> bool:
        """Whether all names are free; a clash is noted with both places."""
        declared, kind = self.objects.declared, self.section.kind
        if len(declared) + len(names) > MAX_ITEMS:
            self.validator.note(subject, f"more than {MAX_ITEMS:,} objects in one manifest", key=True)
            return False
        for name in names:
            if (other := declared.get((kind, name))) is not None:
                first = self.validator.sources.where(other, key=True)
                self.validator.note(subject, f"the {kind} `{name}` is already defined at {first}", key=True,
                                    hint="`count` makes web-1, web-2, …; rename one")  # fmt: skip
                return False
        declared.update({(kind, name): subject.path for name in names})
        return True

    def _build(self, names: list[str], merged: dict[str, Any], base: Base, subject: Subject) -> None:
        """Validate the object once, or once for each VM where they differ."""
        owned = OWNED[self.section.profiles]
        stated = {key: merged[key] for key in owned if key in merged}
        if stated:
            merged = {key: value for key, value in merged.items() if key not in owned}
        if any(isinstance(value, Late) for value in stated.values()):
            self.validator.note(subject, "what differs from VM to VM cannot be used in `host` or `count`")
            return self._fail(names, subject.path)
        hosts = self._hosts(stated, subject)
        if base.late or subject.path in self.bases.late:
            self._build_each(names, merged, hosts, subject, counted="count" in stated)
        else:
            self._build_all(names, merged, hosts, subject)
        return None

    def _hosts(self, stated: Mapping[str, Any], subject: Subject) -> set[str] | None:
        if not self.section.profiles:
            return self.placement.stated(stated, subject)
        host = self.placement.host_of(stated, subject)
        return None if host is None else {host}

    def _build_all(
        self, names: list[str], data: dict[str, Any], hosts: set[str] | None, subject: Subject
    ) -> None:
        """All the same: validated once, even for a count of 0."""
        subject.data = data = read_files(data, subject, self.validator, self.section.spec)
        spec = self.validator.model(self.section.spec, subject)
        if spec is None or hosts is None:
            return self._fail(names, subject.path)
        expanded = self.validator.concealed(data, spec)
        kind, drafts = self.section.kind, self.objects.drafts
        fixed = self.section.profiles
        drafts += [Draft(kind, name, spec, subject, expanded, fixed, set(hosts)) for name in names]
        return None

    def _build_each(
        self,
        names: list[str],
        merged: dict[str, Any],
        hosts: set[str] | None,
        subject: Subject,
        *,
        counted: bool,
    ) -> None:
        """Each with its own index, name and host filled in."""
        for index, name in enumerate(names, 1):
            values: dict[str, Any] = {"name": name, "host": next(iter(hosts or ("",)))}
            if counted:
                values["index"] = index
            before = len(self.validator.problems.found)
            data = render(merged, values, lambda path, name: self._missing(subject, path, name))
            own = Subject(subject.path, data, subject.layers, subject.models, subject.owned)
            self._build_all([name], data, hosts, own)
            if len(self.validator.problems.found) > before:
                return self._fail(names[index:], subject.path)  # the rest would say the same
        return None

    def _missing(self, subject: Subject, path: Path, name: str) -> None:
        """Note a reference that this VM has no value for."""
        where = self.validator.sources.where(subject.written(path), needle=f"${{{name}}}")
        message = f"`${{{name}}}` has a value only in a VM with `count`"
        self.validator.note(subject, message, path, where=where, hint="add `count:`, or use `${name}`")
