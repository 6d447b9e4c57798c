"""What libvirt gives a domain again by itself, and what only a running one has: left out of a manifest.

Measured on libvirt 9.0 with QEMU 7.2 unless said otherwise. What is not known to come back is kept.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kvmspec.kinds.domain.importing import generated, lines

OWN = "{urn:kvmspec:1}"

_ALONE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "clock": ("", {"offset": "utc"}),
    "on_poweroff": ("destroy", {}),
    "on_reboot": ("restart", {}),
    "on_crash": ("destroy", {}),
}
"""element of <domain> → its text and attributes where it says nothing new."""


class Word(NamedTuple):
    """An attribute that says nothing new with that value."""

    path: str
    name: str
    value: str


_WORDS = (
    Word("vcpu", "placement", "static"),
    Word("cpu", "match", "exact"),
    Word("cpu[@mode='host-model']", "check", "partial"),
    Word("cpu[@mode='host-passthrough']", "check", "none"),
    Word("cpu[@mode='host-passthrough']", "migratable", "on"),
    Word("cpu[@mode='maximum']", "check", "none"),
    Word("cpu[@mode='maximum']", "migratable", "on"),
    Word("cpu[@mode='custom']/model", "fallback", "allow"),
    Word("clock[@offset='variable']", "adjustment", "0"),
    Word("clock[@offset='variable']", "basis", "utc"),
    Word("features/hyperv", "mode", "custom"),
    Word("devices/video[1]/model", "primary", "yes"),
    Word("devices/video/model", "heads", "1"),
    *(
        Word(f"devices/video/model[@type='{kind}']", "vram", "16384")
        for kind in ("cirrus", "vga", "bochs", "vmvga")
    ),
    Word("devices/watchdog", "action", "reset"),
    *(
        Word(f"devices/hostdev[@type='{kind}']", "managed", "no")
        for kind in ("usb", "scsi", "scsi_host", "mdev")
    ),
    Word("devices/disk[@type='vhostuser']", "snapshot", "no"),
)
_QXL = {"ram": "65536", "vram": "65536", "vgamem": "16384"}
_PS2 = ("x86_64", "i686")
"""Architectures that libvirt gives a mouse and a keyboard."""
_HOLLOW = (
    "devices/audio/input/settings",
    "devices/audio/output/settings",
    "devices/audio/input",
    "devices/audio/output",
)
"""Elements that are nothing without attributes."""


def plain(root: ET.Element) -> ET.Element:
    """The domain without what comes back by itself. Changes `root`, and returns it."""
    _without_state(root)
    for tag, (text, attributes) in _ALONE.items():
        node = root.find(tag)
        if node is None or len(node):
            continue
        if (node.text or "").strip() == text and node.attrib == attributes:
            root.remove(node)
    vcpu = root.find("vcpu")
    if vcpu is not None and "current" not in vcpu.attrib:  # as it is rendered; libvirt means the same
        vcpu.set("current", (vcpu.text or "1").strip())
    _default_cpu(root)
    _variables(root)
    _advised(root)
    usual = Word("cpu[@mode='custom']", "check", "none" if root.get("type") == "qemu" else "partial")
    for word in (usual, *_WORDS):
        for node in root.findall(word.path):
            if node.get(word.name) == word.value:
                del node.attrib[word.name]
    for path in _HOLLOW:
        _remove(root, path, lambda node: not node.attrib and not len(node))
    _devices(root)
    return root


def _devices(root: ET.Element) -> None:
    for model in root.findall("devices/video/model[@type='qxl']"):
        if {name: model.get(name) for name in _QXL} == _QXL:
            for name in _QXL:
                del model.attrib[name]
    kind = root.find("os/type")
    arch = kind.get("arch") if kind is not None else None
    emulator = root.find("devices/emulator")
    if emulator is not None and emulator.text == f"/usr/bin/qemu-system-{arch}":
        _remove(root, "devices/emulator", lambda node: True)
    _boot(root)
    generated.leave_out(root)
    lines.leave_out(root, arch or "")
    _remove(root, "devices/input", lambda node: node.get("bus") == "ps2" and not len(node) and arch in _PS2)
    _remove(root, "devices/memballoon", lambda node: node.attrib == {"model": "virtio"} and not len(node))
    _remove(root, "devices/graphics/listen", lambda node: node.attrib == {"type": "address"})
    if len(root.findall("devices/audio")) == 1:
        _remove(root, "devices/audio", lambda node: not len(node) and node.attrib == _audio(root))


def _audio(root: ET.Element) -> dict[str, str]:
    """The audio backend that libvirt adds: that of SPICE or SDL where there is such a display."""
    kinds = [node.get("type") for node in root.findall("devices/graphics")]
    return {"id": "1", "type": next((kind for kind in kinds if kind in ("spice", "sdl") and kind), "none")}


def _boot(root: ET.Element) -> None:
    """Without an order of any kind libvirt boots from disk."""
    boots = root.findall("os/boot")
    if [node.attrib for node in boots] == [{"dev": "hd"}] and root.find("devices/*/boot") is None:
        _remove(root, "os/boot", lambda node: True)


def _variables(root: ET.Element) -> None:
    """The file that libvirt chooses for the variables of an image in flash memory that is named."""
    machine, node = root.find("os"), root.find("os/nvram")
    if machine is None or node is None or len(node) or "firmware" in machine.attrib:
        return
    if machine.find("loader[@type='pflash'][@readonly='yes']") is None:
        return
    if node.text == f"/var/lib/libvirt/qemu/nvram/{root.findtext('name')}_VARS.fd":
        node.text = None
        if not node.attrib:
            machine.remove(node)


def _default_cpu(root: ET.Element) -> None:
    """The CPU of QEMU's that libvirt writes down where none is stated."""
    cpu = root.find("cpu")
    if cpu is None or {**cpu.attrib} != {"mode": "custom", "match": "exact", "check": "none"}:
        return
    model = cpu.find("model")
    if model is None or model.text != "qemu64" or model.attrib != {"fallback": "forbid"}:
        return
    if cpu.find("feature") is not None or cpu.find("vendor") is not None:
        return
    cpu.remove(model)
    cpu.attrib.clear()
    if not len(cpu):
        root.remove(cpu)


