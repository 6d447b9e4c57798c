"""One apply at a time on a host; the lock goes with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.forks import Forks
from tests.live.scene import Scene, idle_vm
from tests.support.guest import wait_for

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
