"""The resolved manifest → everything that is wanted, by address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.errors import ManifestError, UsageError
from kvmspec.core.observed import HostView
from kvmspec.core.problem import Problem
from kvmspec.kinds.base import Kind
from kvmspec.kinds.records import records
from kvmspec.manifest.section import HostEntry, Manifest


def desire(
    manifest: Manifest, kinds: Mapping[str, Kind], views: Mapping[str, HostView]
) -> dict[Address, Desired]:
    """What the manifest wants, in the order of the kinds. Volumes declared inside VMs come with
    their VM's. Without views (offline), as if nothing were there yet.

    Raises ManifestError where two of them are the same volume.
    """
    found: dict[Address, Desired] = {}
    clashes: list[Problem] = []
    for kind in kinds.values():
        for item in manifest.of(kind.name):
            for host in item.hosts:
                view = views.get(host)
                known = view if view is not None and not view.unknown else None
                for desired in kind.desire(manifest, item, host, known):
                    if desired.address in found:
                        clashes.append(_clash(found[desired.address], desired, manifest, known))
                    found[desired.address] = desired
    if clashes:
        raise ManifestError(clashes)
    rank = {name: position for position, name in enumerate(kinds)}
    return dict(sorted(found.items(), key=lambda entry: (entry[0].host, rank[entry[0].kind], entry[0].name)))


def _clash(first: Desired, second: Desired, manifest: Manifest, view: HostView | None) -> Problem:
    """Two that are one volume. After a rename that is the VM which kept its volume, and one that has its old
    name now; the place is that of the one that can still choose."""
    volume, newer = second.address.name, second
    old = next((d for d in (first, second) if _has(d, volume, view)), None)
    if old is not None:
        newer = first if old is second else second
    names = [d.owner.short if d.owner else d.address.short for d in (first, second)]
    message = f"{names[0]} and {names[1]} both have the volume {volume}"
    if old is not None and old.owner is not None:
        message += f": {old.owner.short} was renamed, and has kept it"
    return Problem(
        message,
        manifest.where(newer.path),
        ".".join(map(str, newer.path)),
        "a disk's volume is called after its VM and its name: give this disk another name",
    )


def _has(item: Desired, volume: str, view: HostView | None) -> bool:
    """Whether it is the disk of a VM that has the volume by another name than its own."""
    if item.owner is None or view is None or volume.partition("/")[2].startswith(f"{item.owner.name}-"):
        return False
    return any(volume in record.volumes for record in records(view).values())


def choose_hosts(manifest: Manifest, wanted: Iterable[str]) -> dict[str, HostEntry]:
    """The hosts that `--host NAME|LABEL=VALUE` names; all without. Raises UsageError."""
    wanted = tuple(wanted)
    if not wanted:
        return dict(manifest.hosts)
    chosen: dict[str, HostEntry] = {}
    for term in wanted:
        label, equals, value = term.partition("=")
        matching = {
            name: host
            for name, host in manifest.hosts.items()
            if (equals and host.labels.get(label) == value) or (not equals and name == term)
        }
        if not matching:
            raise UsageError(
                f"no host matches --host {term}", hint=f"the hosts are: {', '.join(manifest.hosts)}"
            )
        chosen |= matching
    return {name: host for name, host in manifest.hosts.items() if name in chosen}


def choose_targets(
    desired: Mapping[Address, Desired], wanted: Iterable[str], *, needs: bool = True
) -> frozenset[Address] | None:
    """The addresses that `--target kind/name` names, with all they need; None for everything.

    With needs=False (to destroy them) without what they need: others may need it too. A counted
    VM can be named as a whole. Raises UsageError on a target that is not wanted.
    """
    wanted = tuple(wanted)
    if not wanted:
        return None
    chosen: set[Address] = set()
    for term in wanted:
        matching = [address for address, item in desired.items() if _names(term, address, item)]
        if not matching:
            raise UsageError(
                f"nothing in the manifest is called {term}", hint="write --target kind/name, e.g. vm/web"
            )
        for address in matching:
            if needs:
                _with_needs(address, desired, chosen)
            else:
                chosen.add(address)
    return frozenset(chosen)


def choose_disks(desired: Mapping[Address, Desired], wanted: Iterable[str]) -> frozenset[Address]:
    """The volumes of the disks that `--replace vm/NAME/DISK` names. Raises UsageError."""
    chosen = set()
    for term in wanted:
        found = [
            address
            for address, item in desired.items()
            if item.owner is not None and item.extra and term == f"{item.owner.short}/{item.extra}"
        ]
        if not found:
            raise UsageError(
                f"--replace {term} names no disk of the manifest",
                hint="write vm/NAME/DISK, of a disk of the VM's own, such as vm/web-1/root",
            )
        chosen |= set(found)
    return frozenset(chosen)


def _names(term: str, address: Address, item: Desired) -> bool:
    group = f"{address.kind}/{item.path[-1]}" if item.path and item.owner is None else ""
    return term in (address.short, str(address), group, f"{address.kind}/{address.leaf}")


def _with_needs(address: Address, desired: Mapping[Address, Desired], chosen: set[Address]) -> None:
    if address in chosen or address not in desired:
        return
    chosen.add(address)
    for need in desired[address].needs:
        _with_needs(need, desired, chosen)