def _advised(root: ET.Element) -> None:
    """Where vCPUs are placed as numad advises, memory is, too."""
    if root.find("vcpu[@placement='auto']") is None:
        return
    memory = root.find("numatune/memory")
    if memory is not None and memory.attrib == {"mode": "strict", "placement": "auto"}:
        _remove(root, "numatune", lambda node: len(node) == 1)


def _without_state(root: ET.Element) -> None:
    """What the dump of a running guest has besides its definition, and kvmspec's own record."""
    running = root.attrib.pop("id", None) is not None
    _remove(root, "metadata/*", lambda node: node.tag.startswith(OWN))
    _remove(root, "metadata", lambda node: not len(node))
    _remove(root, "devices/*/alias", lambda node: not (node.get("name") or "").startswith("ua-"))
    if not running:
        return
    _remove(root, "devices/disk/backingStore", lambda node: not len(node))
    _remove(root, "devices/interface/target", lambda node: (node.get("dev") or "").startswith("vnet"))
    _remove(root, "resource", lambda node: True)
    for source in root.findall("devices/hostdev[@type='usb']/source[vendor]"):
        _remove(source, "address", lambda node: True)
    _remove(root, "seclabel", lambda node: node.get("type") == "dynamic")
    for path, name in (("devices/disk/source", "index"), ("devices/interface/source", "portid"),
                       ("devices/console", "tty"), ("devices/channel/target", "state")):  # fmt: skip
        for node in root.findall(path):
            node.attrib.pop(name, None)


def _remove(root: ET.Element, path: str, when: Callable[[ET.Element], bool]) -> None:
    """Take out the elements at `path` for which `when` holds."""
    above, _, tag = path.rpartition("/")
    for parent in root.findall(above) if above else [root]:
        for node in list(parent.iterfind(tag)):
            if when(node):
                parent.remove(node)
