"""Which host each object is on."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import Field

from kvmspec.core.errors import UsageError
from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.problems import nearest
from kvmspec.manifest.section import HostEntry
from kvmspec.manifest.types import Name, Text
from kvmspec.manifest.validate import Subject, Validator

DEFAULT_HOST = "default"
DEFAULT_URI = "qemu:///system"
ANY = ""
"""As a reference's name: the only object of that kind, where there is just one."""


class HostSpec(Model):
    """A libvirt host."""

    examples: ClassVar[Sequence[Any]] = (
        {"uri": "qemu:///system"},
        {"uri": "qemu+ssh://root@hv2.example/system", "labels": {"rack": "a"}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"uri"})

    uri: Text
    """libvirt's connection URI, such as `qemu:///system` or `qemu+ssh://root@hv1.example/system`."""
    labels: dict[Name, Text] = Field(default_factory=dict)
    """Free labels, which `--host NAME=VALUE` selects by."""


def read_hosts(validator: Validator, connect: str | None, environ: Mapping[str, str]) -> dict[str, HostEntry]:
    """The manifest's hosts, or the one host of --connect. Raises UsageError when both are given."""
    given = validator.sources.map("hosts")
    if not given:
        uri = connect or environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI
        return {DEFAULT_HOST: HostEntry(DEFAULT_HOST, uri)}
    if connect is not None:
        raise UsageError(
            "--connect cannot be used with a manifest that has `hosts:`",
            hint="choose among its hosts with --host",
        )
    hosts = {}
    for name, data in given.items():
        subject = Subject(("hosts", name), data, models=(HostSpec,))
        spec = validator.model(HostSpec, subject) if validator.plain(subject) else None
        hosts[name] = HostEntry(name, spec.uri if spec else "", dict(spec.labels) if spec else {})
    return hosts


@dataclass
class Draft:
    """An object that still lacks its hosts."""

    kind: str
    name: str
    spec: Model
    subject: Subject
    expanded: Mapping[str, Any]
    fixed: bool  # a VM: it stays where it is, whoever refers to it
    hosts: set[str] = field(default_factory=set)


@dataclass
class Placement:
    """Places objects on hosts. `fallback` is where an object is that nothing else places."""

    hosts: Mapping[str, HostEntry]
    validator: Validator
    fallback: str | None = None

    def __post_init__(self) -> None:
        wanted = self.validator.sources.map("defaults").get("host")
        if wanted is not None:
            self.fallback = wanted if self.known(wanted, Subject(("defaults", "host"), wanted)) else None
        elif len(self.hosts) == 1:
            self.fallback = next(iter(self.hosts))

    def known(self, name: object, subject: Subject, rest: tuple[str | int, ...] = ()) -> bool:
        """Whether there is such a host; if not, that is noted."""
        if isinstance(name, str) and name in self.hosts:
            return True
        if not isinstance(name, str):
            self.validator.note(subject, "expected the name of a host", rest)
        elif not isinstance(name, Broken):
            self.validator.note(subject, f"there is no host `{name}`", rest, hint=nearest(name, self.hosts))
        return False

    def host_of(self, merged: Mapping[str, Any], subject: Subject) -> str | None:
        """The host of one VM; None, noted, where nothing says which."""
        if (host := merged.get("host")) is not None:
            return str(host) if self.known(host, subject, ("host",)) else None
        if self.fallback is None and "host" not in self.validator.sources.map("defaults"):
            self.validator.note(
                subject, "nothing says on which host this is", key=True,
                hint=f"add `host:`, or `defaults: {{host: …}}`; {nearest('', self.hosts)}",
            )  # fmt: skip
        return self.fallback

    def stated(self, merged: Mapping[str, Any], subject: Subject) -> set[str] | None:
        """The hosts that `hosts:` names; None, noted, when one of them is not there."""
        names = merged.get("hosts")
        if names is None:
            return set()
        if not isinstance(names, list):
            if not isinstance(names, Broken):
                self.validator.note(
                    subject, "expected a list of hosts", ("hosts",), hint="as in `hosts: [hv1]`"
                )
            return None
        good = [self.known(name, subject, ("hosts", index)) for index, name in enumerate(names)]
        return set(names) if all(good) else None

    def spread(self, drafts: Collection[Draft], *, complete: bool) -> list[Draft]:
        """Put every object where those that need it are; the drafts that have a host then.

        complete  whether all objects are among the drafts, so that an object without a host is a mistake
        """
        follow(drafts)
        for draft in drafts:
            if draft.hosts:
                continue
            if self.fallback is not None:
                draft.hosts.add(self.fallback)
            elif complete and "host" not in self.validator.sources.map("defaults"):
                hint = f"add `hosts: […]`, or `defaults: {{host: …}}`; {nearest('', self.hosts)}"
                self.validator.note(draft.subject, "nothing says on which host this is", key=True, hint=hint)
        follow(drafts)
        return [draft for draft in drafts if draft.hosts]


def follow(drafts: Iterable[Draft]) -> None:
    """Add each object's hosts to those it refers to, and so on."""
    known: dict[Reference, Draft] = {}
    single: dict[str, Draft | None] = {}
    for draft in drafts:
        known[draft.kind, draft.name] = draft
        single[draft.kind] = None if draft.kind in single else draft
    todo = deque(known.values())
    while todo:
        draft = todo.popleft()
        for kind, name in draft.spec.references():
            needed = single.get(kind) if name == ANY else known.get((kind, name))
            if needed is not None and not needed.fixed and not needed.hosts >= draft.hosts:
                needed.hosts |= draft.hosts
                todo.append(needed)
