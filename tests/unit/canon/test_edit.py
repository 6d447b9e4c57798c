"""Edits change what they name, and nothing else survives by luck."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.canon.compare import get, put
from kvmspec.canon.edit import edit, select
from kvmspec.canon.read import read
from kvmspec.core.action import Edit

DOMAIN = """<domain type="kvm" id="3">
  <name>a</name>
  <metadata>
    <!-- kept --><boxes:x xmlns:boxes="urn:boxes">  text  </boxes:x>
  </metadata>
  <vcpu placement="static">2</vcpu>
  <os>
    <boot dev="hd"/>
  </os>
  <devices>
    <disk type="file"><target dev="vda"/><address type="pci" slot="0x04"/></disk>
    <disk type="file"><target dev="vdb"/></disk>
    <serial type="pty"/>
  </devices>
</domain>"""

CASES = {
    "set an attribute": ([Edit("set", ("vcpu", "@current"), "1")], ("vcpu", "@current"), "1"),
    "set a text": ([Edit("set", ("vcpu", "#"), "4")], ("vcpu", "#"), "4"),
    "set an attribute of the root": ([Edit("set", ("@type",), "qemu")], ("@type",), "qemu"),
    "set inside a device": (
        [Edit("set", ("devices", "disk", "vdb", "driver", "@cache"), "none")],
        ("devices", "disk", "vdb", "driver", "@cache"),
        "none",
    ),
    "make the elements on the way": ([Edit("set", ("a", "b", "@c"), "1")], ("a", "b", "@c"), "1"),
    "add a device": (
        [Edit("add", ("devices", "disk", "vdc"), "<disk><target dev='vdc'/></disk>")],
        ("devices", "disk", "vdc", "target", "@dev"),
        "vdc",
    ),
    "add a first device of its kind": (
        [Edit("add", ("devices", "rng", "#0"), "<rng model='virtio'/>")],
        ("devices", "rng", "#0", "@model"),
        "virtio",
    ),
    "add a child of a device": (
        [Edit("add", ("devices", "disk", "vda", "driver"), "<driver name='qemu'/>")],
        ("devices", "disk", "vda", "driver", "@name"),
        "qemu",
    ),
    "remove a device": ([Edit("remove", ("devices", "disk", "vda"))], ("devices", "disk", "vda"), None),
    "remove all of a kind": ([Edit("remove", ("devices", "disk"))], ("devices", "disk"), None),
    "remove an attribute": ([Edit("remove", ("vcpu", "@placement"))], ("vcpu", "@placement"), None),
    "remove what is not there": ([Edit("remove", ("devices", "tpm", "#0"))], ("devices", "tpm"), None),
    "remove a list": (
        [Edit("add", ("os", "boot"), "<boot dev='cdrom'/>"), Edit("remove", ("os", "boot"))],
        ("os", "boot"),
        None,
    ),
    "replace a list": (
        [Edit("remove", ("os", "boot")), Edit("add", ("os", "boot"), "<boot dev='network'/>")],
        ("os", "boot"),
        [{"@dev": "network"}],
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_edit(case: str) -> None:
    edits, path, value = CASES[case]
    assert get(read(edit(DOMAIN, edits)), path) == value


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_not_ours_survives(case: str) -> None:
    text = edit(DOMAIN, CASES[case][0])
    assert '<!-- kept --><boxes:x xmlns:boxes="urn:boxes">  text  </boxes:x>' in text
    assert ('<address type="pci" slot="0x04"/>' in text) == (
        case not in ("remove a device", "remove all of a kind")
    )


def test_an_element_that_is_gone_is_an_error() -> None:
    with pytest.raises(LookupError):
        edit(DOMAIN, [Edit("set", ("devices", "rng", "#3", "@model"), "virtio")])


def test_nothing_to_edit_changes_nothing() -> None:
    assert edit(DOMAIN, []) == DOMAIN


def test_select_finds_a_device() -> None:
    assert select(DOMAIN, ("devices", "disk", "vdb")) == '<disk type="file"><target dev="vdb"/></disk>'
    with pytest.raises(LookupError):
        select(DOMAIN, ("devices", "disk", "vdz"))


LEAVES = st.sampled_from(
    [
        ("title", "#"),
        ("vcpu", "@current"),
        ("os", "kernel", "#"),
        ("devices", "disk", "vda", "source", "@file"),
    ]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), min_size=1).filter(
    lambda text: not text.isspace()
)


@given(st.dictionaries(LEAVES, TEXTS))
def test_what_is_set_is_read_back(values: dict[tuple[str, ...], str]) -> None:
    edited = read(edit(DOMAIN, [Edit("set", path, value) for path, value in values.items()]))
    expected = read(DOMAIN)
    for path, value in values.items():
        put(expected, path, value)
    assert edited == expected


def test_a_driver_with_nothing_in_it_goes() -> None:
    nic = "<interface type='network'><mac address='52:54:00:00:00:01'/><driver name='qemu' queues='2'/></interface>"
    xml = f"<domain><devices>{nic}</devices></domain>"
    driver = ("devices", "interface", "52:54:00:00:00:01", "driver")
    once = edit(xml, [Edit("remove", (*driver, "@name"))])
    assert 'queues="2"' in once
    assert "<driver" not in edit(once, [Edit("remove", (*driver, "@queues"))])


def test_a_tftp_server_without_a_folder_goes() -> None:
    xml = "<network><ip address='10.0.0.1' prefix='24'><tftp root='/srv'/></ip></network>"
    server = ("ip", "/10.0.0.1", "tftp", "@root")
    assert "<tftp" not in edit(xml, [Edit("remove", server)])


def test_a_limit_stands_before_all_bursts() -> None:
    tuned = "<iotune><total_iops_sec>1</total_iops_sec><total_iops_sec_max>2</total_iops_sec_max></iotune>"
    xml = f"<domain><devices><disk><target dev='vda'/>{tuned}</disk></devices></domain>"
    tune = ("devices", "disk", "vda", "iotune")
    made = [
        Edit("set", (*tune, f"total_bytes_sec{burst}", "#"), "9") for burst in ("_max_length", "_max", "")
    ]
    found = [node.tag for node in ET.fromstring(edit(xml, made)).iterfind("devices/disk/iotune/*")]
    assert found == [
        "total_iops_sec",
        "total_bytes_sec",
        "total_iops_sec_max",
        "total_bytes_sec_max",
        "total_bytes_sec_max_length",
    ]
