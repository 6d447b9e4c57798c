"""adapters.libvirt.Devices on guests that run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import libvirt
import libvirt_qemu  # type: ignore[import-untyped]
import pytest

from kvmspec.adapters.libvirt import connect
from kvmspec.adapters.libvirt import devices as module
from kvmspec.adapters.libvirt.removals import Removals
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.manifest.secrets import SecretStore
from tests.contract.stage import MAC, Stage
from tests.support.guest import TinyGuest, wait_for, wait_for_console
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

TOP = Path(__file__).resolve().parents[2]
OTHER = "52:54:00:00:77:02"
NETWORK = """<network><name>other</name><bridge name='virbr7' stp='off' delay='0'/>
<ip address='10.77.0.1' netmask='255.255.255.0'/></network>"""
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
SCSI = "<controller type='scsi' index='1' model='virtio-scsi'/>"
DIMM = "<memory model='dimm'><target><size unit='MiB'>{}</size><node>0</node></target></memory>"
CHANNEL = "<channel type='unix'><target type='virtio' name='org.example.0'/></channel>"
TABLET = "<input type='tablet' bus='usb'/>"


def disk(stage: Stage, target: str, bus: str, *, kind: str = "disk", file: str | None = None) -> str:
    source = f"<source file='{file or stage.disk(f'{target}.raw')}'/>" if file != "" else ""
    readonly = "<readonly/>" if kind == "cdrom" else ""
    return (
        f"<disk type='file' device='{kind}'><driver name='qemu' type='raw'/>{source}"
        f"<target dev='{target}' bus='{bus}'/>{readonly}</disk>"
    )


def nic(source: str = "network='default'", more: str = "", *, mac: str = MAC, kind: str = "network") -> str:
    return f"<interface type='{kind}'><mac address='{mac}'/><source {source}/><model type='virtio'/>{more}</interface>"


def vnc(more: str) -> str:
    return f"<graphics type='vnc' port='-1' autoport='yes'{more}><listen type='address' address='127.0.0.1'/></graphics>"


def quiet(text: str) -> None:
    assert text.endswith("…")


@pytest.fixture(scope="module")
def idle(stage: Stage) -> Iterator[str]:
    """A guest with nothing to boot: it never lets go of a PCI device."""
    yield stage.start("idle", "52:54:00:00:77:11", boots=False)
    stage.end("idle")


@contextmanager
def attached(stage: Stage, name: str, xml: str) -> Iterator[str]:
    """Attach a device; gives its alias."""
    before = set(stage.aliases(name))
    stage.host.devices.attach(name, xml)
    (alias,) = set(stage.aliases(name)) - before
    yield alias


# --- attach and detach
@pytest.mark.parametrize(
    "what",
    ["virtio disk", "scsi disk", "usb disk", "scsi cdrom", "nic", "rng", "channel", "tablet", "scsi", "dimm"],
)
def test_a_device_comes_and_goes_without_a_restart(stage: Stage, running: str, what: str) -> None:
    xml = {
        "virtio disk": disk(stage, "vdb", "virtio"),
        "scsi disk": disk(stage, "sdb", "scsi"),
        "usb disk": disk(stage, "sdu", "usb"),
        "scsi cdrom": disk(stage, "sdc", "scsi", kind="cdrom"),
        "nic": nic(mac=OTHER),
        "rng": RNG,
        "channel": CHANNEL,
        "tablet": TABLET,
        "scsi": SCSI,
        "dimm": DIMM.format(128),
    }[what]
    before = stage.number(), stage.aliases()
    with attached(stage, running, xml) as alias:
        assert stage.number() == before[0]
        stage.host.devices.detach(running, alias, 60, quiet)
    assert (stage.number(), stage.aliases()) == before
    stage.host.devices.detach(running, alias, 60, pytest.fail)  # done already


def test_block_nodes_that_a_dead_libvirtd_left_are_no_obstacle(stage: Stage, running: str) -> None:
    with attached(stage, running, disk(stage, "vdb", "virtio")) as alias:
        nodes = query(stage, running, "query-named-block-nodes")
        newest = max(int(match[1]) for match in re.finditer(r"libvirt-(\d+)-storage", json.dumps(nodes)))
        stage.host.devices.detach(running, alias, 60, quiet)
    left = [f"libvirt-{newest + 1}-storage", f"libvirt-{newest + 2}-storage"]
    for name in left:
        query(stage, running, "blockdev-add", **{"driver": "null-co", "node-name": name})
    try:
        with attached(stage, running, disk(stage, "vdb", "virtio")) as alias:
            stage.host.devices.detach(running, alias, 60, quiet)
    finally:
        for name in left:
            query(stage, running, "blockdev-del", **{"node-name": name})


def query(stage: Stage, name: str, command: str, **arguments: str) -> Any:
    """What QEMU's monitor answers."""
    asked = json.dumps({"execute": command, "arguments": arguments})
    domain = stage.host.conn.lookupByName(name)
    return json.loads(libvirt_qemu.qemuMonitorCommand(domain, asked, 0))


