"""What changing an interface costs.

virDomainUpdateDeviceFlags finds it by its MAC. libvirt 9.0 refuses the rest with "cannot modify MTU",
"cannot modify virtio network device driver attributes" and the like (measured, with QEMU 7.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.row import Field, Path, attribute, number
from kvmspec.kinds.domain.rules import Plug, Rule, Verdict, live, restart
from kvmspec.kinds.domain.tables.nic_places import (
    ANOTHER,
    FIRMWARE,
    NIC,
    PORT,
    REFUSED,
    TAP,
    at_boot,
    parameters,
    placed,
    served,
)
from kvmspec.kinds.ports import show_burst, show_rate

MOVED = live("the cable is plugged in elsewhere")
PORTGROUP = restart("libvirt takes another portgroup of the same network, and does nothing")
_CARD = restart("the guest sees another card")
_MACVTAP = restart("libvirt does not move an interface from or to one of the host's")
_TC = "a kernel with the packet schedulers htb and sfq"


_PLUGGED = ("network", "bridge", "direct", "ethernet", "hostdev", "vhostuser", "vdpa", "user")


def _unpluggable(nic: Mapping[str, Any]) -> tuple[str, str] | None:
    """qemuDomainAttachNetDevice plugs these alone."""
    kind = nic.get("@type", "network")
    return None if kind in _PLUGGED else (f"libvirt plugs no interface of type {kind}", "")


NIC_PLUG = Plug(refusal=_unpluggable)


def _kind(before: Any, after: Any, guest: Guest) -> Verdict:
    """Between networks and bridges the cable moves; qemuDomainChangeNet needs a new device for the rest."""
    kinds = {before, after} - {"network", "bridge", None}
    rule = _MACVTAP if kinds == {"direct"} else ANOTHER if kinds else MOVED
    return rule(before, after, guest)


def _filter(value: Any) -> Any:
    """`clean-traffic (IP=192.168.150.10)`"""
    return f"{value.get('@filter')}{_told(value.get('parameter'))}" if isinstance(value, dict) else value


def _told(pairs: Any) -> str:
    return f" ({_pairs(pairs)})" if pairs else ""


def _pairs(pairs: Any) -> Any:
    listed = pairs if isinstance(pairs, list) else []
    return ", ".join(f"{pair['@name']}={pair['@value']}" for pair in listed) or None


def _vlan(value: Any) -> Any:
    """`42`, or `10, 20 (native 10)`"""
    tags = value.get("tag", []) if isinstance(value, dict) else []
    modes = {"untagged": "native", "tagged": "native, tagged,"}
    native = [f" ({modes[mode]} {tag['@id']})" for tag in tags if (mode := tag.get("@nativeMode")) in modes]
    return ", ".join(tag["@id"] for tag in tags) + "".join(native)


def _traffic(value: Any) -> str:
    """`100MB (peak 200MB, burst 2MiB)`"""
    more = [f"{name} {_amount(name)(value[f'@{name}'])}" for name in _AMOUNTS[1:] if f"@{name}" in value]
    average = show_rate(int(value["@average"])) if "@average" in value else ""
    return f"{average} ({', '.join(more)})".strip() if more else average


def _both(value: Any) -> str:
    return ", ".join(f"{name} {_traffic(limits)}" for name, limits in value.items())


_AMOUNTS = ("average", "peak", "burst", "floor")


def _amount(name: str) -> Callable[[Any], Any]:
    show = show_burst if name == "burst" else show_rate
    return lambda value: show(int(value)) if value is not None else None


def _bandwidth() -> Iterator[Field]:
    """An update that fails can leave a tap shaped all the same (measured on a kernel without sfq)."""
    path, element = "networks.{key}.bandwidth", (*NIC, "bandwidth")
    rule = live("shaped on the tap")
    for way in ("inbound", "outbound"):
        names = _AMOUNTS if way == "inbound" else _AMOUNTS[:-1]
        for name in names:
            yield Field(
                f"{path}.{way}.{name}",
                (*element, way, f"@{name}"),
                rule,
                _amount(name),
                removable=True,
                call=Call.UPDATE,
                unproved=_TC,
            )
        yield _live(f"{path}.{way}", (*element, way), rule, _traffic, _TC)
    yield _live(path, element, rule, _both, _TC)


def _live(
    manifest: str, canonical: Path, rule: Rule, show: Callable[[Any], Any], unproved: str = ""
) -> Field:
    """An element that can be put there, changed, and taken away."""
    return Field(
        manifest, canonical, rule, show, removable=True, call=Call.UPDATE, whole=True, unproved=unproved
    )


def _number(name: str) -> Callable[[Any], Any]:
    return lambda value: number(attribute(name)(value))


ROWS: tuple[Field, ...] = (
    Field("networks.{key}.mac", (*NIC, "mac", "@address"), _CARD),
    Field("networks.{key}.model", (*NIC, "model", "@type"), _CARD),
    Field("networks.{key}.network", (*NIC, "source", "@network"), MOVED, removable=True, call=Call.UPDATE),
    Field("networks.{key}.bridge", (*NIC, "source", "@bridge"), MOVED, removable=True, call=Call.UPDATE),
    Field("networks.{key}.macvtap", (*NIC, "source", "@dev"), _MACVTAP, removable=True),
    Field("networks.{key}.macvtap.mode", (*NIC, "source", "@mode"), _MACVTAP, removable=True),
    Field(
        "networks.{key}.portgroup",
        (*NIC, "source", "@portgroup"),
        PORTGROUP,
        removable=True,
        call=Call.UPDATE,
    ),
    Field("networks.{key}", (*NIC, "@type"), _kind, call=Call.UPDATE, twin=True),
    _live("networks.{key}.link", (*NIC, "link"), live("the guest sees its cable"), attribute("state")),
    _live(
        "networks.{key}.filter.parameters",
        (*NIC, "filterref", "parameter"),
        live("the host's rules are made anew"),
        _pairs,
    ),
    _live("networks.{key}.filter", (*NIC, "filterref"), live("the host's rules are made anew"), _filter),
    *_bandwidth(),
    _live(
        "networks.{key}.isolated",
        (*NIC, "port"),
        live("of the bridge's port"),
        lambda value: attribute("isolated")(value) == "yes",
    ),
    _live("networks.{key}.coalesce", (*NIC, "coalesce"), live("of the tap"), lambda value: _frames(value)),
    Field("networks.{key}.vlan", (*NIC, "vlan", "@trunk"), PORT, removable=True),
    at_boot("networks.{key}.vlan", (*NIC, "vlan"), PORT, _vlan),
    *parameters(),
    at_boot("networks.{key}.virtualport", (*NIC, "virtualport"), PORT, attribute("type")),
    at_boot("networks.{key}.mtu", (*NIC, "mtu"), REFUSED, _number("size")),
    Field("networks.{key}.queues", (*NIC, "driver", "@queues"), REFUSED, number, removable=True),
    *served(),
    *placed(),
    at_boot("networks.{key}.tap", (*NIC, "target"), TAP, attribute("dev")),
    Field("networks.{key}.loadparm", (*NIC, "boot", "@loadparm"), FIRMWARE, removable=True),
    at_boot(
        "networks.{key}.boot_order",
        (*NIC, "boot"),
        FIRMWARE,
        _number("order"),
    ),
    Field("networks.{key}", NIC, NIC_PLUG, removable=True, call=Call.PLUG),
)


def _frames(value: Any) -> Any:
    """`rx_frames: 32`, as the manifest says it."""
    frames = value.get("rx", {}).get("frames", {}) if isinstance(value, dict) else {}
    return f"rx_frames {frames['@max']}" if "@max" in frames else None
