"""Fragments: XML that is merged by identity, and the least of it that two XMLs differ by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.canon.fragment import FragmentError, givens, leftover, merge, problems
from kvmspec.canon.read import read

QEMU = "http://libvirt.org/schemas/domain/qemu/1.0"
K = 'xmlns:k="urn:kvmspec:1"'

DOMAIN = """<domain type="kvm">
  <name>a</name>
  <metadata>
    <kvmspec:vm xmlns:kvmspec="urn:kvmspec:1" project="p"/>
    <boxes:x xmlns:boxes="urn:boxes"><!-- kept -->  text  </boxes:x>
  </metadata>
  <memory unit="GiB">1</memory>
  <vcpu placement="static" current="1">2</vcpu>
  <os><type>hvm</type><boot dev="hd"/></os>
  <devices>
    <disk type="file"><source file="/a"/><target dev="vda" bus="virtio"/></disk>
    <disk type="file"><target dev="vdb"/></disk>
    <controller type="usb"/>
    <controller type="usb" model="qemu-xhci"/>
    <interface type="network"><mac address="52:54:00:00:00:01"/><source network="one"/></interface>
    <interface type="network"><mac address="52:54:00:00:00:03"/></interface>
    <serial type="pty"/>
    <rng model="virtio"><backend model="random">/dev/urandom</backend></rng>
  </devices>