def test_the_guest_sees_what_comes_and_goes(stage: Stage, running: str) -> None:
    log = stage.log()
    with attached(stage, running, disk(stage, "vdb", "virtio")) as alias:
        wait_for_console(log, r"vda=8388608 vdb=8388608|vdb=8388608", 60)
        stage.host.devices.detach(running, alias, 60, quiet)
    wait_for(lambda: "vdb" not in log.read_text().splitlines()[-1], 60, what="vdb gone in the guest")
    with attached(stage, running, DIMM.format(128)) as alias:
        wait_for(lambda: "mem=280MiB" in log.read_text().splitlines()[-1], 60, what="128 MiB more")
        stage.host.devices.detach(running, alias, 60, quiet)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("sata disk", "does not support hotplugging"),
        ("missing file", "Cannot access storage file '/nowhere.raw'"),
        ("taken target", "target 'vda' duplicated"),
        ("sound", "live attach of device 'sound' is not supported"),
        ("graphics", "live attach of device 'graphics' is not supported"),
        ("usb controller", "'usb' controller cannot be hot plugged"),
        ("root port", "controller"),
        ("missing network", "no network with matching name 'nowhere'"),
        ("dimm above the ceiling", "would exceed domain's maxMemory"),
    ],
)
def test_what_libvirt_refuses_leaves_everything_as_it_was(
    stage: Stage, running: str, what: str, words: str
) -> None:
    xml = {
        "sata disk": disk(stage, "sdf", "sata"),
        "missing file": disk(stage, "vdg", "virtio", file="/nowhere.raw"),
        "taken target": disk(stage, "vda", "virtio", file=str(stage.disk("vdx.raw"))),
        "sound": "<sound model='ich9'/>",
        "graphics": "<graphics type='vnc' port='-1'/>",
        "usb controller": "<controller type='usb' index='1' model='qemu-xhci'/>",
        "root port": "<controller type='pci' model='pcie-root-port'/>",
        "missing network": nic("network='nowhere'", mac=OTHER),
        "dimm above the ceiling": DIMM.format(2048),
    }[what]
    before = stage.aliases()
    with pytest.raises(LibvirtFailure, match=rf"^attach .* to vm/{running}: .*{words}"):
        stage.host.devices.attach(running, xml)
    assert stage.aliases() == before


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        ("balloon0", "live detach of device 'memballoon' is not supported"),
        ("ide", "controller cannot be hot unplugged"),
        ("sata0-0-0", "cannot be detached"),
        ("serial0", "does not support hotplugging"),
    ],
)
def test_what_can_never_be_detached_is_said_at_once(
    stage: Stage, running: str, alias: str, words: str
) -> None:
    with pytest.raises(LibvirtFailure, match=rf"^detach {alias} from vm/{running}: .*{words}"):
        stage.host.devices.detach(running, alias, 60, quiet)
    assert alias in stage.aliases()


