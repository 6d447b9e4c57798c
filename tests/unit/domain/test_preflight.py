"""What a domain asks of its host, and what of it a host would refuse."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.canon import rng
from kvmspec.core.action import AttachDevice, DefineDomain, Edit, EditDomain
from kvmspec.core.address import Address
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView, Observed
from kvmspec.kinds.base import Context
from kvmspec.kinds.domain.preflight import absent, capable, clashing, vm
from kvmspec.kinds.domain.preflight.absent import Places
from kvmspec.kinds.domain.preflight.claims import Claim, Wanted, read
from kvmspec.kinds.network.preflight import findings
from kvmspec.kinds.records import KeyMap, Record

UUID = "11111111-2222-4333-8444-555555555555"
MAC = "52:54:00:00:00:01"
DOMAIN = f"""<domain type='qemu'><uuid>{UUID}</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><cpu mode='custom'><model>EPYC</model></cpu>
<devices>
<disk type='file' device='disk'><source file='/srv/a.raw'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><source file='/srv/b.iso' startupPolicy='optional'/>
<target dev='sda' bus='sata'/></disk>
<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/></interface>
<graphics type='vnc' port='5901' autoport='no'/><graphics type='spice' autoport='yes' port='5902'/>
<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0x41' slot='0' function='0'/></source>
</hostdev></devices></domain>"""
RECORD = Record("shop", UUID, keys=KeyMap({"root": "vda", "cd": "sda"}, {"lan": MAC}))


def test_what_a_domain_asks_for_and_where_the_manifest_says_so() -> None:
    wanted = read(ET.fromstring(DOMAIN), RECORD)
    assert wanted.model == ("", "x86_64", "q35", "qemu")
    assert wanted.memory == 64 << 20
    said = {(claim.what, claim.value): claim.field for claim in wanted.claims}
    assert said["file", "/srv/a.raw"] == "disks.root.path"
    assert said["disk.bus", "sata"] == "disks.cd.bus"
    assert (said["bridge", "br0"], said["mac", MAC]) == ("networks.lan.bridge", "networks.lan.mac")
    assert said["port", "5901"] == "graphics.vnc.port"
    assert said["pci", "0000:41:00.0"] == "devices.hostdevs.0000:41:00.0"
    assert said["cpu.model", "EPYC"] == "cpus.model"
    assert not {("file", "/srv/b.iso"), ("port", "5902")} & set(said)


ODD_NICS: dict[str, tuple[str, list[str]]] = {
    "a bridge of Open vSwitch": ("<source bridge='ovs0'/><virtualport type='openvswitch'/>", []),
    "a bridge": ("<source bridge='br0'/>", ["bridge"]),
}


@pytest.mark.parametrize("case", ODD_NICS)
def test_what_a_nic_asks_for(case: str) -> None:
    inner, asked = ODD_NICS[case]
    root = ET.fromstring(f"<domain><devices><interface type='bridge'>{inner}</interface></devices></domain>")
    assert [claim.what for claim in read(root, None).claims] == asked


PORTS: dict[str, tuple[str, list[str]]] = {
    "stated": ("type='vnc' port='5901'", ["5901"]),
    "drawn": ("type='vnc' port='5901' autoport='yes'", []),
    "of a websocket": ("type='vnc' autoport='yes' port='-1' websocket='5701'", ["5701"]),
    "of TLS": ("type='spice' port='5901' tlsPort='5902'", ["5901", "5902"]),
}


@pytest.mark.parametrize("case", PORTS)
@pytest.mark.parametrize("listens", ["", "<listen type='address'/>", "<listen type='socket'/>"])
def test_ports_that_a_display_takes(case: str, listens: str) -> None:
    attributes, ports = PORTS[case]
    xml = f"<domain><devices><graphics {attributes}>{listens}</graphics></devices></domain>"
    found = [claim.value for claim in read(ET.fromstring(xml), None).claims if claim.what == "port"]
    assert found == ([] if "socket" in listens else ports)


def test_files_that_qemu_opens() -> None:
    devices = """<filesystem><source dir='/srv/x.d'/></filesystem>
    <rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>
    <rng model='virtio'><backend model='builtin'/></rng>"""
    claims = read(ET.fromstring(f"<domain><devices>{devices}</devices></domain>"), None).claims
    files = {claim.value: claim.field for claim in claims if claim.what == "file"}
    assert files == {"/srv/x.d": "filesystems./srv/x.d", "/dev/hwrng": "devices.rng"}


QUESTIONS = {
    "": "",
    "<cpu mode='host-model'/>": "",
    "<cpu mode='custom' check='none'><model>EPYC</model></cpu>": "",
    "<cpu mode='custom' check='partial'><model>EPYC</model><topology sockets='1'/></cpu>": (
        '<cpu match="exact"><model>EPYC</model></cpu>'
    ),
    "<cpu match='minimum'><model>EPYC</model><feature policy='disable' name='svm'/></cpu>": (
        '<cpu match="minimum"><model>EPYC</model><feature policy="disable" name="svm" /></cpu>'
    ),
}


@pytest.mark.parametrize("cpu", QUESTIONS)
def test_what_the_host_is_asked_of_a_cpu(cpu: str) -> None:
    assert read(ET.fromstring(f"<domain>{cpu}</domain>"), None).cpu == QUESTIONS[cpu]


CAPABILITIES = """<domainCapabilities><vcpu max='8'/><iothreads supported='no'/>
<os supported='yes'><enum name='firmware'/></os>
<cpu><mode name='host-passthrough' supported='no'/><mode name='custom' supported='yes'>
<model usable='yes'>EPYC</model><model usable='no'>Haswell</model></mode></cpu>
<devices><disk supported='yes'><enum name='bus'><value>virtio</value><value>sata</value></enum></disk>
<tpm supported='no'/></devices><features><sev supported='no'/></features></domainCapabilities>"""

JUDGED: dict[str, tuple[Claim, str, str]] = {
    "a bus": (Claim("disk.bus", "ide", "disks"), "qemu", "no disks on bus ide"),
    "what is not supported": (Claim("tpm.model", "tpm-tis", "tpm"), "qemu", "no TPM model tpm-tis"),
    "a CPU mode": (Claim("cpu.mode", "host-passthrough", "cpus.mode"), "qemu", "for TCG"),
    "a CPU": (Claim("cpu.model", "Haswel", "cpus.model"), "qemu", "knows no CPU Haswel"),
    "a CPU too new": (Claim("cpu.model", "Haswell", "cpus.model"), "kvm", "lacks what Haswell needs"),
    "a CPU that libvirt replaces": (Claim("cpu.model", "Icelake-Client", "cpus.model"), "kvm", ""),
    "one it must not": (Claim("cpu.model", "Icelake-Client", "x", "forbid"), "kvm", "no CPU Icelake-Client"),
    "vCPUs": (Claim("vcpus", "9", "cpus"), "qemu", "at most 8"),
    "I/O threads": (Claim("iothreads", "yes", "disks"), "qemu", "no I/O threads"),
    "security": (Claim("security", "sev-snp", "security"), "kvm", "no sev-snp"),
    "a bus it has": (Claim("disk.bus", "sata", "disks"), "qemu", ""),
    "a CPU it has": (Claim("cpu.model", "EPYC", "cpus.model"), "kvm", ""),
    "what TCG makes up": (Claim("cpu.model", "Haswell", "cpus.model"), "qemu", ""),
    "of which nothing is told": (Claim("video.model", "vga", "video"), "qemu", ""),
    "a list with nothing in it": (Claim("firmware", "efi", "firmware"), "qemu", ""),
}


@pytest.mark.parametrize("case", JUDGED)
def test_held_against_capabilities(case: str) -> None:
    claim, virt, words = JUDGED[case]
    wanted = Wanted("", "x86_64", "q35", virt, 0, (claim,), "<cpu/>")
    told = list(capable.judge(wanted, [claim], CAPABILITIES, cast(Probe, Told())))
    assert [words in message and bool(hint) for _, message, hint in told] == ([True] if words else [])


@pytest.mark.parametrize(("cpu", "able"), [("", False), ("<cpu/>", True)])
def test_a_cpu_that_capabilities_call_unusable_and_starts(cpu: str, able: bool) -> None:
    claim = Claim("cpu.model", "Haswell", "cpus.model")
    wanted = Wanted("", "x86_64", "q35", "kvm", 0, (claim,), cpu)
    assert not list(capable.judge(wanted, [claim], CAPABILITIES, cast(Probe, Told(able=able))))


def theirs(name: str, devices: str, *, runs: bool = False, number: str = "") -> Observed:
    xml = f"<domain{number}><devices>{devices}</devices></domain>"
    return Observed("vm", name, name, xml, "running" if runs else "stopped", active_xml=xml if runs else None)


def test_clashes_with_whoever_is_on_the_host() -> None:
    drawn = theirs("drawn", "<graphics type='vnc' port='5901' autoport='yes'/>", runs=True, number=" id='3'")
    nic = theirs("nic", f"<interface><mac address='{MAC.upper()}'/></interface>")
    gone = theirs("gone", f"<interface><mac address='{MAC}'/></interface>")
    view = HostView("hv1", "", domains={each.name: each for each in (drawn, nic, gone)})
    claims = read(ET.fromstring(DOMAIN), None).claims
    told = {clash.message for clash in clashing.judge(claims, UUID, {"gone"}, view) if not clash.mild}
    assert told == {
        f"vm/nic on hv1 is defined with MAC address {MAC} already",
        "vm/drawn on hv1 runs with port 5901 already",
    }


NIC = f"<interface type='{{}}'><mac address='{MAC}'/><source {{}}/></interface>"
VNC, CARD = (
    "<graphics type='vnc' port='5901'/>",
    DOMAIN[DOMAIN.index("<hostdev") : DOMAIN.index("</devices>")],
)
MILD: dict[str, tuple[str, bool, bool]] = {
    "a port of one that is stopped": (VNC, False, True),
    "a port of one that runs": (VNC, True, False),
    "a PCI device of one that is stopped": (CARD, False, True),
    "a PCI device of one that runs": (CARD, True, False),
    "a MAC on the same bridge": (NIC.format("bridge", "bridge='br0'"), False, False),
    "a MAC on another bridge": (NIC.format("bridge", "bridge='br1'"), False, False),
}


@pytest.mark.parametrize("case", MILD)
def test_what_libvirt_would_do_all_the_same_is_a_note(case: str) -> None:
    devices, runs, mild = MILD[case]
    view = HostView("hv1", "", domains={"x": theirs("x", devices, runs=runs)})
    claims = read(ET.fromstring(DOMAIN), None).claims
    assert [clash.mild for clash in clashing.judge(claims, UUID, (), view)] == [mild]


class Told:
    """A host that tells this of itself; what a Probe asks is asked of a real one in the live tests."""

    def __init__(
        self,
        *,
        files: bool = True,
        interfaces: tuple[str, ...] = ("eno1", "br0"),
        able: bool = False,
        pages: int | None = 10,
    ) -> None:
        self.has_our_files, self._interfaces, self._able, self._pages = files, interfaces, able, pages

    def cpu_models(self, arch: str) -> frozenset[str]:
        return frozenset({"EPYC", "Haswell", "Icelake-Client"})

    def lacks(self, cpu: str) -> bool:
        return not self._able

    def memory(self) -> int:
        return 8 << 30

    def most_memory(self) -> int:
        return 10 << 30

    def capabilities(self, machine: Any) -> str:
        return CAPABILITIES

    def interfaces(self) -> frozenset[str]:
        return frozenset(self._interfaces)

    def pci(self) -> frozenset[str]:
        return frozenset({"0000:41:00.0"})

    def free_pages(self, size: int) -> int | None:
        return self._pages


def missing(
    what: str,
    value: str,
    told: Told | None = None,
    places: Places = Places(),  # noqa: B008
    at: str = "",
) -> list[str]:
    probe = cast(Probe, told or Told())
    found = absent.judge([Claim(what, value, "x", at)], 64 << 20, probe, places, "hv1")
    return [message for _, message, hint in found if hint]


def test_what_is_not_there(tmp_path: Path) -> None:
    lost = str(tmp_path / "lost.raw")
    assert missing("bridge", "br1") == ["hv1 has no bridge br1"]
    assert missing("interface", "eno2") == ["hv1 has no network interface eno2"]
    assert missing("pci", "0000:42:00.0") == ["hv1 has no PCI device 0000:42:00.0"]
    assert missing("file", lost) == [f"{lost} does not exist on hv1"]
    assert missing("pages", str(2 << 20)) == ["hv1 has 10 free pages of 2MiB, and it needs 32"]


def test_what_is_there_or_not_known(tmp_path: Path) -> None:
    lost = str(tmp_path / "lost.raw")
    assert not missing("bridge", "br0")
    assert not missing("bridge", "virbr7", places=Places(frozenset({"virbr7"})))
    assert not missing("bridge", "br1", Told(interfaces=()))
    assert not missing("file", str(tmp_path))
    assert not missing("file", lost, Told(files=False))
    assert not missing("file", lost, places=Places(folders=(f"{tmp_path}/",)))
    assert not missing("pages", str(8 << 20))
    assert not missing("pages", str(2 << 20), at="0")
    assert not missing("pages", str(2 << 20), Told(pages=None))


VM = Address("hv1", "vm", "web")
CHANGES: dict[str, tuple[list[Any], str, bool]] = {
    "nothing": ([], DOMAIN, False),
    "a new one": ([DefineDomain(VM, DOMAIN)], "", True),
    "words": ([EditDomain(VM, (Edit("add", ("title",), "<title>x</title>"),))], DOMAIN, False),
    "a device": ([AttachDevice(VM, ("devices", "rng"), "<rng/>")], DOMAIN, True),
    "memory": ([EditDomain(VM, (Edit("set", ("memory", "#"), "128"),))], DOMAIN, False),
}


@pytest.mark.parametrize("case", CHANGES)
def test_only_what_asks_for_something_is_looked_at(case: str) -> None:
    actions, before, looked_at = CHANGES[case]
    change = vm.change_of(actions, before)
    assert (change is not None) is looked_at
    if change is not None and case == "a device":
        assert "<rng/></devices>" in change.after


def held(after: str, before: str = "") -> list[vm.Finding]:
    """What the host refuses of a change of DOMAIN."""
    view = HostView(
        "hv1", "", domains={"web": Observed("vm", "web", UUID, before, "stopped")} if before else {}
    )
    desired = Desired(VM, None, ("vms", "web"))
    context = cast(
        Context,
        SimpleNamespace(
            desired={VM: desired}, destroy=False, targets=None, manifest=SimpleNamespace(items=())
        ),
    )
    probe = cast(Probe, Told(files=False, interfaces=("eno1",)))
    return vm.findings(vm.Change(after, before), [], desired, view, context, probe, Places())


def test_what_was_there_before_is_not_held_against_a_vm() -> None:
    assert {finding.field for finding in held(DOMAIN)} >= {"networks.bridge"}
    assert held(DOMAIN.replace("<vcpu>2", "<vcpu>3"), DOMAIN) == []
    newer = DOMAIN.replace("'q35'", "'pc'")
    assert [finding.field for finding in held(newer, DOMAIN)] == []
    more = newer.replace("<vcpu>2", "<vcpu>9")
    assert [(finding.field, finding.always) for finding in held(more, DOMAIN)] == [("cpus", True)]


SHARED = "<memoryBacking><source type='memfd'/></memoryBacking></domain>"


@pytest.mark.parametrize(
    ("size", "backing", "told"),
    [("7", "", []), ("9", "", [True]), ("11", "", [False]), ("11", SHARED, [True])],
)
def test_memory_beyond_that_of_the_host(size: str, backing: str, told: list[bool]) -> None:
    after = DOMAIN.replace("'MiB'>64", f"'GiB'>{size}")
    after = after.replace("</domain>", backing) if backing else after
    assert [finding.mild for finding in held(after, DOMAIN) if finding.field == "memory"] == told


def test_a_vm_that_shrinks_is_not_asked_of_its_memory() -> None:
    view, large = HostView("hv1", ""), DOMAIN.replace("'MiB'>64", "'GiB'>100")
    assert vm.grown(50 << 30, large, view, cast(Probe, Told())) == []
    assert [finding.mild for finding in vm.grown(101 << 30, large, view, cast(Probe, Told()))] == [False]


def test_all_of_it_is_looked_at_where_there_is_a_fragment() -> None:
    actions = [EditDomain(VM, (Edit("add", ("bogus",), "<bogus/>"),))]
    assert vm.change_of(actions, DOMAIN) is None
    change = vm.change_of(actions, DOMAIN, whole=True)
    assert change is not None and "<bogus/>" in change.after


NETWORK = "<network><name>a</name>{}</network>"
OPEN_VSWITCH = "<forward mode='bridge'/><bridge name='br1'/><virtualport type='openvswitch'/>"
NETWORKS: dict[str, tuple[str, list[tuple[str, bool]]]] = {
    "a bridge that is there": ("<forward mode='bridge'/><bridge name='br0'/>", []),
    "a bridge that is not": ("<forward mode='bridge'/><bridge name='br1'/>", [("bridge", False)]),
    "one of Open vSwitch": (OPEN_VSWITCH, []),
    "libvirt's own bridge": ("<bridge name='virbr9'/>", []),
    "an interface": ("<forward mode='private'><interface dev='eno9'/></forward>", [("interfaces", False)]),
    "the same subnet": ("<ip address='10.0.0.7' netmask='255.255.0.0'/>", [("subnet", False)]),
    "a part of a subnet": ("<ip address='10.0.5.1' prefix='24'/>", [("subnet", True)]),
    "around a subnet": ("<ip address='10.0.0.1' prefix='8'/>", [("subnet", True)]),
    "another": ("<ip address='10.1.0.1' netmask='255.255.0.0'/>", []),
    "of IPv6": ("<ip family='ipv6' address='fd00::1' prefix='48'/>", [("ipv6.subnet", True)]),
}
"""The fields that are told, and whether libvirt would start it all the same."""


@pytest.mark.parametrize("case", NETWORKS)
def test_networks(case: str) -> None:
    inner, told = NETWORKS[case]
    addresses = "<ip address='10.0.0.1' prefix='16'/><ip family='ipv6' address='fd00::9' prefix='48'/>"
    other = Observed("network", "b", "u", NETWORK.format(addresses), "running")
    view = HostView("hv1", "", networks={"b": other})
    interfaces = ("lo", "br0")
    found = findings(NETWORK.format(inner), "a", view, (), interfaces)
    assert [(each.field, each.mild) for each in found] == told
    idle = HostView("hv1", "", networks={"b": replace(other, state="stopped")})
    assert not [each for each in findings(NETWORK.format(inner), "a", idle, (), ()) if "subnet" in each.field]
    assert not list(findings(NETWORK.format(inner), "a", view, {"b"}, ()))


@pytest.mark.skipif(not rng.SCHEMA_DIR.is_dir(), reason="libvirt's schemas are not installed")
@pytest.mark.parametrize(
    ("devices", "found"),
    [
        ("<rng model='virtio'><backend model='random'>/dev/random</backend></rng>", ""),
        ("<bogus a='1'/>", '<bogus a="1">'),
        ("<rng model='virtio'><backend model='nope'>x</backend></rng>", '<rng model="virtio">'),
        ("<sound model='ich9'><wrong/></sound>", "<wrong>"),
    ],
)
def test_the_element_that_is_to_blame(devices: str, found: str) -> None:
    xml = "<domain type='kvm'><name>x</name><memory>1</memory><os><type>hvm</type></os><devices>{}</devices></domain>"
    xml = xml.format(devices)
    assert bool(rng.errors(xml)) is bool(found)
    assert rng.errors(xml) == [] or rng.culprit(xml) == found
