"""libvirt's XML of a domain → its entry in a manifest, which renders to the same domain again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from kvmspec.canon.read import read
from kvmspec.kinds.domain.importing.accept import accepted
from kvmspec.kinds.domain.importing.usual import plain
from kvmspec.pipeline import Request

UUID = "6f1d5c0e-8a53-4c6e-9b1c-0d8e2f4a7b10"
HEAD = f"""<domain type='qemu'><name>web</name><uuid>{UUID}</uuid>
<memory unit='KiB'>2097152</memory><currentMemory unit='KiB'>1048576</currentMemory>
<vcpu placement='static' current='2'>4</vcpu>
<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type><boot dev='hd'/></os>
<clock offset='utc'/><on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
"""


def pci(slot: int, function: int = 0) -> str:
    return f"<address type='pci' domain='0x0000' bus='0x00' slot='0x{slot:02x}' function='0x{function}'/>"


def domain(devices: str = "", more: str = "") -> str:
    return f"""{HEAD}{more}<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>{devices}
<controller type='usb' index='0' model='piix3-uhci'>{pci(1, 2)}</controller>
<controller type='pci' index='0' model='pci-root'/>
<input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/>
<audio id='1' type='none'/><memballoon model='none'/></devices></domain>"""


def imported(xml: str, folder: Path) -> dict[str, Any]:
    """The entry of the one domain in `xml`, after the proof that nothing is lost."""
    file, manifest = folder / "web.xml", folder / "kvmspec.yaml"
    file.write_text(xml)
    found = pipeline.imported_files([file], "shop")
    manifest.write_text(found.text)
    rendered = next(one.xml for one in pipeline.render(Request((manifest,))) if one.kind == "vm")
    assert meaning(rendered) == meaning(xml)
    entry: dict[str, Any] = yaml.safe_load(found.text)["vms"]["web"]
    assert entry.pop("uuid") == UUID
    return entry


def meaning(xml: str) -> dict[str, Any]:
    return read(plain(ET.fromstring(xml)))


DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'{driver}/><source file='/srv/{name}.qcow2'/>
<target dev='{target}' bus='virtio'/>{more}</disk>"""


def disk(target: str = "vda", driver: str = "", more: str = "", name: str = "web") -> str:
    return DISK.format(target=target, driver=driver, more=more, name=name)


def nic(mac: str = "52:54:00:00:00:01", kind: str = "network", more: str = "") -> str:
    source = "<source network='front'/>" if kind == "network" else ""
    return f"<interface type='{kind}'><mac address='{mac}'/>{source}<model type='virtio'/>{more}</interface>"