# --- the protocol of detach
def test_an_event_ends_the_wait(stage: Stage, running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = counted(monkeypatch, module._Asking, "is_there")
    monkeypatch.setattr(module, "_LOOK_AGAIN", 50.0)  # nobody looks in vain
    monkeypatch.setattr(module, "_FIRST_PAUSE", 50.0)
    with attached(stage, running, disk(stage, "vdb", "virtio")) as alias:
        began = time.monotonic()
        stage.host.devices.detach(running, alias, 100, quiet, pytest.fail)
    assert time.monotonic() - began < 50
    assert len(looks) <= 3  # before, after asking, after the event


def test_without_events_it_is_looked_at(stage: Stage, running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise libvirt.libvirtError("no second connection")

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(0.1)

    monkeypatch.setattr(Removals, "watch", fail)
    with attached(stage, running, disk(stage, "vdb", "virtio")) as alias:
        stage.host.devices.detach(running, alias, 60, quiet, sleep)
    assert slept and max(slept) <= 1


def test_a_guest_that_does_not_let_go_is_reported(stage: Stage, idle: str) -> None:
    said: list[str] = []
    with attached(stage, idle, disk(stage, "vdb", "virtio", file=str(stage.disk("i.raw")))) as alias:
        with pytest.raises(
            LibvirtFailure, match=f"detach {alias} from vm/idle: the guest does not let go"
        ) as caught:
            stage.host.devices.detach(idle, alias, 3, said.append)
        assert "acpi" in caught.value.hint
        assert alias in stage.aliases(idle)
    assert any(f"let go of {alias} and has 3 s left …" in text for text in said)
    assert all(text.endswith("…") for text in said)


def test_it_is_asked_again(stage: Stage, idle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = counted(monkeypatch, module.Devices, "request")
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.5)
    with attached(stage, idle, RNG) as alias, pytest.raises(LibvirtFailure):
        stage.host.devices.detach(idle, alias, 4, quiet)
    assert 3 <= len(asked) <= 4  # at 0, 0.5 and 1.5 s; then at 3.5 s, unless time is up first


def test_a_guest_that_refuses_is_reported(stage: Stage) -> None:
    """Memory that its kernel uses cannot go: the guest's ACPI says so, and libvirt passes it on."""
    name = stage.start("kernel", "52:54:00:00:77:12", cmdline=" memhp_default_state=online_kernel")
    said: list[str] = []

    def listen(text: str) -> None:
        said.append(text)
        if "refused to let go" in text:
            asking._end = 0.0  # enough

    with attached(stage, name, DIMM.format(128)) as alias:
        wait_for_console(stage.log(name), "mem=280MiB", 60)
        asking = module._Asking(stage.host.devices, name, alias, time.monotonic() + 120, listen)
        with (
            stage.host.devices._watch(name, alias, pytest.fail) as wait,
            pytest.raises(LibvirtFailure, match="the guest refuses to let go of it"),
        ):
            asking.until_gone(wait)
        assert f"the guest refused to let go of {alias}, is asked again" in said[-1]
        assert alias in stage.aliases(name)
    stage.end(name)


def test_a_guest_that_goes_down_meanwhile_is_said(stage: Stage) -> None:
    name = stage.start("falling", "52:54:00:00:77:13", boots=False)
    with attached(stage, name, RNG) as alias:
        threading.Timer(0.5, lambda: stage.host.domains.power_off(name)).start()
        with pytest.raises(LibvirtFailure, match=f"vm/{name} went down while {alias} was to be detached"):
            stage.host.devices.detach(name, alias, 60, quiet)
    stage.end(name)


def test_two_guests_are_waited_for_at_once(stage: Stage, running: str, idle: str) -> None:
    failures: list[str] = []

    def detach(name: str, alias: str, timeout: float) -> None:
        try:
            stage.host.devices.detach(name, alias, timeout, quiet)
        except LibvirtFailure as error:
            failures.append(error.message)

    with (
        attached(stage, running, RNG) as one,
        attached(stage, running, nic(mac=OTHER)) as two,
        attached(stage, idle, RNG) as three,
    ):
        jobs = ((running, one, 60.0), (running, two, 60.0), (idle, three, 2.0))
        threads = [threading.Thread(target=detach, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert one not in stage.aliases() and two not in stage.aliases()
    assert len(failures) == 1 and "vm/idle" in failures[0]


def test_a_daemon_that_dies_meanwhile_ends_the_wait(tiny_guest: TinyGuest) -> None:
    with PrivateLibvirt() as libvirtd:
        stage = Stage(libvirtd, connect("mortal", libvirtd.uri, SecretStore()), tiny_guest)
        name = stage.start("lost", boots=False)
        with attached(stage, name, RNG) as alias:
            threading.Timer(0.5, libvirtd.kill_daemon).start()
            began = time.monotonic()
            with pytest.raises(LibvirtFailure) as caught:
                stage.host.devices.detach(name, alias, 60, quiet)
        assert not isinstance(caught.value, Absent)
        assert time.monotonic() - began < 30
        stage.host.close()


def test_a_connection_that_waits_for_nothing_runs_no_thread(stage: Stage) -> None:
    """libvirtd closes a connection that was opened with an event loop which nobody runs."""
    code = (
        "import sys, threading\n"
        "from kvmspec.adapters.libvirt import connect\n"
        "from kvmspec.manifest.secrets import SecretStore\n"
        "host = connect('here', sys.argv[1], SecretStore()); host.domains.list(); host.close()\n"
        "print([thread.name for thread in threading.enumerate()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, stage.libvirtd.uri], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['MainThread']"


def test_what_is_not_there_is_absent_and_what_is_off_says_so(stage: Stage) -> None:
    devices = stage.host.devices
    for act in (
        lambda name: devices.attach(name, RNG),
        lambda name: devices.update(name, nic()),
        lambda name: devices.detach(name, "net0", 1, quiet),
        devices.active_xml,
    ):
        with pytest.raises(Absent, match="nobody"):
            act("nobody")
    stage.start("off", "52:54:00:00:77:15", boots=False)
    stage.host.domains.power_off("off")
    for act in (devices.active_xml, lambda name: devices.detach(name, "net0", 1, quiet)):
        with pytest.raises(LibvirtFailure, match="vm/off is not running"):
            act("off")
    stage.end("off")


# --- update
@pytest.fixture
def other_places(stage: Stage) -> Iterator[None]:
    """Another network, and two bridges of the host."""
    stage.host.conn.networkCreateXML(NETWORK)
    for bridge in ("br7", "br8"):
        stage.libvirtd.run(["ip", "link", "add", bridge, "up", "type", "bridge"])
    yield
    stage.host.devices.update("guest", nic())
    stage.host.conn.networkLookupByName("other").destroy()
    for bridge in ("br7", "br8"):
        stage.libvirtd.run(["ip", "link", "del", bridge])


def test_a_nic_moves_between_networks_and_bridges(stage: Stage, running: str, other_places: None) -> None:
    number = stage.number()
    moves = (
        ("network='other'", "network", "virbr7"),
        ("bridge='br7'", "bridge", "br7"),
        ("bridge='br8'", "bridge", "br8"),
        ("network='default'", "network", "virbr0"),
    )
    for source, kind, bridge in moves:
        stage.host.devices.update(running, nic(source, kind=kind))
        assert source in stage.device(f"interface {MAC}")
        assert stage.master() == bridge
    assert stage.number() == number


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("bridge='br99'", "bridge", "bridge br99 doesn't exist"),
        ("network='nowhere'", "network", "no network with matching name"),
    ],
)
def test_a_move_to_nowhere_leaves_the_nic_where_it_is(
    stage: Stage, running: str, source: str, kind: str, words: str
) -> None:
    before = stage.device(f"interface {MAC}")
    with pytest.raises(LibvirtFailure, match=words):
        stage.host.devices.update(running, nic(source, kind=kind))
    assert stage.device(f"interface {MAC}") == before
    assert stage.master() == "virbr0"


def test_link_and_filter_of_a_nic(stage: Stage, running: str) -> None:
    for more in ("<link state='down'/>", "<filterref filter='clean-traffic'/>", "<port isolated='yes'/>"):
        stage.host.devices.update(running, nic(more=more))
        assert more in stage.device(f"interface {MAC}")
        stage.host.devices.update(running, nic())
        assert more.split()[0] not in stage.device(f"interface {MAC}")


def test_a_bandwidth_is_there_or_leaves_nothing(stage: Stage, running: str) -> None:
    """On a kernel without some qdisc libvirt shapes the tap, fails, and shows nothing of it."""
    try:
        stage.host.devices.update(running, nic(more="<bandwidth><inbound average='1000'/></bandwidth>"))
    except LibvirtFailure:
        assert "<bandwidth>" not in stage.device(f"interface {MAC}")
    else:
        assert "average='1000'" in stage.device(f"interface {MAC}")
        stage.host.devices.update(running, nic())
    assert "htb" not in stage.qdisc()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("<mtu size='1400'/>", "cannot modify MTU"),
        ("<driver name='vhost' queues='2'/>", "cannot modify virtio network device driver attributes"),
        ("<target dev='tap7'/>", "cannot modify network device tap name"),
    ],
)
def test_what_a_nic_keeps_until_the_next_boot(stage: Stage, running: str, more: str, words: str) -> None:
    with pytest.raises(LibvirtFailure, match=f"^change interface .* of vm/guest: .*{words}"):
        stage.host.devices.update(running, nic(more=more))


def test_a_medium_is_put_in_and_taken_out(stage: Stage, running: str) -> None:
    for file in (str(stage.disk("a.iso", 1)), str(stage.disk("b.iso", 1))):
        stage.host.devices.update(running, disk(stage, "sda", "sata", kind="cdrom", file=file))
        assert file in stage.device("disk sata0-0-0")
    with pytest.raises(LibvirtFailure, match="Cannot access storage file"):
        stage.host.devices.update(running, disk(stage, "sda", "sata", kind="cdrom", file="/nowhere.iso"))
    assert file in stage.device("disk sata0-0-0")
    stage.host.devices.update(running, disk(stage, "sda", "sata", kind="cdrom", file=""))
    assert "file='/" not in stage.device("disk sata0-0-0")


def test_a_disk_keeps_its_cache(stage: Stage, running: str) -> None:
    xml = disk(stage, "vda", "virtio", file=str(stage.disk("root.raw"))).replace(
        "type='raw'", "type='raw' cache='none'"
    )
    with pytest.raises(LibvirtFailure, match="cannot modify field 'cache' of the disk"):
        stage.host.devices.update(running, xml)


# --- secrets
def test_a_password_is_put_in_at_the_last_moment(stage: Stage, running: str) -> None:
    token = stage.host.devices._secrets.token("geheim12")
    stage.host.devices.update(running, vnc(f" passwd='{token}'"))
    assert "passwd='geheim12'" in stage.device("graphics vnc")


def test_a_failure_does_not_tell_a_secret(stage: Stage, running: str) -> None:
    token = stage.host.devices._secrets.token("geheim12")
    with pytest.raises(LibvirtFailure, match=r"\(secret\)") as caught:
        stage.host.devices.attach(running, disk(stage, "vdz", "virtio", file=f"/{token}.raw"))
    assert "geheim" not in caught.value.message
    assert caught.value.__cause__ is None


def counted(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> list[None]:
    """Have the calls of a method counted."""
    calls: list[None] = []
    real = getattr(owner, method)

    def call(*arguments: Any) -> Any:
        calls.append(None)
        return real(*arguments)

    monkeypatch.setattr(owner, method, call)
    return calls
