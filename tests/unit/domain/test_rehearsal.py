"""What libvirt 9.0 makes of a machine that does not say all, by rules alone. tests/live/test_rehearsal.py
proves the rules against a libvirtd; here are their corners."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from kvmspec.kinds.domain.rehearsal import Unsure, defined, family

PC, Q35 = "pc-i440fx-7.2", "pc-q35-7.2"
BALLOON = "<memballoon model='virtio'/>"


def domain(machine: str, devices: str, more: str = "") -> ET.Element:
    return ET.fromstring(
        f"<domain><os><type arch='x86_64' machine='{machine}'>hvm</type></os>{more}"
        f"<devices>{devices}</devices></domain>"
    )


def made(machine: str, devices: str, more: str = "") -> ET.Element:
    return defined(domain(machine, devices, more))


def places(devices: ET.Element, tag: str) -> list[str]:
    """In short: `00:05.0`, or the numbers of another address."""
    return [short(address) for address in devices.findall(f"{tag}/address")]


def short(address: ET.Element) -> str:
    if address.get("type") == "pci":
        bus, slot, function = (int(address.get(name, "0"), 16) for name in ("bus", "slot", "function"))
        return f"{bus:02x}:{slot:02x}.{function}" + (" and more" if "multifunction" in address.attrib else "")
    return ":".join(value for name, value in address.attrib.items() if name != "type")


def controllers(devices: ET.Element) -> list[str]:
    return [f"{c.get('type')}/{c.get('index')} {c.get('model') or ''}".rstrip()
            for c in devices.findall("controller")]  # fmt: skip


def disk(target: str, bus: str = "virtio", more: str = "") -> str:
    return f"<disk type='file'><target dev='{target}' bus='{bus}'/>{more}</disk>"


def at(bus: int, slot: int) -> str:
    return f"<address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x0'/>"


def test_a_pc_has_its_controllers_on_the_board_and_everything_else_behind_the_video_card() -> None:
    found = made(PC, disk("vda") + "<video><model type='vga'/></video>" + BALLOON)
    assert controllers(found) == ["usb/0 piix3-uhci", "pci/0 pci-root"]
    assert places(found, "video") == ["00:02.0"]
    assert places(found, "disk") + places(found, "memballoon") == ["00:03.0", "00:04.0"]


def test_without_a_video_card_its_slot_is_free() -> None:
    assert places(made(PC, disk("vda")), "disk") == ["00:02.0"]


def test_a_q35_gives_each_device_a_port_eight_to_a_slot_and_one_to_spare() -> None:
    found = made(Q35, "".join(disk(f"vd{letter}") for letter in "abcdefg"))
    assert places(found, "disk") == [f"{bus:02x}:00.0" for bus in range(2, 9)]  # behind usb
    ports = places(found, "controller[@model='pcie-root-port']")
    assert ports == ["00:01.0 and more", *(f"00:01.{n}" for n in range(1, 8)), "00:02.0"]
    assert controllers(found)[:3] == ["usb/0 qemu-xhci", "sata/0", "pci/0 pcie-root"]


def test_a_port_that_is_stated_is_the_last_one_and_those_before_it_come_by_themselves() -> None:
    found = made(Q35, "<controller type='pci' index='4' model='pcie-root-port'/>" + disk("vda"))
    assert [name for name in controllers(found) if "root-port" in name] == [
        "pci/4 pcie-root-port", "pci/1 pcie-root-port", "pci/2 pcie-root-port", "pci/3 pcie-root-port",
    ]  # fmt: skip


def test_a_conventional_card_on_q35_brings_a_bridge_in_a_port_of_its_own() -> None:
    found = made(Q35, "<sound model='ac97'/>")
    assert places(found, "sound") == ["02:01.0"]
    assert "pci/2 pcie-to-pci-bridge" in controllers(found)


def test_what_a_real_q35_has_is_where_it_is_there() -> None:
    found = made(Q35, "<sound model='ich9'/><controller type='pci' index='1' model='dmi-to-pci-bridge'/>")
    assert places(found, "sound") == ["00:1b.0"]
    assert "00:1e.0" in places(found, "controller")
    assert "00:1f.2" in places(found, "controller[@type='sata']")


def test_parts_of_a_usb2_controller_share_a_slot() -> None:
    parts = "<controller type='usb' index='0' model='ich9-ehci1'/>" + "".join(
        f"<controller type='usb' index='0' model='ich9-uhci{n}'><master startport='{2 * n - 2}'/></controller>"
        for n in (1, 2, 3)
    )
    assert places(made(PC, parts), "controller[@type='usb']") == [
        "00:02.7", "00:02.0 and more", "00:02.1", "00:02.2",
    ]  # fmt: skip
    assert places(made(Q35, parts), "controller[@type='usb']")[0] == "00:1d.7"


def test_a_full_bus_gets_a_bridge() -> None:
    listed = "".join(
        disk(f"vda{letter}" if n else "vda") for n, letter in enumerate("xabcdefghijklmnopqrstuvwxyz")
    )
    found = made(PC, listed + "<rng model='virtio'/>" * 3)
    assert "pci/1 pci-bridge" in controllers(found)
    bridge = found.find("controller[@model='pci-bridge']")
    assert bridge is not None and places(found, "controller[@model='pci-bridge']") == ["00:02.0"]
    assert [(child.tag, child.attrib) for child in bridge if child.tag != "address"] == [
        ("model", {"name": "pci-bridge"}),
        ("target", {"chassisNr": "1"}),
    ]


def test_drives_follow_from_their_targets() -> None:
    found = made(PC, disk("hdc", "ide") + disk("sdh", "scsi") + disk("fdb", "fdc"))
    assert places(found, "disk") == ["0:1:0:0", "1:0:0:0", "0:0:0:1"]
    assert controllers(found)[2:] == ["scsi/0 lsilogic", "scsi/1 lsilogic", "fdc/0", "ide/0"]


def test_scsi_devices_of_the_host_get_the_places_that_are_free() -> None:
    host = "<hostdev mode='subsystem' type='scsi'/>"
    found = made(PC, disk("sdb", "scsi") + host * 2)
    assert places(found, "hostdev") == ["0:0:0:0", "0:0:0:2"]
    assert controllers(found)[0] == "scsi/0 lsilogic", "before those of the machine"


def test_channels_get_ports_from_1() -> None:
    channel = "<channel type='pty'><target type='virtio' name='a'/>{}</channel>"
    taken = "<address type='virtio-serial' controller='0' bus='0' port='1'/>"
    found = made(PC, channel.format("") + channel.format(taken) + channel.format(""))
    assert places(found, "channel") == ["0:0:2", "0:0:1", "0:0:3"]


def test_a_console_takes_no_port_from_a_channel() -> None:
    console = "<console type='pty'><target type='virtio'/></console>"
    found = made(PC, console * 2 + "<channel type='pty'><target type='virtio' name='a'/></channel>")
    assert places(found, "channel") == ["0:0:1"] and places(found, "console") == []
    assert "virtio-serial/0" in controllers(made(PC, console))


def test_more_usb_devices_than_ports_bring_a_hub() -> None:
    found = made(PC, "<input type='tablet' bus='usb'/>" * 3)
    assert places(found, "hub") == ["0:1"]
    assert places(found, "input") == ["0:2", "0:1.1", "0:1.2"]


def test_memory_gets_the_lowest_slot_that_is_free() -> None:
    dimm = "<memory model='dimm'>{}</memory>"
    listed = dimm.format("") + dimm.format("<address type='dimm' slot='0'/>") + dimm.format("")
    assert places(made(PC, listed, "<maxMemory slots='4'>1</maxMemory>"), "memory") == ["1", "0", "2"]


def test_an_address_that_is_stated_stays_and_the_others_go_around_it() -> None:
    assert places(made(PC, disk("vda") + disk("vdb", more=at(0, 2))), "disk") == ["00:03.0", "00:02.0"]


def test_what_is_defined_is_left_as_it_is() -> None:
    root = domain(PC, disk("vda"))
    before = ET.tostring(root)
    defined(root)
    assert ET.tostring(root) == before


UNSURE = {
    "another architecture": "<domain><os><type arch='aarch64' machine='virt-7.2'/></os><devices/></domain>",
    "no devices": f"<domain><os><type arch='x86_64' machine='{PC}'/></os></domain>",
    "a place twice": (PC, disk("vda", more=at(0, 5)) + disk("vdb", more=at(0, 5))),
    "a port where there is none": (PC, "<controller type='pci' index='1' model='pcie-root-port'/>"),
    "a controller of the board elsewhere": (Q35, f"<controller type='sata' index='0'>{at(0, 3)}</controller>"),
    "a model nobody knows": (PC, "<controller type='pci' index='1' model='new'/>"),
    "a channel's port twice": (
        PC,
        "<channel><target type='virtio'/><address type='virtio-serial' controller='0' port='1'/></channel>" * 2,
    ),
    "a USB port twice": (PC, "<input bus='usb'><address type='usb' bus='0' port='1'/></input>" * 2),
    "no USB": (PC, "<controller type='usb' index='0' model='none'/><input bus='usb'/>"),
    "no number": (PC, "<controller type='usb' index='x' model='ehci'/>"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSURE)
def test_what_is_not_sure_is_told(name: str) -> None:
    case = UNSURE[name]
    root = ET.fromstring(case) if isinstance(case, str) else domain(*case)
    with pytest.raises(Unsure):
        defined(root)


@pytest.mark.parametrize(
    ("machine", "wanted"),
    [
        ("q35", "q35"),
        (Q35, "q35"),
        ("pc", "pc"),
        (PC, "pc"),
        ("pc-1.3", "pc"),
        ("microvm", ""),
        ("isapc", ""),
    ],
)
def test_machines_that_are_known(machine: str, wanted: str) -> None:
    assert family(domain(machine, "")) == wanted
