"""What a kind tells the loader about its section of the manifest, and what the loader hands back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kvmspec.core.effect import Effect
from kvmspec.core.problem import Problem, Where
from kvmspec.manifest.model import Model
from kvmspec.manifest.secrets import SecretStore

Path = tuple[str | int, ...]
"""A path into the manifest as written, e.g. ("vms", "web", "disks", 0, "size")."""


class Finding(NamedTuple):
    """A semantic problem a kind found in a valid manifest; the loader turns it into a Problem."""

    path: Path
    message: str
    hint: str = ""
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One object of the manifest after merging, counting and validation.

    path      where it is written, e.g. ("vms", "web") for both web-1 and web-2
    hosts     the hosts it is placed on (a VM: exactly one)
    expanded  the merged mapping the spec was validated from, secrets as tokens
    """

    kind: str
    name: str
    spec: Model
    path: Path
    hosts: tuple[str, ...]
    expanded: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A host of the manifest (or the one of `--connect`, named `default`)."""

    name: str
    uri: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The resolved manifest. `items` in order of kind and name; `where` finds a path's place in
    the files, only ever called when there is something to say about it."""

    project: str
    id: str | None
    hosts: Mapping[str, HostEntry]
    items: tuple[Item, ...]
    moved: tuple[tuple[str, str], ...]  # (old VM name, new VM name)
    released: frozenset[str]  # VM names
    removed: tuple[tuple[str, str], ...]  # (pool, volume)
    defaults: Mapping[str, Mapping[str, Any]]
    secrets: SecretStore = field(repr=False)
    where: Callable[[Path], Where | None] = field(repr=False)
    warnings: tuple[Problem, ...] = ()
    rebuilt: frozenset[str] = frozenset()  # VMs of which a disk is to be made anew, as --replace asks
    secret_variables: frozenset[str] = frozenset()  # declared with `secret: true`, used or not

    def of(self, kind: str) -> tuple[Item, ...]:
        """All items of one kind."""
        return tuple(item for item in self.items if item.kind == kind)


class Section(NamedTuple):
    """One map of named objects at the manifest's root.

    key       `vms`; kind `vm`
    spec      the model each entry is validated with
    profiles  entries take `profile:`, profiles and `count:` (VMs)
    check     finds what a single entry cannot show: duplicates, overlaps, missing references
    effects   what changing each field costs, for `explain` and the references
    creation  what is set at creation where the manifest does not say: path below the section → value,
              in words
    names     what the objects are called in examples
    """

    key: str
    kind: str
    spec: type[Model]
    profiles: bool = False
    check: Callable[[Manifest], Iterable[Finding]] = lambda manifest: ()
    effects: Callable[[], Iterable[Effect]] = lambda: ()
    creation: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