BASE = {
    "state": "any",
    "preset": "bare",
    "machine": "pc-i440fx-7.2",
    "arch": "x86_64",
    "accel": "tcg",
    "cpus": {"count": 2, "max": 4},
    "memory": {"size": "1GiB", "max": "2GiB"},
    "devices": {"balloon": False},
}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing but defaults": (domain(), {}),
    "a disk": (domain(disk(more=pci(2))), {"disks": [{"path": "/srv/web.qcow2"}]}),
    "a disk elsewhere": (
        domain(disk("vdc", more=pci(2))),
        {"disks": [{"path": "/srv/web.qcow2", "target": "vdc"}]},
    ),
    "an address that was chosen": (
        domain(disk(more=pci(9))),
        {"disks": [{"path": "/srv/web.qcow2", "address": "00:09.0"}]},
    ),
    "a disk's tuning": (
        domain(disk(driver=" cache='none' discard='unmap'", more="<serial>one</serial>" + pci(2))),
        {"disks": [{"path": "/srv/web.qcow2", "cache": "none", "discard": "unmap", "serial": "one"}]},
    ),
    "an empty drive": (
        domain(
            "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='hdc' bus='ide'/><readonly/>"
            "<address type='drive' controller='0' bus='1' target='0' unit='0'/></disk>"
            f"<controller type='ide' index='0'>{pci(1, 1)}</controller>"
        ),
        {"disks": [{"cdrom": "empty", "target": "hdc", "bus": "ide"}]},
    ),
    "an interface, in short but for its MAC": (
        domain(nic(more=pci(2))),
        {"networks": [{"network": "front", "mac": "52:54:00:00:00:01", "model": "virtio"}]},
    ),
    "a display": (
        domain(
            "<graphics type='vnc' port='-1' autoport='yes'><listen type='address'/></graphics>"
            f"<video><model type='cirrus' vram='16384' heads='1' primary='yes'/>{pci(2)}</video>"
        ),
        {"graphics": ["vnc"], "devices": {"balloon": False, "video": "cirrus"}},
    ),
    "a console": (
        domain(
            "<serial type='pty'><target type='isa-serial' port='0'><model name='isa-serial'/></target></serial>"
            "<console type='pty'><target type='serial' port='0'/></console>"
        ),
        {"console": True},
    ),
    "a random number generator": (
        domain(f"<rng model='virtio'><backend model='random'>/dev/urandom</backend>{pci(2)}</rng>"),
        {"devices": {"rng": True, "balloon": False}},
    ),
    "features and tuning": (
        domain(
            more="<features><acpi/><pae/></features><memtune><hard_limit unit='KiB'>3145728</hard_limit></memtune>"
        ),
        {
            "features": {"acpi": True, "pae": True},
            "memory": {"size": "1GiB", "max": "2GiB", "tuning": {"hard_limit": "3GiB"}},
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_a_field_is_stated_in_it(case: str, tmp_path: Path) -> None:
    xml, wanted = CASES[case]
    assert imported(xml, tmp_path) == BASE | wanted


LEFT: dict[str, tuple[str, str]] = {
    "a device without a field": (domain("<pstore backend='acpi-erst'/>"), "<pstore"),
    "an odd interface": (domain(nic(kind="wireless", more=pci(2))), 'type="wireless"'),
    "a value that the model refuses": (
        domain(disk(more="<serial>a/b</serial>" + pci(2))),
        "<serial>a/b</serial>",
    ),
    "metadata of others": (
        domain(more="<metadata><a:b xmlns:a='urn:a'>kept</a:b></metadata>"),
        "kept",
    ),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_has_none_is_left_over_and_nothing_else(case: str, tmp_path: Path) -> None:
    xml, found = LEFT[case]
    entry = imported(xml, tmp_path)
    assert found in entry["xml"]
    assert "controller" not in entry["xml"], "what libvirt adds by itself is not said"


def test_an_odd_device_takes_no_other_with_it(tmp_path: Path) -> None:
    entry = imported(domain(disk(more=pci(3)) + nic(kind="wireless", more=pci(2))), tmp_path)
    assert entry["disks"] == [{"path": "/srv/web.qcow2"}]
    assert "disk" not in entry["xml"]


def test_interfaces_stay_in_their_order(tmp_path: Path) -> None:
    first, second = nic("52:54:00:00:00:01", "wireless", pci(2)), nic("52:54:00:00:00:02", more=pci(3))
    imported(domain(first + second), tmp_path)
    (rendered,) = (
        one.xml for one in pipeline.render(Request((tmp_path / "kvmspec.yaml",))) if one.kind == "vm"
    )
    assert rendered.index("00:01") < rendered.index("00:02")


def test_the_dump_of_a_running_guest_says_so(tmp_path: Path) -> None:
    entry = imported(domain().replace("<domain type", "<domain id='3' type"), tmp_path)
    assert "state" not in entry


def test_a_password_becomes_a_variable_and_is_printed_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    file.write_text(domain("<graphics type='vnc' port='-1' autoport='yes' passwd='hush$1'/>"))
    found = pipeline.imported_files([file], "shop")
    data = yaml.safe_load(found.text)
    assert "hush" not in found.text
    assert data["variables"] == {"web_vnc_password": {"env": "WEB_VNC_PASSWORD", "secret": True}}
    assert data["vms"]["web"]["graphics"][0]["password"] == "${web_vnc_password}"


def test_a_dollar_means_itself(tmp_path: Path) -> None:
    entry = imported(domain(more="<title>${HOME} costs $5</title>"), tmp_path)
    assert entry["title"] == "$${HOME} costs $$5"


@pytest.mark.parametrize("text", ["", "<domain>", "<volume><name>a</name></volume>", "<domain/>"])
def test_a_file_that_is_no_domain_is_named_and_the_others_are_read(text: str, tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.xml", tmp_path / "good.xml"
    broken.write_text(text)
    good.write_text(domain())
    found = pipeline.imported_files([broken, good], "shop")
    assert [str(broken) in problem.message for problem in found.problems] == [True]
    assert list(yaml.safe_load(found.text)["vms"]) == ["web"]


def test_of_parts_that_do_not_go_together_the_one_that_can_stand_alone_stays() -> None:
    memory = {"size": "1GiB", "ceiling": "8GiB", "dimms": [{"size": "512MiB", "node": 1}]}
    draft, spec = accepted({"preset": "bare", "memory": memory})
    assert draft["memory"] == {"size": "1GiB"}
    assert spec.memory is not None and spec.memory.size == 1 << 30


def test_what_makes_no_vm_is_told_in_words() -> None:
    with pytest.raises(ValueError, match=r"^no VM can be made of it: `memory` is required$"):
        accepted({"preset": "bare"})


def test_a_name_that_no_manifest_has_is_told_and_the_others_come(tmp_path: Path) -> None:
    odd, good = tmp_path / "odd.xml", tmp_path / "good.xml"
    odd.write_text(domain().replace("<name>web</name>", "<name>foo=1,bar=2</name>"))
    good.write_text(domain())
    found = pipeline.imported_files([odd, good], "shop")
    [problem] = found.problems
    assert "the name `foo=1,bar=2` cannot stand in a manifest" in problem.message
    assert "`virsh domrename`" in problem.message and problem.hint == "the others are imported"
    assert list(yaml.safe_load(found.text)["vms"]) == ["web"]


def test_a_pc_of_32_bits_has_its_mouse_and_keyboard(tmp_path: Path) -> None:
    xml = domain().replace("arch='x86_64'", "arch='i686'").replace("system-x86_64", "system-i686")
    assert "xml" not in imported(xml, tmp_path)
