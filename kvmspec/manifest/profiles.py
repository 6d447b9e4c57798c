"""What lies under each object: `defaults.<section>`, and for VMs the profile with all it extends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from kvmspec.manifest.graph import find_cycle
from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.merge import Layer, merge
from kvmspec.manifest.problems import Problems, nearest
from kvmspec.manifest.section import Path, Section
from kvmspec.manifest.sources import Sources

MAX_CHAIN = 50


class Base(NamedTuple):
    """What is merged under an object. `layers` from the uppermost down; `late`: needs rendering per VM."""

    value: Mapping[str, Any]
    layers: tuple[Layer, ...]
    late: bool = False


@dataclass
class Bases:
    """The bases of one section's objects.

    late  ("profiles", "base") and the like: entries that hold a Late
    """

    section: Section
    sources: Sources
    late: frozenset[tuple[str, ...]]
    problems: Problems
    _known: dict[str | None, Base | None] = field(default_factory=dict)

    @cached_property
    def profiles(self) -> Mapping[str, Mapping[str, Any]]:
        """The profiles that are maps and end in no cycle; what is wrong with the others is noted."""
        if not self.section.profiles:
            return {}
        found = {}
        for name, value in self.sources.map("profiles").items():
            if isinstance(value, dict):
                found[name] = value
            elif value is None:
                found[name] = {}
            else:
                self._note(("profiles", name), "a profile must be a map of fields")
        for name, value in found.items():
            above = value.get("extends")
            if isinstance(above, str) and above not in self.sources.map("profiles"):
                path = ("profiles", name, "extends")
                self._note(path, f"there is no profile `{above}`", nearest(above, found))
        return self._without_cycles(found)

    def _without_cycles(self, profiles: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        graph = {
            name: [value["extends"]] if isinstance(value.get("extends"), str) else []
            for name, value in profiles.items()
        }
        while cycle := find_cycle(graph):
            way = " → ".join(cycle)
            self._note(("profiles", cycle[0], "extends"), f"profiles extend each other in a circle: {way}")
            for name in cycle:
                graph[name] = []
                profiles[name] = {**profiles[name], "extends": Broken("")}
        return profiles

    def base(self, profile: str | None) -> Base | None:
        """What lies under an object with this profile; None where the chain is broken, which is noted."""
        if profile not in self._known:
            self._known[profile] = self._build(profile)
        return self._known[profile]

    def _build(self, profile: str | None) -> Base | None:
        """The profile on those it extends, on the defaults."""
        chain: list[str] = []
        name: Any = profile
        while name is not None:
            chain.append(name)
            path = ("profiles", chain[-1], "extends")
            name = self.profiles[name].get("extends")
            if name is not None and not self.known(name, path):
                return None
            if len(chain) > MAX_CHAIN:
                self._note(path, f"profiles extend each other more than {MAX_CHAIN} deep")
                return None
        base = self._defaults()
        for name in reversed(chain):
            base = self._profile(name, base)
        return base

    def _defaults(self) -> Base:
        key = self.section.key
        value = self.sources.map("defaults").get(key)
        if not isinstance(value, dict):
            return Base({}, ())
        return Base(value, (Layer(("defaults", key), value),), ("defaults", key) in self.late)

    def _profile(self, name: str, below: Base) -> Base:
        """One profile on what it extends."""
        value = self.profiles[name]
        own = {key: entry for key, entry in value.items() if key != "extends"}
        merged = merge(below.value, own, (self.section.spec,))
        layer = Layer(("profiles", name), value)
        return Base(merged, (layer, *below.layers), below.late or ("profiles", name) in self.late)

    def known(self, profile: object, path: Path) -> bool:
        """Whether there is such a profile; a wrong name is noted at `path`."""
        if isinstance(profile, str) and profile in self.profiles:
            return True
        if not isinstance(profile, str):
            self._note(path, "expected the name of a profile")
        elif not isinstance(profile, Broken) and profile not in self.sources.map("profiles"):
            self._note(path, f"there is no profile `{profile}`", nearest(profile, self.profiles))
        return False

    def _note(self, path: Path, message: str, hint: str = "") -> None:
        self.problems.add(message, self.sources.where(path), path=".".join(map(str, path)), hint=hint)
