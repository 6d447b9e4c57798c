"""What need not be said, since libvirt says it by itself: left out before two domains are compared.

So that what one states and the other leaves to libvirt is no difference, and a fragment holds none of it.
Measured on 9.0: a dump that is defined again without these comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvmspec.canon.units import to_bytes

# element → attributes and what libvirt gives them where they are not stated
_ATTRIBUTES: dict[str, dict[str, str]] = {
    "vcpu": {"placement": "static"},
    "cpu/numa/cell/cache": {"associativity": "none", "policy": "none"},
    "devices/disk": {"device": "disk"},
    "devices/disk/driver": {"name": "qemu"},
}
# whole elements of the domain: their attributes and text
_WHOLE: dict[str, tuple[dict[str, str], str | None]] = {
    "clock": ({"offset": "utc"}, None),
    "on_poweroff": ({}, "destroy"),
    "on_reboot": ({}, "restart"),
    "on_crash": ({}, "destroy"),
}


def leave_unsaid(domain: Any, original: Any = None) -> None:
    """Take out of a domain's tree what libvirt would add to it again.

    What follows from something else (the current memory from the maximum) goes from a rendered domain only
    where that is the same in the original, from which it has gone already.
    """
    for path, defaults in _ATTRIBUTES.items():
        for node in domain.findall(path):
            for name, value in defaults.items():
                if node.get(name) == value:
                    del node.attrib[name]
    for tag, (attributes, text) in _WHOLE.items():
        nodes = [(node, node.attrib.items(), node.text, len(node)) for node in domain.findall(tag)]
        if len(nodes) == 1 and nodes[0][2:] == (text, 0) and set(nodes[0][1]) <= set(attributes.items()):
            domain.remove(nodes[0][0])
    _isa(domain)
    for rule in (_memory, _vcpu, _boot, *map(_ports, ("serial", "console", "parallel"))):
        rule(domain, domain if original is None else original)
    for alias in domain.findall("devices/*/alias"):
        if not alias.get("name", "").startswith("ua-"):
            alias.getparent().remove(alias)


def _isa(domain: Any) -> None:
    """A serial port of a PC is an ISA one, unless its address is elsewhere."""
    kind = domain.find("os/type")
    if kind is None or kind.get("arch") not in ("x86_64", "i686"):
        return
    for serial in domain.findall("devices/serial"):
        target, address = serial.find("target[@type='isa-serial']"), serial.find("address")
        if target is None or (address is not None and address.get("type") != "isa"):
            continue
        for model in target.findall("model[@name='isa-serial']"):
            target.remove(model)
        if not len(target):
            _without(target, "type")


def _memory(domain: Any, original: Any) -> None:
    """The guest gets all the memory it may have; with NUMA cells the maximum is counted anew."""
    current, memory = domain.find("currentMemory"), _amount(domain.find("memory"))
    if current is None or domain.find("cpu/numa") is not None or original.find("cpu/numa") is not None:
        return
    if _amount(current) == memory == _amount(original.find("memory")):
        domain.remove(current)


def _amount(node: Any) -> int | None:
    try:
        return None if node is None else to_bytes((node.text or "").strip(), node.get("unit") or "KiB")
    except (KeyError, ValueError):
        return None


def _vcpu(domain: Any, original: Any) -> None:
    """All processors are there."""
    vcpu, most = domain.find("vcpu"), (domain.findtext("vcpu") or "").strip()
    if vcpu is not None and vcpu.get("current") == most == (original.findtext("vcpu") or "").strip():
        del vcpu.attrib["current"]


def _boot(domain: Any, original: Any) -> None:
    """From disk, unless a device has an order (virDomainDefPostParseOs)."""
    said = [boot.get("dev") for boot in domain.findall("os/boot")]
    if said == ["hd"] and all(map(_boots_from_disk, (domain, original))):
        machine = domain.find("os")
        machine.remove(machine.find("boot"))


def _boots_from_disk(domain: Any) -> bool:
    said = [boot.get("dev") for boot in domain.findall("os/boot")]
    kind = (domain.findtext("os/type") or "").strip()
    return said in ([], ["hd"]) and kind == "hvm" and domain.find("devices/*/boot") is None


def _ports(tag: str) -> Callable[[Any, Any], None]:
    """Ports are numbered in their order; those without a number come behind all that have one."""

    def rule(domain: Any, original: Any) -> None:
        numbers = [_port(node) for node in domain.findall(f"devices/{tag}")]
        stated = [number for number in numbers if number is not None]
        first = [number is not None for number in numbers] == [n < len(stated) for n in range(len(numbers))]
        in_order = first and stated == [str(n) for n in range(len(stated))]
        if in_order and (domain is original or original.find(f"devices/{tag}/target[@port]") is None):
            for target in domain.findall(f"devices/{tag}/target"):
                _without(target, "port")

    return rule


def _port(node: Any) -> str | None:
    target = node.find("target")
    return None if target is None else target.get("port")


def _without(node: Any, name: str) -> None:
    """Remove an attribute, and the element where it says nothing more."""
    node.attrib.pop(name, None)
    if not node.attrib and not len(node):
        node.getparent().remove(node)
