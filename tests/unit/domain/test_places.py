"""Where a device is plugged in: what a manifest says, what libvirt has, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.compare import get
from kvmspec.core.action import Edit
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import edits, fields, fit, places, render
from kvmspec.kinds.domain.address_spec import AddressSpec
from kvmspec.kinds.domain.brief import brief
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.keys import allocate
from kvmspec.kinds.domain.sources import Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))
PCI = {"type": "pci", "domain": "0x0000", "bus": "0x00", "slot": "0x05", "function": "0x0"}

FORMS: dict[str, tuple[Any, dict[str, str]]] = {
    "pci": ("00:05.0", PCI),
    "several functions": (
        {"pci": "00:05.0", "multifunction": True},
        PCI | {"multifunction": "on"},
    ),
    "one function": ({"pci": "00:05.0", "multifunction": False}, PCI | {"multifunction": "off"}),
    "a drive": (
        {"drive": "0:1:0:3"},
        {"type": "drive", "controller": "0", "bus": "1", "target": "0", "unit": "3"},
    ),
    "usb": ({"usb": "0:1.2"}, {"type": "usb", "bus": "0", "port": "1.2"}),
    "usb, any port": ({"usb": "1"}, {"type": "usb", "bus": "1"}),
    "a channel": (
        {"virtio_serial": "0:0:3"},
        {"type": "virtio-serial", "controller": "0", "bus": "0", "port": "3"},
    ),
    "a smartcard": ({"ccid": "0:1"}, {"type": "ccid", "controller": "0", "slot": "1"}),
    "isa": (
        {"isa": {"iobase": "0x3f8", "irq": "0x4"}},
        {"type": "isa", "iobase": "0x3f8", "irq": "0x4"},
    ),
    "memory": ({"dimm": 1}, {"type": "dimm", "slot": "1"}),
    "memory with a base": (
        {"dimm": {"slot": 0, "base": "0x100000000"}},
        {"type": "dimm", "slot": "0", "base": "0x100000000"},
    ),
    "s390": ({"ccw": "fe.0.001a"}, {"type": "ccw", "cssid": "0xfe", "ssid": "0x0", "devno": "0x001a"}),
    "pseries": ({"spapr_vio": "0x30000000"}, {"type": "spapr-vio", "reg": "0x30000000"}),
    "a bus without numbers": ({"virtio_mmio": True}, {"type": "virtio-mmio"}),
    "not given to the guest": ({"unassigned": True}, {"type": "unassigned"}),
}


@pytest.mark.parametrize("name", FORMS)
def test_an_address_is_said_in_libvirts_words_and_read_from_them(name: str) -> None:
    said, attributes = FORMS[name]
    assert AddressSpec.model_validate(said).element.attrib == attributes
    assert places.word({f"@{key}": value for key, value in attributes.items()}) == said


@given(st.integers(0, 255), st.integers(0, 31), st.integers(0, 7), st.sampled_from(["", "0000:"]))
def test_any_place_on_pci(bus: int, slot: int, function: int, domain: str) -> None:
    short = f"{bus:02x}:{slot:02x}.{function}"
    attributes = AddressSpec.model_validate(domain + short.upper()).element.attrib
    assert places.word({f"@{key}": value for key, value in attributes.items()}) == short


REFUSED: dict[str, tuple[Any, str]] = {
    "no place": ("5", "as lspci shows them"),
    "another domain": ("0001:00:05.0", "as lspci shows them"),
    "no slot": ("00:20.0", "as lspci shows them"),
    "two": ({"pci": "00:05.0", "usb": "0:1"}, "exactly one of pci"),
    "none": ({"unassigned": False}, "exactly one of pci"),
    "functions of a drive": ({"drive": "0:0:0:1", "multifunction": True}, "go with `pci` only"),
    "too few": ({"drive": "0:0:1"}, "controller, bus, target and unit"),
    "a port in words": ({"usb": "0:first"}, "bus and port"),
    "a number that is none": ({"isa": {"iobase": "3f8"}}, "match pattern"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    said, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        AddressSpec.model_validate(said)
    assert words in str(caught.value)


UNKNOWN = (
    {"@type": "pci", "@domain": "0x0001", "@bus": "0x00", "@slot": "0x05", "@function": "0x0"},
    {"@type": "ccid", "@controller": "0"},
    {"@type": "new"},
    {"@bus": "1", "@device": "2"},
    None,
)


@pytest.mark.parametrize("address", UNKNOWN)
def test_what_there_is_no_word_for_is_not_made_up(address: Any) -> None:
    with pytest.raises(places.NoWord):
        places.word(address)


def spec_of(**said: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", "preset": "bare", "machine": "q35", **said})


def created(spec: VmSpec) -> str:
    sources = tuple(Source(disk.path, "raw") for disk in spec.disks)
    keys = allocate("", "web", spec, None, {}, [source.path for source in sources])
    return render.created(RENDERER, "web", "", spec, sources, keys, HostFacts())


AT = "00:05.0"
EVERYWHERE: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a disk": ({"disks": [{"path": "/a.raw", "address": AT}]}, ("disk", "vda")),
    "an interface": (
        {"networks": [{"network": "front", "mac": "52:54:00:00:00:01", "address": AT}]},
        ("interface", "52:54:00:00:00:01"),
    ),
    "a controller": ({"controllers": [{"type": "usb", "address": AT}]}, ("controller", "usb/0/")),
    "a folder": (
        {"filesystems": [{"source": "/srv", "target": "share", "address": AT}]},
        ("filesystem", "share"),
    ),
    "a tpm": ({"tpm": {"version": "2.0", "address": AT}}, ("tpm", "#0")),
    "memory": (
        {
            "memory": {
                "size": "1GiB",
                "slots": 2,
                "ceiling": "4GiB",
                "dimms": [{"size": "1GiB", "address": AT}],
            },
            "cpus": 1,
        },
        ("memory", "1024MiB/0"),
    ),
    "a channel": (
        {"devices": {"channels": [{"name": "a.0", "address": AT}]}},
        ("channel", "unix/a.0"),
    ),
    "an input": (
        {"devices": {"inputs": [{"type": "tablet", "bus": "virtio", "address": AT}]}},
        ("input", "tablet/virtio"),
    ),
    "a device of the host": (
        {"devices": {"hostdevs": [{"pci": "41:00.0", "address": AT}]}},
        ("hostdev", "pci:0000:41:00.0"),
    ),
    "a random number generator": (
        {"devices": {"rng": [{"source": "builtin", "address": AT}]}},
        ("rng", "virtio:builtin"),
    ),
    "shared memory": (
        {"devices": {"shmem": [{"name": "ring", "size": "4MiB", "address": AT}]}},
        ("shmem", "ring"),
    ),
    "vsock": ({"devices": {"vsock": {"cid": 7, "address": AT}}}, ("vsock", "#0")),
    "a watchdog": (
        {"devices": {"watchdog": {"model": "i6300esb", "address": AT}}},
        ("watchdog", "i6300esb"),
    ),
    "sound": ({"devices": {"sound": {"model": "ac97", "address": AT}}}, ("sound", "ac97")),
    "panic": ({"devices": {"panic": {"model": "isa", "address": AT}}}, ("panic", "isa")),
    "video": ({"graphics": ["vnc"], "devices": {"video": {"model": "vga", "address": AT}}}, ("video", "#0")),
    "the balloon": ({"devices": {"balloon": {"model": "virtio", "address": AT}}}, ("memballoon",)),
    "an iommu": ({"devices": {"iommu": {"model": "virtio", "address": AT}}}, ("iommu", "#0")),
}


@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_device_can_say_where_it_is(name: str) -> None:
    said, path = EVERYWHERE[name]
    spec = spec_of(**said)
    found = get(fit.stated_data(created(spec), spec), ("devices", *path, "address"))
    assert found == {f"@{key}": value for key, value in PCI.items()}
    row, unit = fields.lookup(("devices", *path, "address", "@slot"))
    assert row.manifest.endswith(".address") and unit == ("devices", *path, "address")
    assert row.show(found) == AT
    assert row.rule(None, found, Guest()).impact is Impact.RESTART


def test_what_a_pci_device_of_s390_has_besides() -> None:
    address = {"pci": AT, "zpci": {"uid": 19, "fid": 31}}
    spec = spec_of(networks=[{"network": "front", "mac": "52:54:00:00:00:01", "address": address}])
    device = fit.stated_data(created(spec), spec)["devices"]["interface"]["52:54:00:00:00:01"]
    assert device["address"]["zpci"] == {"@uid": "0x0013", "@fid": "0x0000001f"}
    assert places.word(device["address"]) == address


def test_a_name_and_a_number_in_acpi() -> None:
    spec = spec_of(
        networks=[{"network": "front", "mac": "52:54:00:00:00:01", "alias": "ua-lan", "acpi_index": 3}]
    )
    device = fit.stated_data(created(spec), spec)["devices"]["interface"]["52:54:00:00:00:01"]
    assert device["alias"] == {"@name": "ua-lan"} and device["acpi"] == {"@index": "3"}
    assert places.stated(spec) == {"alias", "acpi"}


def test_an_alias_without_its_prefix_is_refused() -> None:
    with pytest.raises(ValidationError, match="match pattern"):
        spec_of(disks=[{"path": "/a.raw", "alias": "root"}])


def test_where_nothing_is_said_addresses_are_not_even_read() -> None:
    assert places.stated(spec_of(disks=[{"path": "/a.raw"}])) == frozenset()
    spec = spec_of(disks=[{"path": "/a.raw", "address": AT}])
    assert places.stated(spec) == {"address"}
    assert "address" in brief(created(spec), places.stated(spec))["devices"]["disk"]["vda"]


def test_a_seventh_scsi_disk_is_where_it_is_said_and_otherwise_where_there_is_room() -> None:
    disks: list[dict[str, Any]] = [{"path": f"/{n}.raw", "bus": "scsi"} for n in range(8)]
    spec = spec_of(disks=disks)
    assert 'unit="7"' in created(spec)
    disks[7]["address"] = {"drive": "0:0:1:2"}
    found = created(spec_of(disks=disks))
    assert 'unit="7"' not in found and 'target="1" unit="2"' in found


@pytest.mark.parametrize("kind", ["there", "new", "moved"])
def test_only_a_disk_that_comes_to_the_bus_gets_its_place(kind: str) -> None:
    spec = spec_of(disks=[{"path": f"/{n}.raw", "bus": "scsi"} for n in range(8)])
    sources = tuple(Source(disk.path, "raw") for disk in spec.disks)
    keys = allocate("", "web", spec, None, {}, [source.path for source in sources])
    last = frozenset([list(keys.disks)[-1]])
    new, moved = ((last if kind == case else frozenset[str]()) for case in ("new", "moved"))
    assert ('unit="7"' in render.stated(RENDERER, "web", spec, sources, keys, new, moved)) == (
        kind != "there"
    )


def test_two_devices_in_one_place_are_refused() -> None:
    one = {"path": "/a.raw", "address": AT}
    with pytest.raises(ValidationError, match=r"two devices have the same address: pci 00:05\.0"):
        spec_of(disks=[one], devices={"rng": [{"address": "0000:00:05.0"}]})
    spec_of(disks=[one], devices={"rng": [{"address": "00:05.1"}]})
    drives = [
        {"path": f"/{bus}.raw", "bus": bus, "address": {"drive": "0:0:0:0"}} for bus in ("scsi", "sata")
    ]
    spec_of(disks=drives)


def test_changes_are_shown_machine_first() -> None:
    paths = ["networks.main.address", "disks.root.alias", "memory.size", "devices.rng", "cpus.max", "title"]
    assert sorted(paths, key=fields.rank) == [
        "title", "cpus.max", "memory.size", "disks.root.alias", "networks.main.address", "devices.rng",
    ]  # fmt: skip


def test_an_address_of_another_kind_has_nothing_of_the_old_one() -> None:
    place = ("devices", "hostdev", "pci:0000:41:00.0", "address")
    found = list(edits.writing((*place, "@type"), "unassigned", lambda path: "<new/>", {}))
    assert edits.settled(found) == [Edit("remove", place), Edit("add", place, "<new/>")]


def test_without_the_other_interface_there_is_no_team() -> None:
    device = ("devices", "hostdev", "pci:0000:41:00.0", "teaming")
    assert list(edits.removing((*device, "@persistent"))) == [Edit("remove", device)]
