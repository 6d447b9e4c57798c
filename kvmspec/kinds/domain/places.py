"""Addresses, aliases and ACPI indexes of devices: as libvirt has them, as a manifest writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kvmspec.core.memo import once
from kvmspec.kinds.domain.address_spec import Placeable

if TYPE_CHECKING:
    from kvmspec.kinds.domain.spec import VmSpec

Data = Mapping[str, Any]


class NoWord(ValueError):
    """An address that the manifest has no word for."""


def word(address: Any) -> Any:
    """Of canonical data: `00:05.0`, or a map of one of the kinds of addresses. Raises NoWord."""
    if not isinstance(address, dict) or "@type" not in address:
        raise NoWord
    found = {name[1:]: value for name, value in address.items() if name.startswith("@")}
    kind = found.pop("type")
    read = _READ.get(kind)
    if read is None or any(name != "zpci" for name in address if not name.startswith("@")):
        raise NoWord(kind)
    several = found.pop("multifunction", None)
    made: dict[str, Any] = {kind.replace("-", "_"): read(found)}
    if several is not None:
        made["multifunction"] = several == "on"
    if zpci := address.get("zpci"):
        made["zpci"] = {name[1:]: int(value, 0) for name, value in zpci.items()}
    return made["pci"] if made.keys() == {"pci"} else made


def _pci(found: Data) -> str:
    domain, bus, slot, function = (
        int(found.get(name, "0"), 0) for name in ("domain", "bus", "slot", "function")
    )
    if domain or found.keys() - {"domain", "bus", "slot", "function"}:
        raise NoWord("pci")
    return f"{bus:02x}:{slot:02x}.{function:x}"


def _listed(*names: str) -> Callable[[Data], str]:
    def read(found: Data) -> str:
        if found.keys() != set(names):
            raise NoWord
        return ":".join(found[name] for name in names)

    return read


def _usb(found: Data) -> str:
    return ":".join(found[name] for name in ("bus", "port") if name in found)


def _dimm(found: Data) -> Any:
    slot = int(found["slot"])
    return {"slot": slot, "base": found["base"]} if "base" in found else slot


def _ccw(found: Data) -> str:
    cssid, ssid, devno = (int(found[name], 0) for name in ("cssid", "ssid", "devno"))
    return f"{cssid:x}.{ssid:x}.{devno:04x}"


_READ: Mapping[str, Callable[[Data], Any]] = {
    "pci": _pci,
    "drive": _listed("controller", "bus", "target", "unit"),
    "usb": _usb,
    "virtio-serial": _listed("controller", "bus", "port"),
    "ccid": _listed("controller", "slot"),
    "isa": dict,
    "dimm": _dimm,
    "ccw": _ccw,
    "spapr-vio": lambda found: found["reg"],
    "virtio-mmio": lambda found: True,
    "unassigned": lambda found: True,
}


def _index(value: Any) -> int:
    return int(value)


PLACES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("address", "address", word),
    ("alias/@name", "alias", str),
    ("acpi/@index", "acpi_index", _index),
)
"""Place in a device's canonical data, field, and how one becomes the other."""
_ELEMENTS = {"address": "address", "alias": "alias", "acpi_index": "acpi", "labels": "seclabel"}


@once
def stated(spec: VmSpec) -> frozenset[str]:
    """The elements of PLACES that any device of a VM states, and labels of the host's files."""
    found: set[str] = set()
    for device in _devices(spec):
        found.update(_ELEMENTS.keys() & device.model_fields_set)
    if any(nic.hostdev for nic in spec.networks):  # which is an address, and not what it is known by
        found.add("address")
    if any(line.labels for line in spec.devices.lines):
        found.add("labels")
    sources = {name for disk in spec.disks for name in disk.within_source}
    return frozenset(_ELEMENTS[name] for name in found) | sources


_SHARED = frozenset({"drive", "isa", "spapr_vio", "virtio_mmio", "unassigned"})
"""Kinds of addresses that two devices may have alike: of another bus, or of none."""


def clash(spec: VmSpec) -> str | None:
    """A place where two devices are stated to be, such as `pci 00:05.0`. libvirt refuses that when the VM is
    defined ("Attempted double use of PCI Address")."""
    taken: set[str] = set()
    for device in _devices(spec):
        if device.address is not None and device.address.kind not in _SHARED:
            place = device.address.place
            if place in taken:
                return place
            taken.add(place)
    return None


def _devices(spec: VmSpec) -> Iterator[Placeable]:
    memory = spec.memory.plugged_in if spec.memory else ()
    several: list[Any] = [spec.disks, spec.networks, spec.controllers, spec.filesystems, memory]
    several += [getattr(spec.devices, name) for name in spec.devices.model_fields_set]
    for group in (*several, spec.tpm, spec.guest_agent):
        for device in group if isinstance(group, tuple) else (group,):
            if isinstance(device, Placeable):
                yield device
