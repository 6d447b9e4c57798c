"""What is cut out of a definition before it is parsed would have been left out anyway."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.canon.read import read
from kvmspec.core.observed import Observed
from kvmspec.kinds.domain.brief import NEVER_STATED, brief, fingerprint

CASES = Path(__file__).parents[2] / "golden" / "cases"
DUMPS = sorted(file for file in CASES.glob("*/live/**/*.xml") if "<domain" in file.read_text())

PORT = "    <controller type='pci' index='1' model='pcie-root-port'>\n      <target chassis='1'/>\n    </controller>\n"
ROOT = "    <controller type='pci' index='0' model='pcie-root'/>\n"
DISK = "    <disk type='file'>\n      <source file='/a'/>\n      <target dev='vda'/>\n    </disk>\n"
NIC = "    <interface type='network'>\n      <mac address='52:54:00:00:00:01'/>\n    </interface>\n"
RNG = "    <rng model='virtio'/>\n"
FAKE = "<x:a xmlns:x='urn:x'><![CDATA[\n  <devices>\n    <controller type='x'>\n]]></x:a>"


def domain(devices: str, metadata: str = "", description: str = "") -> str:
    return (
        "<domain type='kvm'>\n  <name>a</name>\n"
        f"  <description>{description}</description>\n"
        f"  <metadata>\n    {metadata}\n  </metadata>\n"
        f"  <devices>\n{devices}  </devices>\n  <seclabel type='none'/>\n</domain>\n"
    )


@pytest.mark.parametrize("file", DUMPS, ids=lambda file: "/".join(file.relative_to(CASES).parts))
def test_dumps_of_libvirt(file: Path) -> None:
    assert brief(file.read_text()) == read(file.read_text(), NEVER_STATED)


@given(
    st.lists(st.sampled_from([PORT, ROOT, DISK, NIC, RNG]), max_size=12).map("".join),
    st.sampled_from(["", FAKE, "<x:controller xmlns:x='urn:x'/>"]),
    st.sampled_from(["", "one\n    &lt;controller\ntwo"]),
)
def test_any_devices(devices: str, metadata: str, description: str) -> None:
    xml = domain(devices, metadata, description)
    assert brief(xml) == read(xml, NEVER_STATED)


@pytest.mark.parametrize("change", [("\n", ""), ("\n    <", "\n\t<"), ("  <devices>\n", "  <devices>")])
def test_a_text_that_is_indented_otherwise_is_read_all_the_same(change: tuple[str, str]) -> None:
    xml = domain(ROOT + PORT + DISK).replace(*change)
    assert brief(xml) == read(xml, NEVER_STATED)


def test_controllers_are_not_even_parsed() -> None:
    broken = domain(ROOT + DISK + PORT.replace("<target chassis='1'/>", "<target>"))
    assert "disk" in brief(broken)["devices"]


def observed(xml: str, **other: Any) -> Observed:
    return Observed("vm", "a", "u", xml, **other)


def test_a_fingerprint_is_of_the_definition_and_the_state() -> None:
    before = fingerprint(observed(domain(DISK)))
    assert fingerprint(observed(domain(DISK))) == before
    others = [
        observed(domain(DISK + NIC)),
        observed(domain(DISK + ROOT)),
        observed(domain(DISK, description="another")),
        observed(domain(DISK), state="running"),
        observed(domain(DISK), autostart=True),
        observed(domain(DISK), managed_save=True),
    ]
    assert len({before, *map(fingerprint, others)}) == 7


@pytest.mark.parametrize("metadata", [FAKE, "<x:a xmlns:x='urn:x'><![CDATA[\n  </metadata>\n]]></x:a>"])
def test_metadata_is_no_part_of_a_fingerprint(metadata: str) -> None:
    assert fingerprint(observed(domain(DISK, metadata))) == fingerprint(observed(domain(DISK)))
    assert fingerprint(observed(domain(NIC, metadata))) != fingerprint(observed(domain(DISK)))
