"""Two texts that mean the same to libvirt read as equal data."""

import pytest

from kvmspec.canon.read import read

SAME = {
    "memory units": (
        "<domain><memory unit='GiB'>2</memory></domain>",
        "<domain><memory unit='KiB'>2097152</memory></domain>",
    ),
    "memory without a unit is KiB": (
        "<domain><memory>1024</memory></domain>",
        "<domain><memory unit='MiB'>1</memory></domain>",
    ),
    "volume capacity without a unit is bytes": (
        "<volume><capacity>1048576</capacity></volume>",
        "<volume><capacity unit='MiB'>1</capacity></volume>",
    ),
    "current vCPUs default to the maximum": (
        "<domain><vcpu>2</vcpu></domain>",
        "<domain><vcpu current='2'>2</vcpu></domain>",
    ),
    "current memory defaults to the maximum": (
        "<domain><memory>4</memory></domain>",
        "<domain><memory>4</memory><currentMemory>4</currentMemory></domain>",
    ),
    "MACs have no case": (
        "<domain><devices><interface><mac address='52:54:00:AA:00:01'/></interface></devices></domain>",
        "<domain><devices><interface><mac address='52:54:00:aa:00:01'/></interface></devices></domain>",
    ),
    "the order of devices means nothing": (
        "<domain><devices><disk><target dev='vda'/></disk><disk><target dev='vdb'/></disk></devices></domain>",
        "<domain><devices><disk><target dev='vdb'/></disk><disk><target dev='vda'/></disk></devices></domain>",
    ),
    "white space between elements means nothing": (
        "<network><name>n</name></network>",
        "<network>\n  <name>n</name>\n</network>",
    ),
    "metadata is opaque": (
        "<domain><name>a</name><metadata><x:y xmlns:x='urn:x'>1</x:y></metadata></domain>",
        "<domain><name>a</name></domain>",
    ),
}

DIFFERENT = {
    "the order of boot devices": (
        "<domain><os><boot dev='hd'/><boot dev='cdrom'/></os></domain>",
        "<domain><os><boot dev='cdrom'/><boot dev='hd'/></os></domain>",
    ),
    "white space inside a text": (
        "<domain><description>a b</description></domain>",
        "<domain><description>a b </description></domain>",
    ),
    "an empty element and none": (
        "<domain><features><acpi/></features></domain>",
        "<domain><features/></domain>",
    ),
}


@pytest.mark.parametrize("case", SAME, ids=str)
def test_same(case: str) -> None:
    one, other = SAME[case]
    assert read(one) == read(other)


@pytest.mark.parametrize("case", DIFFERENT, ids=str)
def test_different(case: str) -> None:
    one, other = DIFFERENT[case]
    assert read(one) != read(other)


def test_a_key_used_twice_falls_back_to_position() -> None:
    xml = "<domain><devices><graphics type='vnc' port='1'/><graphics type='vnc' port='2'/></devices></domain>"
    graphics = read(xml)["devices"]["graphics"]
    assert graphics["vnc"]["@port"] == "1"
    assert graphics["vnc#1"]["@port"] == "2"


def test_another_root_element_is_an_error() -> None:
    with pytest.raises(KeyError):
        read("<capabilities/>")
