"""What can be said of a network: the field table, and the facts of one network by that table.

A *fact* is the smallest thing that changes as one: a field, or one entry of a map (one
reservation). Its address is (field, key); the key is empty for a plain field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kvmspec.core.impact import Impact

Path = tuple[str, ...]
Fact = tuple[str, str]
Facts = dict[Fact, Any]


class Field(NamedTuple):
    """One row.

    path     in the manifest; `{}` stands for the key of a map
    at       canonical path; `ip` is the network's own IPv4 element, `*` the key of a map
    impact   of a change while the network runs; stopped it is none
    section  virNetworkUpdate's, where that can do it
    reason   shown with a restart
    show     the value as a user writes it
    """

    path: str
    at: Path
    impact: Impact = Impact.RESTART
    section: str = ""
    reason: str = "set when the network starts"
    show: Callable[[Any], Any] = lambda value: value


def _duration(seconds: int) -> str:
    """The shortest exact duration: 43200 → `12h`."""
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def _range(value: tuple[str, str]) -> str:
    return f"{value[0]} to {value[1]}"


def _reservation(value: tuple[str, str]) -> str:
    return " ".join(filter(None, value))


def _names(value: tuple[str, ...]) -> str:
    return ", ".join(value)


_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))

FIELDS: Mapping[str, Field] = {
    "mode": Field("mode", ("forward", "@mode"), reason="forwarding is set when the network starts"),
    "bridge": Field("bridge", ("bridge", "@name")),
    "mtu": Field("mtu", ("mtu", "@size"),
                 reason="set when the network starts; guests learn it at their next boot"),
    "domain": Field("domain", ("domain", "@name"), reason="the DNS server reads it when the network starts"),
    "subnet": Field("subnet", ("ip", "@netmask"), reason="addresses are set when the network starts"),
    "gateway": Field("gateway", ("ip", "@address"), reason="addresses are set when the network starts"),
    "range": Field("dhcp.range", ("ip", "dhcp", "range", "*"), Impact.LIVE, "ip-dhcp-range",
                   show=_range),
    "lease": Field("dhcp.lease", ("ip", "dhcp", "range", "*", "lease"), Impact.LIVE, "ip-dhcp-range",
                   show=_duration),
    "reservation": Field("dhcp.hosts[{}]", ("ip", "dhcp", "host", "*"), Impact.LIVE, "ip-dhcp-host",
                         show=_reservation),
    "dns": Field("dns.hosts[{}]", ("dns", "host", "*"), Impact.LIVE, "dns-host", show=_names),
    "other": Field("xml:{}", (), reason="not in the manifest, and not known to change while running",
                   show=lambda value: "set"),
}  # fmt: skip
"""The rows; the last one is everything else."""