</domain>"""

MERGES = {
    "a device of another identity comes beside the first": (
        "<devices><rng model='virtio'><backend model='builtin'/></rng></devices>",
        '<backend model="random">/dev/urandom</backend></rng><rng model="virtio"><backend model="builtin"/></rng>',
    ),
    "one more of the same": (
        f"<devices {K}><serial type='file' k:add='.'/></devices>",
        '<serial type="pty"/><serial type="file"/>',
    ),
    "the first of those that nothing tells apart": (
        "<devices><serial><log file='/l'/></serial></devices>",
        '<serial type="pty"><log file="/l"/></serial>',
    ),
    "an empty element stands for one that stays": (
        "<devices><serial/><serial type='null'/></devices>",
        '<serial type="pty"/><serial type="null"/>',
    ),
    "a child of a device": (
        "<devices><disk><target dev='vda'/><serial>x</serial></disk></devices>",
        '<target dev="vda" bus="virtio"/><serial>x</serial></disk>',
    ),
    "an attribute of a device, known in any case": (
        "<devices><interface><mac address='52:54:00:00:00:03'/><model type='e1000'/></interface></devices>",
        '<mac address="52:54:00:00:00:03"/><model type="e1000"/></interface>',
    ),
    "a device between others": (
        "<devices><interface><mac address='52:54:00:00:00:01'/></interface>"
        "<interface type='user'><mac address='52:54:00:00:00:02'/></interface></devices>",
        '</interface><interface type="user"><mac address="52:54:00:00:00:02"/></interface>'
        '<interface type="network"><mac address="52:54:00:00:00:03"/></interface>',
    ),
    "a device before the first": (
        "<devices><disk type='block'><target dev='sda'/></disk><disk><target dev='vda'/></disk></devices>",
        '<devices><disk type="block"><target dev="sda"/></disk><disk type="file"><source file="/a"/>',
    ),
    "in the order that libvirt's schema wants": (
        "<genid/><devices><disk><target dev='vda'/><driver name='qemu'/></disk></devices>",
        '<devices><disk type="file"><driver name="qemu"/><source file="/a"/>',
    ),
    "a controller by its number, though it has none": (
        "<devices><controller type='usb' index='1' ports='8'/></devices>",
        '<controller type="usb" model="qemu-xhci" index="1" ports="8"/>',
    ),
    "a console beside the one that goes with a serial port": (
        "<devices><console type='pty'><target type='virtio'/></console></devices>",
        '<console type="pty"><target type="virtio"/></console></devices>',
    ),
    "a list with a meaning is said in full": (
        "<os><boot dev='network'/><boot dev='cdrom'/></os>",
        '<os><type>hvm</type><boot dev="network"/><boot dev="cdrom"/></os>',
    ),
    "an amount without a unit is not in the unit that was there": (
        "<memory>4</memory>",
        "<memory>4</memory>",
    ),
    "elements that are not there yet": (
        "<features><kvm><hidden state='on'/></kvm></features>",
        '<features><kvm><hidden state="on"/></kvm></features><devices>',
    ),
    "a removed attribute": (f"<vcpu {K} k:remove='@current'/>", '<vcpu placement="static">2</vcpu>'),
    "removed children": (f"<os {K} k:remove='boot nothing'/>", "<os><type>hvm</type></os>"),
    "a removed text": (f"<name {K} k:remove='#'/>", "<name/>"),
    "a removed device": (
        f"<devices {K}><disk k:remove='.'><target dev='vda'/></disk></devices>",
        '<devices><disk type="file"><target dev="vdb"/></disk><controller',
    ),
    "all of a kind": (
        f"<devices {K}><disk k:remove='.'/></devices>",
        '<devices><controller type="usb"/>',
    ),
    "what goes, goes first": (
        f"<devices {K}><serial k:remove='.'/><serial type='null'/></devices>",
        '</rng><serial type="null"/></devices>',
    ),
    "text is kept to the byte": (
        "<sysinfo type='smbios'><oemStrings><entry>  a  </entry></oemStrings></sysinfo>",
        "<entry>  a  </entry>",
    ),
    "another namespace keeps its prefix": (
        f"<qemu:commandline xmlns:qemu='{QEMU}'><qemu:arg value='-s'/></qemu:commandline>",
        f'<qemu:commandline xmlns:qemu="{QEMU}"><qemu:arg value="-s"/></qemu:commandline>',
    ),
    "another tool's metadata is taken whole": (
        "<metadata><b:x xmlns:b='urn:boxes'> <b:y/></b:x><c:z xmlns:c='urn:c'/></metadata>",
        '<b:x xmlns:b="urn:boxes"> <b:y/></b:x><c:z xmlns:c="urn:c"/></metadata>',
    ),
    "kvmspec's own metadata stays": (
        f"<metadata {K} k:remove='.'/>",
        '<metadata><kvmspec:vm xmlns:kvmspec="urn:kvmspec:1" project="p"/></metadata>',
    ),
}


def _flat(xml: str) -> str:
    """Without the indentation between elements."""
    return "".join(line.strip() if line.strip().startswith("<") else line for line in xml.splitlines())


@pytest.mark.parametrize("case", MERGES)
def test_merge(case: str) -> None:
    fragment, expected = MERGES[case]
    merged = merge(DOMAIN, f"<domain>{fragment}</domain>")
    assert expected in _flat(merged)
    assert "k:" not in merged


@pytest.mark.parametrize("case", MERGES)
def test_the_leftover_of_a_merge_restores_it(case: str) -> None:
    merged = merge(DOMAIN, f"<domain>{MERGES[case][0]}</domain>")
    assert leftover(merged, merge(DOMAIN, leftover(merged, DOMAIN))) == ""
    assert leftover(DOMAIN, merge(merged, leftover(DOMAIN, merged))) == ""


def test_nothing_merged_changes_nothing() -> None:
    assert merge(DOMAIN, "") == DOMAIN
    assert leftover(merge(DOMAIN, "<domain/>"), DOMAIN) == ""


def test_networks_and_pools() -> None:
    network = "<network><name>n</name><ip address='10.0.0.1'><dhcp><host mac='52:54:00:00:00:0a' ip='10.0.0.9'/></dhcp></ip></network>"
    fragment = (
        "<network><ip address='10.0.0.1'><dhcp><host mac='52:54:00:00:00:0A' name='a'/></dhcp></ip></network>"
    )
    assert 'ip="10.0.0.9" name="a"' in merge(network, fragment)
    pool = "<pool type='dir'><name>p</name><capacity unit='bytes'>1</capacity></pool>"
    assert leftover(pool, "<pool type='dir'><name>p</name></pool>") == ""


def _device(*devices: str, before: str = "", after: str = "") -> str:
    return f"<domain><name>a</name>{before}<devices>{''.join(devices)}</devices>{after}</domain>"


SAME = {
    "what libvirt says by itself": (
        _device("<disk><target dev='a'/></disk>", before="<vcpu>2</vcpu><os><type>hvm</type></os>"),
        _device(
            "<disk device='disk'><target dev='a'/></disk>",
            before="<on_crash>destroy</on_crash><clock offset='utc'/>"
            "<vcpu placement='static' current='2'>2</vcpu><os><type>hvm</type><boot dev='hd'/></os>",
        ),
    ),
    "amounts in other units": (
        _device(before="<memory unit='GiB'>1</memory>"),
        _device(before="<memory>1048576</memory><currentMemory unit='MiB'>1024</currentMemory>"),
    ),
    "addresses in another base": (
        _device("<vsock><address type='pci' slot='0x0a'/></vsock>"),
        _device("<vsock><address type='pci' domain='0x0000' bus='0' slot='10' function='0x0'/></vsock>"),
    ),
    "a console and the serial port it is": (
        _device("<console type='pty'/>"),
        _device("<serial type='pty'/>", "<console type='pty'><target type='serial' port='0'/></console>"),
    ),
    "a console says nothing that its serial port does not": (
        _device("<serial type='pty'/>", "<console type='file'><target type='serial'/></console>"),
        _device("<serial type='pty'/>"),
    ),
    "ports in their order": (
        _device("<serial type='pty'/>", "<serial type='pty'/>"),
        _device("<serial type='pty'><target port='0'/></serial>", "<serial type='pty'><target/></serial>"),
    ),
    "controllers with and without their number": (
        _device("<controller type='usb'/>", "<controller type='usb'/>", "<controller type='scsi'/>"),
        _device("<controller type='usb' index='1'/>", "<controller type='scsi' index='0'/>",
                "<controller type='usb' index='0'/>"),
    ),
    "names that libvirt gives": (_device("<vsock/>"), _device("<vsock><alias name='vsock0'/></vsock>")),
    "a running machine's number": ("<domain id='3'><name>a</name></domain>", "<domain><name>a</name></domain>"),
    "kvmspec's own metadata": (
        "<domain/>", "<domain><metadata><a:vm xmlns:a='urn:kvmspec:1'/></metadata></domain>"
    ),
    "other prefixes": (
        "<domain><metadata><a:x xmlns:a='urn:x'>t</a:x></metadata></domain>",
        "<domain><metadata><b:x xmlns:b='urn:x'>t</b:x></metadata></domain>",
    ),
    "a uuid the original has not": ("<domain/>", "<domain><uuid>00000000-0000-0000-0000-000000000001</uuid></domain>"),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_nothing_is_left_over(case: str) -> None:
    original, rendered = SAME[case]
    assert leftover(original, rendered) == ""
    if case != "a uuid the original has not":
        assert leftover(rendered, original) == ""


DIFFERENT = {
    "a port without a number comes behind those that have one": (
        "<serial/><serial><target port='0'/></serial>",
        "<serial><target port='0'/></serial><serial/>",
    ),
    "a serial port's own number": ("<serial type='pty'/>", "<serial type='pty'><target port='3'/></serial>"),
    "a console of a port on the bus": (
        "<serial><target type='pci-serial'/></serial>",
        "<serial><target type='pci-serial'/></serial><console type='pty'/>",
    ),
    "a serial port and a virtio console": (
        "<serial/><console/>",
        "<serial/><console/><console><target type='virtio'/></console>",
    ),
    "no port instead of one with its console": (
        "<console><target type='virtio'/></console>",
        "<serial/><console><target type='serial'/></console>",
    ),
    "yes is not on": ("<sound a='yes'/>", "<sound a='on'/>"),
    "a port in hexadecimal is a text": (
        "<serial type='dev'><address type='isa' iobase='0x3f8'/></serial>",
        "<serial type='dev'><address type='isa' iobase='3f8'/></serial>",
    ),
    "an attribute called id": ("<hub><parent id='1'/></hub>", "<hub><parent id='2'/></hub>"),
    "spaces of a text": ("<a>x</a>", "<a>x </a>"),
    "the order of disks": (
        "<disk><target dev='a'/></disk><disk><target dev='b'/></disk>",
        "<disk><target dev='b'/></disk><disk><target dev='a'/></disk>",
    ),
    "the order of hosts": (
        "<disk><source><host name='a'/><host name='b'/></source><target dev='a'/></disk>",
        "<disk><source><host name='b'/><host name='a'/></source><target dev='a'/></disk>",
    ),
    "two of one name": (
        "<disk type='file'><target dev='a'/></disk><disk type='block'><target dev='a'/></disk>",
        "<disk type='file'><target dev='a'/></disk><disk type='dir'><target dev='a'/></disk>",
    ),
    "fewer of what nothing tells apart": ("<video><a/></video>", "<video/><video><a/></video>"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_differs_is_restored(case: str) -> None:
    one, other = (_device(device) for device in DIFFERENT[case])
    for original, rendered in ((one, other), (other, one)):
        fragment = leftover(original, rendered)
        assert fragment
        assert leftover(original, merge(rendered, fragment)) == ""


def test_a_leftover_is_small() -> None:
    original = merge(DOMAIN, MERGES["a child of a device"][0].join(("<domain>", "</domain>")))
    assert _flat(leftover(original, DOMAIN)) == (
        '<domain><devices><disk><target dev="vda"/><serial>x</serial></disk></devices></domain>'
    )


def test_an_attribute_called_id_is_not_the_machines_number() -> None:
    fragment = leftover(
        _device("<hub type='usb'><a id='1'/></hub>"), _device("<hub type='usb'><a id='2'/></hub>")
    )
    assert _flat(fragment) == '<domain><devices><hub><a id="1"/></hub></devices></domain>'


def test_a_default_that_hangs_on_something_else_is_said() -> None:
    """The current memory goes with the maximum only where that stays."""
    original = _device(before="<memory unit='GiB'>2</memory>")
    rendered = _device(before="<memory unit='GiB'>1</memory><currentMemory unit='GiB'>1</currentMemory>")
    assert "currentMemory" not in merge(rendered, leftover(original, rendered))


PROBLEMS = {
    "not XML": ("<domain", "not well-formed"),
    "another root": ("<pool/>", "<pool>"),
    "a document type": ("<!DOCTYPE d><domain/>", "document type"),
    "an entity": (
        "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>",
        "document type",
    ),
    "a prefix that nothing declares": ("<domain><qemu:commandline/></domain>", "not well-formed"),
    "an unknown mark": (f"<domain {K}><os k:drop='.'/></domain>", "k:drop"),
    "an empty removal": (f"<domain {K}><os k:remove=''/></domain>", "empty"),
    "two removals in one": (f"<domain {K}><os k:remove='. @a'/></domain>", "stands alone"),
    "a removed root": (f"<domain {K} k:remove='.'/>", "not on the root"),
    "an unknown prefix in a removal": (f"<domain {K} k:remove='qemu:commandline'/>", "prefix"),
    "kvmspec's own elements": (f"<domain {K}><metadata><k:vm/></metadata></domain>", "kvmspec's own"),
    "text between elements": ("<domain><os>x<type>hvm</type></os></domain>", "'x'"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_problems(case: str) -> None:
    fragment, why = PROBLEMS[case]
    assert why in "; ".join(problems(fragment, "domain"))
    with pytest.raises(FragmentError, match=r"fragment|line"):
        merge(DOMAIN, fragment)


GIVENS = {
    "a name": ("domain", "<name>b</name>", "<name> is not for a fragment: it is the key in the manifest"),
    "a UUID": ("network", "<uuid>1</uuid>", "state `uuid` beside `xml`"),
    "no name": ("pool", f"<name {K} k:remove='.'/>", "<name> is not for a fragment"),
    "a NIC": ("domain", "<devices><interface type='user'/></devices>", "needs its <mac address=…/>"),
    "no balloon": ("domain", f"<devices {K}><memballoon k:remove='.'/></devices>", "memballoon: none"),
}


@pytest.mark.parametrize("case", GIVENS)
def test_what_is_not_a_fragments_to_say(case: str) -> None:
    root, inner, words = GIVENS[case]
    (problem,) = givens(f"<{root}>{inner}</{root}>")
    assert words in problem and problem.startswith("line 1: ")


def test_the_roots_own_attributes() -> None:
    (problem,) = givens(f"<domain {K} k:remove='uuid title'/>")
    assert "<uuid> cannot be removed" in problem
    (problem,) = givens("<domain id='3'/>")
    assert "leave it out" in problem


def test_what_is_a_fragments_to_say() -> None:
    inner = """<interface><mac address='52:54:00:00:00:01'/></interface><interface k:remove='.'/>
    <memballoon k:remove='.'/><memballoon model='none'/><disk><name>x</name></disk>"""
    assert givens(f"<domain {K} type='kvm'><title>x</title><devices>{inner}</devices></domain>") == []


def test_a_good_fragment_has_no_problems() -> None:
    for fragment, _ in MERGES.values():
        assert problems(f"<domain>{fragment}</domain>", "domain") == []


def test_kinds_are_not_mixed() -> None:
    with pytest.raises(FragmentError):
        leftover("<pool/>", "<network/>")


TEXT = st.sampled_from(["1", "x", " y ", "é<&"])
DEVICES = {
    "disk": lambda key, text: f"<disk type='{key}'><target dev='v{key}'/><serial>{text}</serial></disk>",
    "interface": lambda key, text: (
        f"<interface><mac address='52:54:00:00:00:0{key}'/><alias name='ua-{key}'/></interface>"
    ),
    "serial": lambda key, text: f"<serial type='{key}'><source path='{text}'/></serial>",
    "console": lambda key, text: (
        "<console type='pty'/>" if key == "1" else "<console type='tcp'><target type='virtio'/></console>"
    ),
    "video": lambda key, text: f"<video><model type='{key}'/></video>",
    "controller": lambda key, text: f"<controller type='usb' model='{key}'/>",
    "hub": lambda key, text: f"<hub type='{key}'>{text}</hub>",
}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


@st.composite
def machines(draw: st.DrawFn) -> str:
    kinds = draw(
        st.lists(st.tuples(st.sampled_from(sorted(DEVICES)), st.sampled_from("123"), TEXT), max_size=7)
    )
    devices = [DEVICES[kind](key, _escaped(text)) for kind, key, text in kinds]
    boots = draw(st.lists(st.sampled_from(["hd", "network", "cdrom"]), max_size=3))
    title = draw(st.none() | TEXT)
    return _device(
        *devices,
        before=f"<os>{''.join(f'<boot dev={boot!r}/>' for boot in boots)}</os>"
        + (f"<title>{_escaped(title)}</title>" if title else ""),
    )


@given(machines(), machines())
def test_any_machine_of_any_other(original: str, rendered: str) -> None:
    fragment = leftover(original, rendered)
    assert not fragment or problems(fragment, "domain") == []
    merged = merge(rendered, fragment)
    assert leftover(original, merged) == ""
    assert leftover(merged, original) == ""


@given(machines())
def test_a_machine_of_itself(machine: str) -> None:
    assert leftover(machine, machine) == ""


@given(machines(), machines())
def test_the_reader_agrees(original: str, rendered: str) -> None:
    """What canon.read makes of the two is the same, but for numbers and consoles that are filled in."""
    merged = merge(rendered, leftover(original, rendered))
    skip = frozenset({"controller", "serial", "console"})
    assert read(merged, skip) == read(original, skip)
