"""One apply at a time on a host; the lock goes with its holder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kvmspec.adapters.libvirt import lock
from tests.live.forks import Forks
from tests.live.scene import Scene, idle_vm
from tests.support.guest import wait_for
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = pytest.mark.libvirtd


class Holder:
    """An apply that stops at its first event, with the lock in its hands."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.path = folder / "holder.yaml"
        self.path.write_text(
            f"kvmspec: 1\nproject: other\npools: {{p: {{type: dir, path: {scene.host.images}/p}}}}\n"
        )
        self.held = folder / "held"
        self.forks = Forks().__enter__()
        request = {"uri": scene.host.uri, "hold_at": 1, "held": str(self.held)}
        self.thread = threading.Thread(target=self._run, kwargs=request)
        self.thread.start()
        wait_for(self.held.exists, what="the holder at work")
        server = self.forks._process.pid
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        self.pid = int(children[0])

    def _run(self, **request: object) -> None:
        self.code = self.forks.apply(self.path, **request)["code"]  # type: ignore[arg-type]

    def kill(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.thread.join()

    def close(self) -> None:
        self.kill()
        self.thread.join()
        self.forks.__exit__(None, None, None)


@pytest.fixture
def holder(scene: Scene, tmp_path: Path) -> Iterator[Holder]:
    scene.write(scene.manifest({"web": idle_vm(state="stopped")}))
    made = Holder(scene, tmp_path)
    yield made
    made.close()


def test_a_second_apply_is_refused_and_told_by_whom(scene: Scene, holder: Holder) -> None:
    with scene.nothing_changes():
        refused = scene.apply(expect=4)
        told = refused.stdout + refused.stderr
        assert str(holder.pid) in told, "it names the holder"
        assert "lock" in told or "another" in told
        scene.cli("destroy", "--yes").check_returncode()  # nothing to do here: nothing to lock
        scene.plan(expect=2)  # reading needs no lock
        scene.cli("status", expect=0)


def test_it_is_gone_at_once_when_its_holder_is_killed(scene: Scene, holder: Holder) -> None:
    scene.apply(expect=4)
    holder.kill()
    scene.settle()
    assert scene.domains() == {"web"}


def test_a_restart_of_libvirtd_drops_it(scene: Scene, holder: Holder) -> None:
    scene.apply(expect=4)
    scene.host.restart_daemon()
    scene.conn = scene.host.connect()
    scene.settle()
    assert scene.domains() == {"web"}
    scene.conn.close()


def test_the_lock_is_nothing_that_anyone_sees_afterwards(scene: Scene) -> None:
    scene.write(scene.manifest({"web": idle_vm(state="stopped")}))
    scene.settle()
    assert scene.domains() == {"web"}
    assert scene.conn.listAllDomains()[0].isPersistent()


def test_two_at_once_from_two_processes(scene: Scene, tmp_path: Path) -> None:
    scene.write(
        scene.manifest({"web": idle_vm(count=6, state="stopped", disks=[{"name": "a", "size": "1MiB"}])})
    )
    command = [
        sys.executable,
        "-m",
        "kvmspec",
        "apply",
        "--yes",
        str(scene.path),
        "--connect",
        scene.host.uri,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    runs = [
        subprocess.Popen(
            command,
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [run.communicate(timeout=60) for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([0, 0], [0, 4]), told  # the second may have come when the first was done
    scene.plan(expect=0)


def test_a_lock_that_is_still_being_made_is_somebodys(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy host its QEMU takes longer to start than a holder has to open the channel."""
    slow = scene.host.images / "slow-qemu"
    slow.write_text('#!/bin/sh\ncase "$*" in *kvmspec-lock*) sleep 4;; esac\nexec qemu-system-x86_64 "$@"\n')
    slow.chmod(0o755)
    emulator = f"<devices><emulator>{slow}</emulator>"
    monkeypatch.setattr(lock, "_TEMPLATE", lock._TEMPLATE.replace("<devices>", emulator))
    first, second = (lock.HostLock("hv1", scene.host.connect()) for _ in range(2))
    taking = threading.Thread(target=first.take)
    taking.start()
    wait_for(lambda: second._found(), what="the lock that is being made")
    with pytest.raises(lock.Held):
        second.take()
    taking.join()
    assert first._channel is not None
    first.release()
    second.take()
    second.release()


def test_a_lock_file_of_a_daemon_that_was_killed_stops_nobody(scene: Scene) -> None:
    """libvirt keeps a file for each open channel, with its own process in it. After a kill the file stays,
    and the number may be another process's by then."""
    path = "/run/lock/LCK.._var_lib_libvirt_qemu_channel_target_domain-%s-kvmspec-lock_kvmspec.lock"
    stale = " ".join(path % number for number in range(1, 400))
    try:
        scene.host.run(["sh", "-c", f"for file in {stale}; do echo '         1' > $file; done"])
        scene.settle(scene.manifest({"web": idle_vm(state="stopped")}))
    finally:
        scene.host.run(["sh", "-c", f"rm -f {stale}"])


# --- waiting for it
Start = Callable[..., subprocess.Popen[str]]


def waits(process: subprocess.Popen[str]) -> str:
    """What it says of whom it waits for."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("Waiting, for "), line
    return line


def ended(process: subprocess.Popen[str], code: int) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    return out + err


def test_with_lock_timeout_the_second_waits_says_for_whom_and_goes_on(
    scene: Scene, holder: Holder, start_kvmspec: Start
) -> None:
    second = start_kvmspec("apply", scene.path, "--yes", "--lock-timeout", "5m", connect=scene.host)
    told = waits(second)
    assert str(holder.pid) in told and "300 s" in told
    time.sleep(0.5)
    assert second.poll() is None and scene.domains() == {"kvmspec-lock"}
    begun = time.monotonic()
    holder.kill()
    told = ended(second, 0)
    assert time.monotonic() - begun < 15
    assert "Apply complete" in told and told.count("will perform") == 1, "the plan is the same: told once"
    assert scene.domains() == {"web"}
    scene.plan(expect=0)


def test_when_the_time_is_over_it_refuses(scene: Scene, holder: Holder) -> None:
    with scene.nothing_changes():
        begun = time.monotonic()
        done = scene.cli("apply", "--yes", "--lock-timeout", "2s", expect=4)
        assert 2 <= time.monotonic() - begun < 8
        assert str(holder.pid) in done.stderr and "it was waited for 2 s" in done.stderr
        assert "Nothing was done" in done.stderr


def test_destroy_waits_too(scene: Scene, tmp_path: Path, start_kvmspec: Start) -> None:
    scene.settle(scene.manifest({"web": idle_vm(state="stopped")}))
    other = Holder(scene, tmp_path)
    try:
        scene.cli("destroy", "--yes", expect=4)
        second = start_kvmspec("destroy", scene.path, "--yes", "--lock-timeout", "5m", connect=scene.host)
        waits(second)
        other.kill()
        ended(second, 0)
    finally:
        other.close()
    assert scene.domains() == set()


def test_the_events_say_that_it_waits(scene: Scene, holder: Holder) -> None:
    done = scene.cli("apply", "--yes", "--lock-timeout", "1s", "--format", "json", expect=4)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events] == ["planned", "waiting", "summary"]
    assert events[1]["host"] == "default" and str(holder.pid) in events[1]["holder"]
    assert 0 < events[1]["seconds_left"] <= 1
    assert events[2]["exit_code"] == 4 and "another apply" in events[2]["refused"][0]["message"]


def test_a_signal_ends_the_waiting_at_once(scene: Scene, holder: Holder, start_kvmspec: Start) -> None:
    with scene.nothing_changes():
        second = start_kvmspec("apply", scene.path, "--yes", "--lock-timeout", "5m", connect=scene.host)
        waits(second)
        begun = time.monotonic()
        second.send_signal(signal.SIGINT)
        ended(second, 130)
        assert time.monotonic() - begun < 3


def test_what_was_planned_before_the_waiting_is_planned_again(
    scene: Scene, holder: Holder, start_kvmspec: Start
) -> None:
    """The other apply made a part of it, or more is to be done now and not allowed."""
    arguments = ("apply", scene.path, "--yes", "--lock-timeout", "5m")
    second = start_kvmspec(*arguments, connect=scene.host)
    waits(second)
    scene.conn.storagePoolDefineXML(
        f"<pool type='dir'><name>vms</name><target><path>{scene.pool}</path></target></pool>"
    )
    holder.kill()
    told = ended(second, 4)
    assert "vms" in told, "a foreign pool has taken the name meanwhile"
    assert scene.domains() == set()


@contextmanager
def another_socket(host: PrivateLibvirt, folder: Path) -> Iterator[str]:
    """The same libvirtd by another path, which no two compare equal."""
    (folder / "other.sock").symlink_to(host.socket)
    yield f"qemu+unix:///system?socket={folder}/other.sock"


@contextmanager
def by_ssh(host: PrivateLibvirt, folder: Path) -> Iterator[str]:
    """The same libvirtd through an ssh server inside it."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if sshd is None:
        pytest.skip("there is no sshd on this machine")
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        "StrictModes no\nUsePAM no\nPermitRootLogin yes\nPidFile none\n"
    )
    host.run(["mkdir", "-p", "/run/sshd"])
    inside = [word for word in host.inside([sshd, "-D", "-f", f"{folder}/sshd_config"]) if word != "--net"]
    server = subprocess.Popen(inside, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: _answers(port), what="sshd")
        yield f"qemu+ssh://root@127.0.0.1:{port}/system?keyfile={folder}/user&no_verify=1&no_tty=1"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def events_until(process: subprocess.Popen[str], last: str) -> list[dict[str, Any]]:
    """What it tells up to the first event of a type."""
    assert process.stdout is not None
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != last:
        found.append(json.loads(process.stdout.readline()))
    return found


@pytest.mark.parametrize("elsewhere", [another_socket, by_ssh])
def test_two_connections_never_interleave_on_a_vm(
    scene: Scene, tmp_path: Path, start_kvmspec: Start, elsewhere: Callable[..., Any]
) -> None:
    """Two manifests of one project that want the same VMs otherwise: whoever comes second finds them as the
    first has left them, and no step of one lies among the steps of the other."""
    scene.settle(scene.manifest({"web": idle_vm(count=3)}))
    paths = [tmp_path / f"of-{number}.yaml" for number in (1, 2)]
    for path in paths:
        path.write_text(json.dumps(scene.manifest({"web": idle_vm(count=3, description=path.stem)})))
    arguments = ("--yes", "--lock-timeout", "2m", "--format", "json", "--parallelism", "2")
    other = Holder(scene, tmp_path)
    try:
        with elsewhere(scene.host, tmp_path) as uri:
            places = zip(paths, (scene.host.uri, uri), strict=True)
            runs = [start_kvmspec("apply", path, *arguments, connect=where) for path, where in places]
            begun = [events_until(run, "waiting") for run in runs]  # both have planned: of the same host
            other.kill()
            events = [[*found, *events_until(run, "summary")] for found, run in zip(begun, runs, strict=True)]
            assert [run.wait(60) for run in runs] == [0, 0], events
    finally:
        other.close()
    times = [[e["time"] for e in found if e["type"] in ("started", "done")] for found in events]
    assert all(times), "both had something to do"
    first, second = sorted(times)
    assert max(first) <= min(second), "the second began when the first was done"
    descriptions = {scene.tree(f"web-{n}").findtext("description") for n in (1, 2, 3)}
    assert len(descriptions) == 1, "all three are of one and the same apply"


def test_the_lock_of_an_ssh_connection_that_is_cut_is_free_at_once(
    scene: Scene, tmp_path: Path, start_kvmspec: Start
) -> None:
    scene.write(scene.manifest({"web": idle_vm()}))
    with by_ssh(scene.host, tmp_path) as uri:
        code = (
            "import libvirt, sys, time\n"
            "from kvmspec.adapters.libvirt.lock import HostLock\n"
            "lock = HostLock('far', libvirt.open(sys.argv[1])); lock.take(); print('held', flush=True)\n"
            "time.sleep(600)\n"
        )
        top = str(Path(__file__).resolve().parents[2])
        far = subprocess.Popen([sys.executable, "-c", code, uri], stdout=subprocess.PIPE, text=True, cwd=top)
        assert far.stdout is not None
        try:
            assert far.stdout.readline() == "held\n"
            scene.apply(expect=4)
        finally:
            far.kill()
            far.wait()
        begun = time.monotonic()
        wait_for(lambda: "kvmspec-lock" not in scene.domains(), 10, what="the lock to go")
        assert time.monotonic() - begun < 5
        scene.settle()
