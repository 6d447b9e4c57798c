"""Installed from a CD once, started from the disk ever after; killed anywhere, the next apply goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.libvirt.connection import connect
from kvmspec.core.action import AwaitAgent, AwaitInstall, FinishInstall, InstallDomain
from kvmspec.core.address import Address
from kvmspec.core.errors import LibvirtFailure
from kvmspec.kinds.domain import KIND, installer
from kvmspec.manifest.secrets import SecretStore
from tests.conftest import StartKvmspec
from tests.live.scene import Manifest, Scene, has_pattern
from tests.support.guest import TinyGuest, wait_for
from tests.support.hosts import required
from tests.support.installer_iso import MARK, build, why_no_installer

pytestmark = [
    pytest.mark.libvirtd,
    pytest.mark.skipif(bool(why_no_installer()) and not required(), reason=str(why_no_installer())),
]
DISK = "web-root.raw"
WEB = Address("default", "vm", "web")


@pytest.fixture(scope="module")
def isos(tiny_guest: TinyGuest) -> Iterator[Path]:
    """A folder with CDs: quick.iso powers off at once, reboot.iso reboots, slow.iso takes its time."""
    for name, words in (
        ("quick", ""),
        ("reboot", "finish=reboot"),
        ("slow", "wait=8"),
        ("endless", "wait=900"),
    ):
        build(tiny_guest.directory / f"{name}.iso", tiny_guest, words)
    yield tiny_guest.directory


def shop(scene: Scene, iso: Path, **fields: Any) -> Manifest:
    disks = [{"name": "root", "size": "1MiB", "format": "raw"}]
    web: dict[str, Any] = {"memory": "128MiB", "disks": disks, "install": {"iso": str(iso), "timeout": "90s"}}
    return scene.manifest({"web": web | fields})


def is_installed(scene: Scene) -> bool:
    return has_pattern(scene.volume(DISK), MARK)


def blank(scene: Scene) -> None:
    with scene.volume(DISK).open("r+b") as file:
        file.write(bytes(4096))


def drive(scene: Scene, *, active: bool = False) -> Any:
    return scene.tree("web", active=active).find("devices/disk[@device='cdrom']")


def assert_done(scene: Scene) -> None:
    """Installed, started from its disk, the drive empty, nothing left to do."""
    assert is_installed(scene)
    assert scene.domain("web").isActive()
    for active in (False, True):
        assert drive(scene, active=active).find("source") is None
        tree = scene.tree("web", active=active)
        assert tree.findtext("on_reboot") == "restart"
        assert [boot.get("dev") for boot in tree.iterfind("os/boot")] == ["hd"]
    assert 'install="' not in scene.xml("web", active=True).partition("<kvmspec:vm")[2].partition(">")[0]
    scene.plan(expect=0)


def installing(scene: Scene) -> bool:
    """Whether the installer runs, and has come as far as the disk."""
    return bool(scene.domain("web").isActive() and is_installed(scene))


@pytest.mark.parametrize("name", ["quick", "reboot"])
def test_installs_then_starts_from_its_disk(scene: Scene, isos: Path, name: str) -> None:
    text = scene.plan(shop(scene, isos / f"{name}.iso"), expect=2)
    assert f"is installed from {name}.iso, then starts from its disk; that may take up to 90s" in text
    assert scene.domains() == set()
    scene.apply()
    assert_done(scene)


def test_a_stopped_one_is_installed_and_stays_off(scene: Scene, isos: Path) -> None:
    scene.settle(shop(scene, isos / "quick.iso", state="stopped", autostart=True))
    assert is_installed(scene)
    assert not scene.domain("web").isActive()
    assert scene.domain("web").autostart()


def test_killed_at_every_boundary(scene: Scene, isos: Path) -> None:
    scene.write(shop(scene, isos / "quick.iso"))
    event = 1
    while scene.forks.apply(scene.path, scene.host.uri, kill_at=event)["code"] == -signal.SIGKILL:
        answer = scene.forks.apply(scene.path, scene.host.uri)
        assert answer["code"] == 0 and not answer["failed"] and not answer["left"], (event, answer)
        assert_done(scene)
        scene.wipe()
        event += 1
    assert event > 8, "the run has to have boundaries"


def test_killed_while_it_waits(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "slow.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    running.kill()
    running.wait()
    text = str(scene.cli("plan", "--verbose", expect=0).stdout)
    assert "being installed" in text and "wait for the installation" in text
    assert "restart" not in text and "install from" not in text, (
        "what runs is the installer: nothing is pending"
    )
    scene.apply()
    assert_done(scene)


def test_it_ends_while_nobody_looks(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "slow.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    running.kill()
    running.wait()
    wait_for(lambda: not scene.domain("web").isActive(), 60, what="the installer off")
    blank(scene)  # if it were installed again, there would be a mark again
    text = str(scene.cli("plan", "--verbose", expect=0).stdout)
    assert "its installation is finished" in text and "install from" not in text
    scene.apply()
    scene.plan(expect=0)
    assert not is_installed(scene)
    assert scene.domain("web").isActive()


def test_libvirtd_is_restarted_meanwhile(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "slow.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    scene.host.restart_daemon()
    assert running.wait(timeout=60) == 1, "its connection is gone"
    scene.conn = scene.host.connect()
    scene.apply()
    assert_done(scene)


def test_changes_wait_and_come_with_it(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    manifest = shop(scene, isos / "slow.iso")
    scene.write(manifest)
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    running.kill()
    running.wait()
    manifest["vms"]["web"] |= {"memory": "192MiB", "description": "the shop"}
    text = scene.plan(manifest, expect=2)
    assert "whatever else is to change waits until it is installed" in text
    scene.apply()
    assert_done(scene)
    assert scene.tree("web", active=True).findtext("memory") == str(192 * 1024)


def test_interrupted_it_goes_on(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "slow.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=5)
    assert running.returncode == 130, out + err
    assert "the next apply waits again" in out + err
    assert scene.domain("web").isActive()
    scene.apply()
    assert_done(scene)


def test_power_lost_in_the_middle(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "endless.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    scene.domain("web").destroy()
    out, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "was destroyed before its installation was done" in out + err
    refused = scene.cli("plan", expect=4)
    told = refused.stdout + refused.stderr
    assert "it was powered off before it was done" in told and "virsh start web" in told
    assert not scene.domain("web").isActive()
    manifest = shop(scene, isos / "quick.iso")
    scene.write(manifest)
    blank(scene)
    scene.apply(None, "--allow", "data-loss")
    assert_done(scene)


def test_after_power_was_lost_starting_it_says_that_it_is_installed(
    scene: Scene, isos: Path, start_kvmspec: StartKvmspec
) -> None:
    scene.write(shop(scene, isos / "endless.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    scene.domain("web").destroy()
    running.wait(timeout=30)
    scene.domain("web").create()
    assert "taken for installed" in scene.plan(expect=2)
    scene.apply()
    assert_done(scene)


def test_it_takes_too_long(scene: Scene, isos: Path) -> None:
    manifest = shop(scene, isos / "endless.iso")
    manifest["vms"]["web"]["install"]["timeout"] = "1s"
    failed = scene.apply(manifest, expect=1)
    assert "did not end within 1 s; it goes on" in failed.stdout + failed.stderr
    assert scene.domain("web").isActive()


def test_no_such_iso(scene: Scene, isos: Path) -> None:
    failed = scene.apply(shop(scene, isos / "none.iso"), expect=1)
    assert "none.iso" in failed.stdout + failed.stderr
    scene.settle(shop(scene, isos / "quick.iso"))
    assert_done(scene)


def test_held_before_it_ran(scene: Scene, isos: Path) -> None:
    """kill -9 between the start of the installer, paused, and the note that it runs."""
    defined(scene, isos).close()
    xml = scene.xml("web")
    assert 'install="pending"' in xml
    xml = xml.replace('install="pending"', 'install="running"').replace(
        "<boot dev='hd'/>", "<boot dev='cdrom'/>"
    )
    cd = f"<disk type='file' device='cdrom'><source file='{isos / 'quick.iso'}'/>"
    xml = xml.replace("<on_reboot>restart", "<on_reboot>destroy").replace(
        "<disk type='file' device='cdrom'>", cd
    )
    scene.conn.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)
    scene.apply()
    assert_done(scene)


def defined(scene: Scene, isos: Path) -> Host:
    """A VM that is defined and whose installer has not run; a connection of the tool's own."""
    scene.write(shop(scene, isos / "quick.iso"))
    while "web" not in scene.domains():  # each run gets one action further
        assert scene.forks.apply(scene.path, scene.host.uri, kill_at=2)["code"] == -signal.SIGKILL
    return connect("default", scene.host.uri, SecretStore())


