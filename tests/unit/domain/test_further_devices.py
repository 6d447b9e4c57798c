"""Further devices: what a manifest may say of them, and that libvirt's XML of it says the same again."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit, select
from kvmspec.core.action import Edit
from kvmspec.kinds.domain import absences, controllers, edits, render
from kvmspec.kinds.domain.fit import stated_data
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.tables import devices as table
from kvmspec.kinds.domain.tables import folders
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def spec_of(**fields: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", **fields})


def stated(**fields: Any) -> dict[str, Any]:
    """Canonical data of the devices that `devices:` states."""
    spec = spec_of(devices=fields)
    xml = render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())
    return dict(stated_data(xml, spec).get("devices", {}))


# --- what is refused, and in which words
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "the agent's channel": ({"channels": ["org.qemu.guest_agent.0"]}, "state `guest_agent`"),
    "a path of nothing": (
        {"channels": [{"name": "a.0", "type": "null", "path": "/tmp/a"}]},
        "`path` goes with `type: dev` or `file` or `pipe` or `unix`",
    ),
    "a file without a path": ({"serials": ["file"]}, "`type: file` needs `path`"),
    "a file that waits": (
        {"serials": [{"type": "file", "path": "/tmp/a", "mode": "bind"}]},
        "`mode` goes with `type: unix` or `tcp` only",
    ),
    "a clipboard of a socket": (
        {"channels": [{"name": "a.0", "clipboard": True}]},
        "`clipboard` and `mouse` go with `type: qemu-vdagent` only",
    ),
    "a channel with two names": (
        {"channels": [{"name": "a.0", "guestfwd": "10.0.2.1:4600"}]},
        "either a `name` or `guestfwd`",
    ),
    "a forward without a port": ({"channels": [{"guestfwd": "10.0.2.1"}]}, "10.0.2.1:4600"),
    "a channel twice": ({"channels": ["a.0", {"name": "a.0", "type": "pty"}]}, "`channels` is listed twice"),
    "an rng twice": ({"rng": ["builtin", "builtin"]}, "`rng` is listed twice"),
    "a device twice": (
        {"hostdevs": [{"pci": "41:00.0"}, {"pci": "0000:41:00.0", "managed": False}]},
        "`hostdevs` is listed twice",
    ),
    "two kinds of device": ({"hostdevs": [{"pci": "41:00.0", "usb": "1d6b:0002"}]}, "exactly one of"),
    "no device": ({"hostdevs": [{}]}, "exactly one of"),
    "a usb device with a driver": (
        {"hostdevs": [{"usb": "1d6b:0002", "driver": "vfio"}]},
        "`driver` goes with `pci` only",
    ),
    "a pci address as a number": ({"hostdevs": [{"pci": 4100}]}, 'in quotes: "0000:41:00.0"'),
    "a slot beyond 1f": ({"hostdevs": [{"pci": "0000:41:20.0"}]}, "expected a PCI address"),
    "a usb id of one number": ({"hostdevs": [{"usb": "1d6b"}]}, "expected vendor and product"),
    "a scsi address of three": ({"hostdevs": [{"scsi": "0:0:1"}]}, "expected a SCSI address"),
    "ps2": ({"inputs": [{"type": "mouse", "bus": "ps2"}]}, "'usb' or 'virtio'"),
    "vram of virtio": ({"video": {"model": "virtio", "vram": "16MiB"}}, "no `vram`"),
    "vram of three": ({"video": {"model": "vga", "vram": "3MiB"}}, "power of two"),
    "heads of vga": ({"video": {"model": "vga", "heads": 2}}, "more than one of `heads`"),
    "3d of qxl": ({"video": {"model": "qxl", "accel3d": True}}, "`accel3d` goes with"),
    "no balloon that deflates": ({"balloon": {"model": "none", "autodeflate": True}}, "nothing to state"),
    "shared memory of a server without it": (
        {"shmem": [{"name": "ring", "model": "ivshmem-doorbell"}]},
        "needs the server's `path`",
    ),
    "a cid of the host": ({"vsock": 2}, "greater than or equal to 3"),
    "options of another iommu": ({"iommu": {"model": "virtio", "iotlb": True}}, "only `model: intel`"),
    "spice without a display": ({"redirdevs": 2}, "needs a SPICE display"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    fields, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        spec_of(devices=fields)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tpm": {"path": "/dev/tpm0", "version": "2.0"}}, "`version` is of an emulated TPM"),
        ({"tpm": {"version": "1.2", "model": "tpm-crb"}}, "version 2.0 only"),
        ({"filesystems": [{"source": "/a", "target": "a", "readonly": True}]}, "cannot be `readonly`"),
        ({"filesystems": [{"source": "/a", "target": "a", "accessmode": "mapped"}]}, "knows only"),
        (
            {"filesystems": [{"source": "/a", "target": "a"}, {"source": "/b", "target": "a"}]},
            "same `target`",
        ),
    ],
)
def test_what_is_refused_of_a_tpm_and_of_folders(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec_of(**fields)
    assert words in str(caught.value)


# --- by what devices are known
KNOWN: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "true is one from urandom": ({"rng": True}, "rng", ["virtio:/dev/urandom"]),
    "rngs": (
        {"rng": ["builtin", {"source": "/dev/hwrng", "rate": {"bytes": "1KiB"}}]},
        "rng",
        ["virtio:builtin", "virtio:/dev/hwrng@1024/1000"],
    ),
    "channels": (
        {"channels": ["a.0", {"name": "b.0", "type": "pty"}]},
        "channel",
        ["unix/a.0", "pty/b.0"],
    ),
    "inputs": (
        {"inputs": ["tablet", {"type": "mouse", "bus": "virtio"}]},
        "input",
        ["tablet/usb", "mouse/virtio"],
    ),
    "host devices": (
        {
            "hostdevs": [
                {"pci": "41:1F.7"},
                {"usb": "1D6B:0002"},
                {"usb": {"bus": 1, "device": 3}},
                {"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804"},
                {"scsi": "2:0:0:1"},
            ]
        },
        "hostdev",
        [
            "pci:0000:41:1f.7",
            "usb:1d6b:0002",
            "usb:1-3",
            "mdev:c2177883-f1bb-47f0-914d-32a22e3a8804",
            "scsi:2:0:0:1",
        ],
    ),
    "a watchdog": ({"watchdog": "ib700"}, "watchdog", ["ib700"]),
    "true is pvpanic": ({"panic": True}, "panic", ["isa"]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_devices_are_known_by_what_they_are(name: str) -> None:
    fields, tag, keys = KNOWN[name]
    assert list(stated(**fields)[tag]) == keys


def test_a_usb_device_that_runs_is_the_one_that_is_stated() -> None:
    """Its active XML has the address, too (qemuHostdevPrepareUSBDevices)."""
    active = """<domain><devices><hostdev mode='subsystem' type='usb'><source><vendor id='0x1d6b'/>
      <product id='0x0002'/><address bus='1' device='3'/></source></hostdev></devices></domain>"""
    assert select(active, ("devices", "hostdev", "usb:1d6b:0002"))


@given(
    st.integers(0, 0xFFFF), st.integers(0, 0xFF), st.integers(0, 0x1F), st.integers(0, 7), st.booleans()
)  # fmt: skip
def test_a_pci_address_comes_back_from_its_xml(
    domain: int, bus: int, slot: int, func: int, upper: bool
) -> None:
    address = f"{domain:04x}:{bus:02x}:{slot:02x}.{func:x}"
    written = address.upper() if upper else address
    assert list(stated(hostdevs=[{"pci": written}])["hostdev"]) == [f"pci:{address}"]


def test_nothing_is_rendered_that_is_not_stated() -> None:
    assert stated() == {}
    assert stated(balloon=False) == {"memballoon": {"@model": "none"}}
    assert stated(video=False) == {"video": {"#0": {"model": {"@type": "none"}}}}


# --- what a new VM gets with them
def ports(**fields: Any) -> int:
    base = {"machine": "q35", "hotplug_ports": 1, "memory": "1GiB"}
    spec = VmSpec.model_validate(base | fields)
    return sum(1 for found in controllers.controllers(spec, False) if found.model == "pcie-root-port")


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"devices": {"rng": ["builtin", "/dev/urandom"]}}, 2),
        ({"devices": {"inputs": ["tablet", {"type": "mouse", "bus": "virtio"}]}}, 1),
        ({"devices": {"hostdevs": [{"pci": "41:00.0"}, {"usb": "1d6b:0002"}]}}, 1),
        ({"devices": {"hostdevs": [{"scsi": "2:0:0:1"}]}}, 1),
        ({"devices": {"channels": ["a.0", "b.0"]}}, 1),
        ({"devices": {"vsock": "auto", "watchdog": "i6300esb"}}, 1),
        ({"filesystems": [{"source": "/srv", "target": "a"}]}, 1),
    ],
)
def test_every_pci_device_of_a_new_vm_has_its_port(fields: dict[str, Any], more: int) -> None:
    assert ports(**fields) == ports() + more


def test_a_folder_by_virtiofs_brings_memory_that_is_shared() -> None:
    folder = {"driver": {"@type": "virtiofs"}}
    path = ("devices", "filesystem", "a")
    made = [step.path for step in controllers.beside(path, folder, {})]
    assert made == [("memoryBacking", "source", "@type"), ("memoryBacking", "access", "@mode")]
    shared = {"memoryBacking": {"source": {"@type": "file"}, "access": {"@mode": "shared"}}}
    assert not list(controllers.beside(path, folder, shared))
    assert not list(controllers.beside(path, {"driver": {"@type": "path"}}, {}))


# --- what the running guest has to have
RUNNING = "<domain><devices><controller type='usb' index='0' model='{usb}'/>{more}</devices></domain>"


@pytest.mark.parametrize(
    ("plug", "device", "lacking"),
    [
        (table.CHANNEL_PLUG, {"@type": "unix"}, "no controller for channels"),
        (table.INPUT_PLUG, {"@type": "mouse", "@bus": "usb"}, "no USB controller"),
        (table.HOSTDEV_PLUG, {"@type": "usb"}, "no USB controller"),
        (folders.PLUG, {"driver": {"@type": "virtiofs"}}, "does not share its memory"),
        (folders.PLUG, {"driver": {"@type": "path"}}, "9p cannot be plugged in"),
    ],
)
def test_what_a_guest_lacks_is_a_reason_to_restart(plug: Any, device: dict[str, Any], lacking: str) -> None:
    guest = Guest({"features": {"acpi": {}}}, RUNNING.format(usb="none", more=""))
    impact, reason, _ = plug(None, device, guest)
    assert impact.label == "restart" and lacking in reason


def test_a_guest_that_has_it_gets_it_live() -> None:
    more = "<controller type='virtio-serial' index='0'/>"
    active = {"features": {"acpi": {}}, "memoryBacking": {"access": {"@mode": "shared"}}}
    guest = Guest(active, RUNNING.format(usb="qemu-xhci", more=more))
    for plug, device in (
        (table.CHANNEL_PLUG, {"@type": "unix"}),
        (table.INPUT_PLUG, {"@type": "mouse", "@bus": "usb"}),
        (folders.PLUG, {"driver": {"@type": "virtiofs"}}),
    ):
        assert plug(None, device, guest).impact.label == "live"


# --- what must not be there
def test_what_belongs_to_the_machine_is_not_denied() -> None:
    there = {
        "devices": {
            "input": {"mouse/ps2": {}, "tablet/usb": {}, "keyboard/usb": {}},
            "channel": {table.AGENT: {}, "unix/a.0": {}},
            "watchdog": {"itco": {}, "i6300esb": {}},
        }
    }
    denied = {"inputs": [], "channels": [], "watchdog": False, "redirdevs": 0}
    with_display = spec_of(devices=denied, graphics=["vnc"])
    assert set(absences.devices(with_display, [there])) == {
        ("devices", "input", "keyboard/usb"),
        ("devices", "channel", "unix/a.0"),
        ("devices", "watchdog", "i6300esb"),
    }
    assert ("devices", "input", "tablet/usb") in set(absences.devices(spec_of(devices=denied), [there]))
    assert not list(absences.devices(spec_of(), [there]))


# --- a device of another kind is put in anew
def test_a_card_of_another_model_leaves_nothing_of_the_old_one() -> None:
    xml = """<domain><devices><video><model type='qxl' ram='65536' vram='16384' heads='1'/>
      <address type='pci' slot='0x01'/></video></devices></domain>"""
    card = "<video><model type='virtio'><acceleration accel3d='yes'/></model></video>"
    path = ("devices", "video", "#0")
    persistent = {"devices": {"video": {"#0": {"model": {"@type": "qxl"}}}}}
    changes = {(*path, "model", "@type"): "virtio", (*path, "model", "acceleration"): {"@accel3d": "yes"}}

    def wanted(at: tuple[str, ...]) -> str:
        return card if at == path else "<acceleration accel3d='yes'/>"

    made = [step for at, value in changes.items() for step in edits.writing(at, value, wanted, persistent)]
    found = ET.fromstring(edit(xml, edits.settled(made))).findall("devices/video")
    assert [ET.tostring(video, encoding="unicode").split() for video in found] == [
        card.replace("'", '"').replace("/>", " />").split()
    ]


def test_edits_beside_a_device_that_is_put_in_anew_stay() -> None:
    path = ("devices", "shmem", "ring")
    kept = Edit("set", ("devices", "shmem", "other", "@role"), "peer")
    made = [Edit("set", (*path, "@role"), "a"), Edit("remove", path), Edit("add", path, "<shmem/>"), kept]
    assert edits.settled(made) == [*made[1:3], kept]
