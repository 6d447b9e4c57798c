"""What every kind of object offers the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import Action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Permission
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.manifest.section import Item, Manifest, Section

ChainLink = tuple[Action, str]
Chain = list[ChainLink]
"""The actions on one object in their order, each with a few words for people."""


@dataclass(frozen=True)
class Context:
    """What a difference depends on besides the object itself.

    views    every host as observed, for what lives elsewhere
    desired  everything the manifest wants, by address
    granted  permissions given; only `data-loss` changes what is planned (volumes of a deleted VM)
    destroy  everything that is owned is to go
    targets  what the plan is limited to; None for everything
    replaced  volumes of VMs' own disks that are to be made anew
    no_restart  no VM is restarted for a change: what needs that waits for its next start
    hosts    those the plan is limited to; the others are only looked at
    """

    manifest: Manifest
    renderer: Renderer
    views: Mapping[str, HostView]
    desired: Mapping[Address, Desired] = field(default_factory=dict)
    granted: frozenset[Permission] = frozenset()
    destroy: bool = False
    targets: frozenset[Address] | None = None
    hosts: frozenset[str] | None = None
    no_restart: bool = False
    replaced: frozenset[Address] = frozenset()

    def plans_for(self, host: str) -> bool:
        """Whether the host was read and is one the plan is for."""
        view = self.views.get(host)
        return view is not None and not view.unknown and (self.hosts is None or host in self.hosts)

    def problem(self, path: tuple[str | int, ...], message: str, hint: str = "") -> Problem:
        """A Problem placed where `path` is written."""
        return Problem(message, self.manifest.where(path) if path else None, _dotted(path), hint)


def _dotted(path: Iterable[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


class Kind(Protocol):
    """One kind of object: from the manifest to libvirt and back.

    name     the address' kind: `network`
    section  how the manifest spells it; None for a kind without a section
    """

    name: str
    section: Section

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        """What `item` wants on `host`. The view, where there is one, only tells names that were
        given before."""
        ...

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        """Compare with what is there. Pure."""
        ...

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        """Deletions: what the project owns on this host and the manifest no longer names (or,
        with context.destroy, everything it owns). Pure."""
        ...

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        """The actions for a difference, in order; empty for a no-op. Pure."""
        ...

    def render(self, desired: Desired, context: Context) -> str:
        """The XML with which the object would be created, offline."""
        ...

    def about(self, desired: Desired) -> str:
        """What it is, in a few words for a picture: `2 CPUs, 1GiB`."""
        ...

    def fingerprint(self, name: str, view: HostView) -> str:
        """Digest of what plan rests on: canonical persistent data and power state; "" if absent."""
        ...

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        """Carry out one action of this kind. Idempotent. What it reports is shown at the end, too,
        unless it ends in `…`; that may be said again and again. An action that waits reports "", too:
        that raises Interruption where it is to give up. Raises LibvirtFailure."""
        ...
