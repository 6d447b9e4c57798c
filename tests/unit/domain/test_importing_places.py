"""What is stated of addresses and controllers when a machine is imported: what libvirt would not give again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from kvmspec.adapters.jinja import Renderer
from kvmspec.kinds.domain.importing import generated, import_domain
from kvmspec.kinds.domain.rehearsal import defined
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))
PC, Q35, ARM = "pc-i440fx-7.2", "pc-q35-7.2", "virt-7.2"
UUID = "6f1d5c0e-8a53-4c6e-9b1c-0d8e2f4a7b10"


def domain(devices: str, machine: str = Q35, arch: str = "x86_64") -> ET.Element:
    return ET.fromstring(
        f"<domain type='qemu'><name>web</name><uuid>{UUID}</uuid><memory unit='KiB'>1048576</memory>"
        f"<vcpu placement='static'>1</vcpu><os><type arch='{arch}' machine='{machine}'>hvm</type></os>"
        f"<devices>{devices}</devices></domain>"
    )


def dump(devices: str, machine: str = Q35) -> ET.Element:
    """The machine as libvirt would dump it."""
    root = domain(devices, machine)
    whole = defined(root)
    old = root.find("devices")
    assert old is not None
    root.remove(old)
    root.append(whole)
    return root


def imported(root: ET.Element) -> dict[str, Any]:
    return import_domain(ET.tostring(root, encoding="unicode"), RENDERER).entry


def disk(letter: str = "a", bus: str = "virtio", more: str = "") -> str:
    prefix = {"virtio": "vd", "scsi": "sd"}[bus]
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/{letter}.qcow2'/>"
        f"<target dev='{prefix}{letter}' bus='{bus}'/>{more}</disk>"
    )


def at(bus: int, slot: int, function: int = 0, more: str = "") -> str:
    place = f"domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x{function}'"
    return f"<address type='pci' {place}{more}/>"


def port(index: int, more: str = "") -> str:
    return f"<controller type='pci' index='{index}' model='pcie-root-port'>{more}</controller>"


BALLOON = "<memballoon model='virtio'/>"
RNG = "<rng model='virtio'><backend model='builtin'/>{}</rng>"
CASES: dict[str, tuple[ET.Element, Any, Any]] = {
    "what libvirt gives": (dump(disk() + BALLOON), None, None),
    "the same on a pc": (dump(disk() + BALLOON, PC), None, None),
    "more ports than needed": (
        dump("".join(map(port, range(1, 9))) + disk() + BALLOON),
        [{"type": "pci", "model": "pcie-root-port", "index": 1, "count": 8}],
        None,
    ),
    "a port of another make": (
        dump(port(1, "<model name='ioh3420'/>") + port(2) + port(3) + disk()),
        [
            {"type": "pci", "model": "pcie-root-port", "index": 1, "model_name": "ioh3420"},
            {"type": "pci", "model": "pcie-root-port"},
            {"type": "pci", "model": "pcie-root-port"},
        ],
        None,
    ),
    "a port of another number": (
        dump(port(1, "<target chassis='9'/>") + port(2) + disk()),
        [
            {"type": "pci", "model": "pcie-root-port", "index": 1, "chassis": 9},
            {"type": "pci", "model": "pcie-root-port"},
        ],
        None,
    ),
    "a place that was chosen": (dump(disk(more=at(0, 9)) + BALLOON, PC), None, "00:09.0"),
    "no usb": (dump("<controller type='usb' index='0' model='none'/>" + disk()), [{"type": "usb", "model": "none"}], None),
    "another usb": (
        dump("<controller type='usb' index='0' model='nec-xhci'/>" + disk()),
        [{"type": "usb", "model": "nec-xhci"}],
        None,
    ),
    "a controller with a name": (
        dump("<controller type='usb' index='0' model='qemu-xhci'><alias name='ua-x'/></controller>" + disk()),
        [{"type": "usb", "model": "qemu-xhci", "alias": "ua-x"}],
        None,
    ),
    "an ide controller nobody needs": (
        dump("<controller type='ide' index='0'/>" + disk(), PC),
        ["ide"],
        None,
    ),
    "scsi as kvmspec makes it": (
        dump("<controller type='scsi' index='0' model='virtio-scsi'/>" + disk(bus="scsi")),
        None,
        None,
    ),
    "scsi as libvirt makes it": (
        dump(disk(bus="scsi"), PC),
        [{"type": "scsi", "model": "lsilogic"}],
        None,
    ),
    "a wide scsi bus": (
        dump(
            "<controller type='scsi' index='0' model='virtio-scsi'/>"
            + disk("i", "scsi", "<address type='drive' controller='0' bus='0' target='0' unit='8'/>")
        ),
        None,
        None,
    ),
    "a narrow scsi bus": (
        dump(
            "<controller type='scsi' index='0' model='virtio-scsi'/>"
            "<controller type='scsi' index='1' model='virtio-scsi'/>" + disk("i", "scsi")
        ),
        [{"type": "scsi", "model": "virtio-scsi"}, {"type": "scsi", "model": "virtio-scsi"}],
        {"drive": "1:0:0:1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_least_is_stated_that_brings_it_back(name: str) -> None:
    root, controllers, address = CASES[name]
    entry = imported(root)
    assert "xml" not in entry
    assert entry.get("controllers") == controllers
    assert entry["disks"][0].get("address") == address


def test_the_balloon_says_where_it_is() -> None:
    entry = imported(dump(disk() + "<memballoon model='virtio'>" + at(0, 12) + "</memballoon>", PC))
    assert entry["devices"]["balloon"] == {"address": "00:0c.0"}


def test_ports_that_are_alike_are_counted() -> None:
    bridge = "<controller type='pci' index='1' model='pcie-to-pci-bridge'/>"
    entry = imported(dump(bridge + "".join(map(port, range(2, 8))) + disk()))
    assert {"type": "pci", "model": "pcie-root-port", "count": 6} in entry["controllers"]


def test_of_several_functions_each_says_its_own() -> None:
    first = RNG.format(at(0, 20, more=" multifunction='on'"))
    entry = imported(dump(first + disk(more=at(0, 20, 1))))
    assert entry["disks"][0]["address"] == "00:14.1"
    assert entry["devices"]["rng"] == [{"source": "builtin", "address": "00:14.0"}], (
        "libvirt sees that there are two"
    )


STATED = """<controller type='usb' index='0' model='qemu-xhci'><address type='pci' domain='0x0000' bus='0x00'
slot='0x01' function='0x0'/></controller>"""


def test_on_a_machine_that_is_not_known_everything_is_stated() -> None:
    entry = imported(domain(STATED + disk(more=at(0, 2)), ARM, "aarch64"))
    assert entry["controllers"] == [{"type": "usb", "model": "qemu-xhci", "address": "00:01.0"}]
    assert entry["disks"][0]["address"] == "00:02.0"


def test_where_it_is_not_sure_everything_is_stated() -> None:
    twice = dump(disk(more=at(0, 5)), PC)
    devices = twice.find("devices")
    assert devices is not None
    devices.append(ET.fromstring(RNG.format(at(0, 5))))
    before = ET.tostring(twice)
    generated.leave_out(twice)
    assert ET.tostring(twice) == before


def test_a_machine_without_devices_is_none_of_its_business() -> None:
    generated.leave_out(ET.fromstring("<domain/>"))
