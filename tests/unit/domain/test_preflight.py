"""What a domain asks of its host, and what of it a host would refuse."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, cast

import pytest

from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.canon import rng
from kvmspec.core.action import AttachDevice, DefineDomain, Edit, EditDomain
from kvmspec.core.address import Address
from kvmspec.core.observed import HostView, Observed
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
    assert said["file", "/srv/a.raw"] == "disks.root"
    assert said["disk.bus", "sata"] == "disks.cd.bus"
    assert said["bridge", "br0"] == said["mac", MAC] == "networks.lan"
    assert said["port", "5901"] == "graphics.vnc.port"
    assert said["pci", "0000:41:00.0"] == "devices.hostdevs"
    assert said["cpu.model", "EPYC"] == "cpus.model"
    assert not {("file", "/srv/b.iso"), ("port", "5902")} & set(said)


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
    wanted = Wanted("", "x86_64", "q35", virt, 0, (claim,))
    told = list(capable.judge(wanted, [claim], CAPABILITIES))
    assert [words in message and bool(hint) for _, message, hint in told] == ([True] if words else [])


def theirs(name: str, devices: str, *, runs: bool = False, number: str = "") -> Observed:
    xml = f"<domain{number}><devices>{devices}</devices></domain>"
    return Observed("vm", name, name, xml, "running" if runs else "stopped", active_xml=xml if runs else None)


def test_clashes_with_whoever_is_on_the_host() -> None:
    drawn = theirs("drawn", "<graphics type='vnc' port='5901' autoport='yes'/>", runs=True, number=" id='3'")
    nic = theirs("nic", f"<interface><mac address='{MAC.upper()}'/></interface>")
    gone = theirs("gone", f"<interface><mac address='{MAC}'/></interface>")
    view = HostView("hv1", "", domains={each.name: each for each in (drawn, nic, gone)})
    claims = read(ET.fromstring(DOMAIN), None).claims
    told = {clash.message: clash.running for clash in clashing.judge(claims, UUID, {"gone"}, view)}
    assert told == {
        f"vm/nic on hv1 is defined with MAC address {MAC} already": False,
        "vm/drawn on hv1 runs with port 5901 already": True,
    }


class Told:
    """A host that tells this of itself; what a Probe asks is asked of a real one in the live tests."""

    def __init__(self, *, files: bool = True, interfaces: tuple[str, ...] = ("eno1", "br0")) -> None:
        self.has_our_files, self._interfaces = files, interfaces

    def interfaces(self) -> frozenset[str]:
        return frozenset(self._interfaces)

    def pci(self) -> frozenset[str]:
        return frozenset({"0000:41:00.0"})

    def free_pages(self, size: int) -> int:
        return 10


def missing(what: str, value: str, told: Told | None = None, places: Places = Places()) -> list[str]:  # noqa: B008
    probe = cast(Probe, told or Told())
    found = absent.judge([Claim(what, value, "x")], 64 << 20, probe, places, "hv1")
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


VM = Address("hv1", "vm", "web")
CHANGES: dict[str, tuple[list[Any], str, bool]] = {
    "nothing": ([], DOMAIN, False),
    "a new one": ([DefineDomain(VM, DOMAIN)], "", True),
    "words": ([EditDomain(VM, (Edit("add", ("title",), "<title>x</title>"),))], DOMAIN, False),
    "a device": ([AttachDevice(VM, ("devices", "rng"), "<rng/>")], DOMAIN, True),
    "memory": ([EditDomain(VM, (Edit("set", ("memory", "#"), "128"),))], DOMAIN, True),
}


@pytest.mark.parametrize("case", CHANGES)
def test_only_what_asks_for_something_is_looked_at(case: str) -> None:
    actions, before, looked_at = CHANGES[case]
    change = vm.change_of(actions, before)
    assert (change is not None) is looked_at
    if change is not None and case == "a device":
        assert "<rng/></devices>" in change.after


NETWORK = "<network><name>a</name>{}</network>"
NETWORKS: dict[str, tuple[str, list[str]]] = {
    "a bridge that is there": ("<forward mode='bridge'/><bridge name='br0'/>", []),
    "a bridge that is not": ("<forward mode='bridge'/><bridge name='br1'/>", ["bridge"]),
    "libvirt's own bridge": ("<bridge name='virbr9'/>", []),
    "an interface": ("<forward mode='private'><interface dev='eno9'/></forward>", ["interfaces"]),
    "a subnet": ("<ip address='10.0.5.1' prefix='24'/>", ["subnet"]),
    "another": ("<ip address='10.1.0.1' netmask='255.255.0.0'/>", []),
    "of IPv6": ("<ip family='ipv6' address='fd00::1' prefix='64'/>", ["ipv6.subnet"]),
}


@pytest.mark.parametrize("case", NETWORKS)
def test_networks(case: str) -> None:
    inner, fields = NETWORKS[case]
    addresses = "<ip address='10.0.0.1' prefix='16'/><ip family='ipv6' address='fd00::9' prefix='48'/>"
    other = Observed("network", "b", "u", NETWORK.format(addresses), "running")
    view = HostView("hv1", "", networks={"b": other})
    interfaces = ("lo", "br0")
    assert [each[0] for each in findings(NETWORK.format(inner), "a", view, (), interfaces)] == fields
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
