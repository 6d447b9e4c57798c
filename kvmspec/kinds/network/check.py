"""What one network cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from kvmspec.kinds.network.spec import NetworkSpec
from kvmspec.kinds.reservations import reservations
from kvmspec.manifest.section import Finding, Item, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """DHCP servers that have nothing to hand out, and subnets that overlap on one host."""
    for item in manifest.of("network"):
        yield from _idle(item, manifest)
    yield from _overlapping(manifest)


def _idle(item: Item, manifest: Manifest) -> Iterator[Finding]:
    """`dhcp: {}` serves the interfaces that state an `ip`; without one it says nothing."""
    assert isinstance(item.spec, NetworkSpec)
    dhcp = item.spec.dhcp
    if dhcp is None or dhcp.start or dhcp.hosts or item.spec.uuid:
        return
    if not any(reservations(manifest, item.name, host, None) for host in item.hosts):
        yield Finding(
            (*item.path, "dhcp"),
            f"DHCP of network {item.name} has nothing to hand out",
            "state `start` and `end`, `hosts`, or an `ip` on the interfaces of its VMs",
            warning=True,
        )


def _overlapping(manifest: Manifest) -> Iterator[Finding]:
    by_host: dict[str, list[tuple[IPv4Network, Item]]] = {}
    for item in manifest.of("network"):
        assert isinstance(item.spec, NetworkSpec)
        if item.spec.subnet is not None:
            for host in item.hosts:
                by_host.setdefault(host, []).append((IPv4Network(item.spec.subnet), item))
    told: set[tuple[str, str]] = set()
    for host, subnets in by_host.items():
        for second, first in _overlaps(subnets):
            if (first[1].name, second[1].name) not in told:
                told.add((first[1].name, second[1].name))
                yield _finding(host, first, second)


def _overlaps(
    subnets: list[tuple[IPv4Network, Item]],
) -> Iterator[tuple[tuple[IPv4Network, Item], tuple[IPv4Network, Item]]]:
    """(one, another it overlaps): in order of their first address, whoever begins before the
    furthest end so far."""
    furthest: tuple[IPv4Network, Item] | None = None
    for entry in sorted(subnets, key=lambda each: (each[0], each[1].name)):
        if furthest is not None and entry[0].network_address <= furthest[0].broadcast_address:
            yield entry, furthest
        if furthest is None or entry[0].broadcast_address > furthest[0].broadcast_address:
            furthest = entry


def _finding(host: str, first: tuple[IPv4Network, Item], second: tuple[IPv4Network, Item]) -> Finding:
    """libvirt defines both, and starts one of them."""
    idle = any(getattr(item.spec, "state", "") == "any" for _, item in (first, second))
    return Finding(
        (*second[1].path, "subnet"),
        f"{second[0]} overlaps {first[0]} of network {first[1].name}, which is on {host} too",
        "choose another subnet; guests and host could not tell the two apart",
        warning=idle,
    )
