"""A network with the addresses that VMs state on their NICs."""

from __future__ import annotations

from collections.abc import Iterable

from kvmspec.kinds.network.dhcp import HostReservation
from kvmspec.kinds.network.spec import NetworkSpec
from kvmspec.kinds.reservations import Reservation


def with_reservations(spec: NetworkSpec, reserved: Iterable[Reservation]) -> NetworkSpec:
    """The network, and in its `dhcp.hosts` those of the VMs behind its own."""
    more = tuple(HostReservation(mac=each.mac, ip=each.ip, name=each.name) for each in reserved)
    if spec.dhcp is None or not more:
        return spec
    return spec.model_copy(update={"dhcp": spec.dhcp.model_copy(update={"hosts": (*spec.dhcp.hosts, *more)})})