@pytest.mark.parametrize("kind", ["preseed", "autoinstall"])
def test_the_installers_own_kernel_with_answers(
    scene: Scene, isos: Path, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = defined(scene, isos)
    monkeypatch.setattr(installer, "local_iso", lambda action, host, report: isos / "quick.iso")
    answers = tmp_path / "answers"
    answers.write_text("d-i question string answer\n")
    action = InstallDomain(
        WEB, str(isos / "quick.iso"), "sda", "tiny", "", "vms", str(scene.pool), kind, str(answers), "word=1"
    )
    said: list[str] = []
    KIND.apply(action, host, said.append)
    files = {path.name: path.stat().st_mode & 0o777 for path in scene.pool.glob("web-install-*")}
    parts = ["initrd", "kernel", "seed"] if kind == "autoinstall" else ["initrd", "kernel"]
    assert files == {f"web-install-{part}": 0o600 for part in parts}
    assert (
        len(scene.tree("web", active=True).findall("devices/disk[@device='cdrom']/source")) == len(parts) - 1
    )
    KIND.apply(AwaitInstall(WEB, 60), host, said.append)
    KIND.apply(FinishInstall(WEB), host, said.append)
    text = scene.volume(DISK).read_bytes()[:300]
    assert b"word=1" in text and (b"question string answer" in text) == (kind == "preseed")
    assert not list(scene.pool.glob("web-install-*"))
    scene.apply()
    assert_done(scene)
    host.close()


def test_the_agent_answers(scene: Scene, isos: Path) -> None:
    """A domain that runs without an agent: waiting for one ends with what to do about it."""
    host = defined(scene, isos)
    scene.domain("web").create()
    with pytest.raises(LibvirtFailure, match="did not answer within 1 s") as told:
        KIND.apply(AwaitAgent(WEB, 1), host, lambda text: None)
    assert "qemu-guest-agent" in told.value.hint
    scene.domain("web").destroy()
    with pytest.raises(LibvirtFailure, match="is off"):
        KIND.apply(AwaitAgent(WEB, 1), host, lambda text: None)
    host.close()


def test_deleted_while_it_is_installed(scene: Scene, isos: Path, start_kvmspec: StartKvmspec) -> None:
    scene.write(shop(scene, isos / "endless.iso"))
    running = start_kvmspec("apply", "--yes", scene.path, connect=scene.host)
    wait_for(lambda: installing(scene), 60, what="the installer at work")
    running.kill()
    running.wait()
    scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
    assert scene.domains() == set()
    assert not list(scene.pool.glob("*"))


def test_by_hand(scene: Scene, isos: Path) -> None:
    """Without `install:` a CD is started as its list of devices says."""
    disks = [
        {"name": "root", "size": "1MiB", "format": "raw"},
        {"cdrom": str(isos / "quick.iso"), "bus": "sata"},
    ]
    web = {"memory": "128MiB", "disks": disks, "boot": ["cdrom", "disk"]}
    scene.apply(scene.manifest({"web": web}))
    wait_for(lambda: is_installed(scene), 60, what="installed")
