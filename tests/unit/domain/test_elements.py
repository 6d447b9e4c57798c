"""Devices by tables: every field of a model has a part, and what is stated is read back from its XML."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit
from kvmspec.canon.read import read
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.elements import graphics, hostdev, small, sound, video
from kvmspec.kinds.domain.elements.part import Part, element, rows
from kvmspec.kinds.domain.fixed_spec import BalloonSpec, IommuSpec, ShmemSpec, WatchdogSpec
from kvmspec.kinds.domain.folders_spec import DaemonSpec, FilesystemSpec
from kvmspec.kinds.domain.graphics_spec import CompressionSpec, GraphicsSpec
from kvmspec.kinds.domain.hostdev_spec import KINDS, HostdevSpec, RomSpec
from kvmspec.kinds.domain.importing.leaf import said
from kvmspec.kinds.domain.importing.tables import leaves
from kvmspec.kinds.domain.rules import restart
from kvmspec.kinds.domain.sound_spec import AudioSpec, SoundSpec, StreamSpec
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.usb_spec import UsbRuleSpec
from kvmspec.kinds.domain.video_spec import VideoSpec
from kvmspec.kinds.domain.virtio_spec import VirtioSpec
from kvmspec.manifest.model import Model
from kvmspec.resources import folder

INSIDE: dict[str, type[Model]] = {
    "virtio": VirtioSpec,
    "rom": RomSpec,
    "compression": CompressionSpec,
    "daemon": DaemonSpec,
    "input": StreamSpec,
    "output": StreamSpec,
}
TABLES: dict[str, tuple[type[Model], tuple[Part, ...], set[str]]] = {
    "audio": (AudioSpec, sound.AUDIO, {"id"}),
    "sound": (SoundSpec, sound.SOUND, {"audio", "codecs"}),
    "video": (VideoSpec, video.VIDEO, {"resolution"}),
    "hostdev": (HostdevSpec, hostdev.OPTIONS, {*KINDS, "managed", "model"}),
    "graphics": (
        GraphicsSpec,
        graphics.PORTS + graphics.OPTIONS,
        {"type", "listen", "listen_network", "socket", "autoport", "channels"},
    ),
    "filesystem": (FilesystemSpec, small.FOLDER, {"driver"}),
    "watchdog": (WatchdogSpec, small.WATCHDOG, set()),
    "memballoon": (BalloonSpec, small.BALLOON, set()),
    "shmem": (ShmemSpec, small.SHMEM, set()),
    "iommu": (IommuSpec, small.IOMMU, set()),
    "usbdev": (UsbRuleSpec, small.USB_RULE, set()),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_part_for_every_field(name: str) -> None:
    model, table, by_hand = TABLES[name]
    anywhere = Placeable.model_fields.keys() if issubclass(model, Placeable) else set()
    fields = {
        f"{field}.{inner}" if inner else field
        for field in model.model_fields.keys() - anywhere
        for inner in (INSIDE[field].model_fields if field in INSIDE else ("",))
    }
    assert {part.field for part in table} == fields - by_hand
    assert len({part.place for part in table}) == len(table)


EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name, (model, _, _) in TABLES.items()
    for number, example in enumerate(model.examples)
    if isinstance(example, dict)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_what_is_written_is_read_again(name: str, example: dict[str, Any]) -> None:
    model, table, by_hand = TABLES[name]
    spec = model.model_validate(example)
    xml = ET.tostring(element(name, spec, table), encoding="unicode")
    found = said(_canonical(name, xml), leaves(part._replace(usual=None) for part in table))
    stated = {key: value for key, value in example.items() if key not in by_hand}
    back = {("class" if key == "class_" else key): value for key, value in found.items()}
    again = model.model_validate({**back, **{key: example[key] for key in by_hand & example.keys()}})
    assert again == model.model_validate({**example, **stated})


def _canonical(name: str, xml: str) -> Any:
    """Canonical data of one element: what canon.read makes of it in its place."""
    around = f"<redirfilter>{xml}</redirfilter>" if name == "usbdev" else xml
    devices = read(f"<domain><devices>{around}</devices></domain>")["devices"]
    if name == "usbdev":
        return devices["redirfilter"]["usbdev"][0]
    group = devices[name]
    return group if name == "memballoon" else next(iter(group.values()))


@given(st.lists(st.sampled_from(["qxl", "virtio", "vga"]), min_size=2, max_size=5), st.data())
def test_one_that_is_put_in_anew_keeps_its_place(models: list[str], data: st.DataObject) -> None:
    cards = "".join(f'<video><model type="{model}"/></video>' for model in models)
    number = data.draw(st.integers(0, len(models) - 1))
    path = ("devices", "video", f"#{number}")
    new = '<video><model type="bochs"/></video>'
    made = edit(
        f"<domain><devices>{cards}</devices></domain>", [Edit("remove", path), Edit("add", path, new)]
    )
    found = [model.get("type") for model in ET.fromstring(made).iterfind("devices/video/model")]
    assert found == [*models[:number], "bochs", *models[number + 1 :]]


def test_an_element_that_is_nothing_any_more_goes() -> None:
    xml = "<domain><devices><audio id='1'><input><settings frequency='1'/></input></audio></devices></domain>"
    made = edit(xml, [Edit("remove", ("devices", "audio", "1", "input", "settings", "@frequency"))])
    assert ET.fromstring(made).find("devices/audio/input") is None


def test_what_comes_to_a_host_device_stands_where_the_schema_wants_it() -> None:
    xml = (
        "<domain><devices><hostdev type='pci'><source><address bus='0x41'/></source><address type='pci'/>"
        "</hostdev></devices></domain>"
    )
    path = ("devices", "hostdev", "pci:0000:41:00.0", "driver")
    made = ET.fromstring(edit(xml, [Edit("add", path, "<driver name='vfio'/>")]))
    assert [child.tag for child in made.iterfind("devices/hostdev/*")] == ["source", "driver", "address"]


def test_a_field_that_a_device_cannot_be_without_stays() -> None:
    found = {row.manifest: row.removable for row in rows("x", ("devices", "video"), video.VIDEO, restart(""))}
    assert found["x.model"] is False
    assert found["x.heads"] is True


# --- what is refused, and in which words
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a stream without its engine": (
        {"audio": [{"type": "none", "input": {"fixed_settings": True}}]},
        "takes `mixing_engine: true`",
    ),
    "settings that are not fixed": (
        {"audio": [{"type": "none", "input": {"channels": 2}}]},
        "take `fixed_settings: true`",
    ),
    "a server of a file": ({"audio": [{"type": "file", "server": "a"}]}, "`server` is of pulseaudio only"),
    "a device of jack": ({"audio": [{"type": "jack", "input": {"dev": "a"}}]}, "`dev` is of alsa and oss"),
    "codecs of ac97": ({"sound": {"model": "ac97", "codecs": ["micro"]}}, "`codecs` is of"),
    "ram of vga": ({"video": {"model": "vga", "ram": "16MiB"}}, "`ram` goes with `model: qxl` only"),
    "a resolution of one number": ({"video": {"model": "vga", "resolution": "640"}}, "such as 1280x720"),
    "a display of a pci device": ({"hostdevs": [{"pci": "41:00.0", "display": True}]}, "with `mdev` only"),
    "a model of another kind": (
        {"hostdevs": [{"scsi_host": "naa.5123456789abcde0", "model": "vfio-pci"}]},
        "the models of `scsi_host` are virtio",
    ),
    "ramfb without a display": (
        {"hostdevs": [{"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804", "ramfb": True}]},
        "`ramfb` goes with `display: true`",
    ),
    "an evdev without a device": ({"inputs": [{"type": "evdev"}]}, "need a `source`"),
    "a grab of a tablet": ({"inputs": [{"type": "tablet", "grab": "all"}]}, "are of `evdev` only"),
    "an old card of a mouse": (
        {"inputs": [{"type": "mouse", "bus": "virtio", "model": "virtio-transitional"}]},
        "of `passthrough` only",
    ),
    "two sources of entropy": (
        {"rng": [{"source": "builtin", "egd": {"type": "unix", "path": "/a"}}]},
        "either a `source` or an `egd`",
    ),
    "an end without its path": ({"redirdevs": [{"type": "unix"}]}, "`type: unix` needs `path`"),
    "a port of a pty": ({"redirdevs": [{"type": "pty", "port": 1}]}, "`port` goes with `type: tcp` or"),
    "two certificates": (
        {"smartcard": {"mode": "certificates", "certificates": ["a", "b"]}},
        "three certificates",
    ),
    "a passthrough to nowhere": ({"smartcard": "passthrough"}, "needs an `end`"),
    "a class of four digits": ({"redirfilter": [{"allow": True, "class": "0x1234"}]}, "as lsusb shows it"),
    "vectors without a server": (
        {"shmem": [{"name": "a", "vectors": 8}]},
        "are of `ivshmem-doorbell` only",
    ),
    "leases twice": (
        {"leases": [{"lockspace": "a", "key": "b", "path": "/c"}] * 2},
        "`leases` is listed twice",
    ),
}
ELSEWHERE: dict[str, tuple[dict[str, Any], str]] = {
    "a socket of sdl": ({"graphics": [{"type": "sdl", "socket": "/a"}]}, "`socket` goes with `type: vnc`"),
    "two places to listen": (
        {"graphics": [{"type": "vnc", "listen": "::", "socket": "auto"}]},
        "listens at one place",
    ),
    "a low port of vnc": ({"graphics": [{"type": "vnc", "port": 80}]}, "begin with 5900"),
    "an address that is none": ({"graphics": [{"type": "vnc", "listen": "300.1.1.1"}]}, "an address of the"),
    "a tpm of two": ({"tpm": {"path": "/dev/tpm0", "socket": "/s"}}, "either the host's"),
    "banks of the host's tpm": ({"tpm": {"path": "/dev/tpm0", "pcr_banks": ["sha1"]}}, "of an emulated TPM"),
    "a folder from nowhere": ({"filesystems": [{"target": "a"}]}, "either a `source` or a `socket`"),
    "a queue of 9p": (
        {"filesystems": [{"source": "/a", "target": "a", "driver": "9p", "queue": 8}]},
        "`queue` goes with `driver: virtiofs`",
    ),
    "modes that are not mapped": (
        {"filesystems": [{"source": "/a", "target": "a", "driver": "9p", "fmode": "0640"}]},
        "`accessmode: mapped` only",
    ),
}


@pytest.mark.parametrize("name", [*REFUSED, *ELSEWHERE])
def test_what_is_refused_is_told(name: str) -> None:
    fields, words = REFUSED.get(name) or ELSEWHERE[name]
    stated = {"devices": fields} if name in REFUSED else fields
    with pytest.raises(ValidationError) as caught:
        VmSpec.model_validate({"memory": "1GiB", **stated})
    assert words in str(caught.value)


def test_text_is_written_so_that_it_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "element.xml.j2").write_bytes((folder("templates") / "element.xml.j2").read_bytes())
    (tmp_path / "one.xml.j2").write_text("{{ element(node, 0) }}")
    tree = (
        '<graphics keymap="a&#10;&quot;&amp;&lt;"><listen/><channel name="&#9;">a &lt; b</channel></graphics>'
    )
    node = ET.fromstring(tree)
    written = Renderer(tmp_path).render("one.xml.j2", node=node)
    assert written.splitlines()[1:] == [
        "  <listen/>",
        '  <channel name="&#9;">a &lt; b</channel>',
        "</graphics>",
    ]
    assert ET.fromstring(written).attrib == node.attrib
