"""Saved plans on a real host: what was reviewed is what is done, or nothing is."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
import pytest
from jsonschema import Draft202012Validator

from kvmspec.report.published import events_schema, plan_schema
from tests.conftest import RunKvmspec, StartKvmspec, cli_environment
from tests.live.scene import Manifest, Scene, idle_vm

pytestmark = pytest.mark.libvirtd
SCHEMA, EVENTS = Draft202012Validator(plan_schema()), Draft202012Validator(events_schema())
CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG
PASSWORD = "swordfis"


def shop(scene: Scene, **fields: Any) -> Manifest:
    return scene.manifest(
        {
            "web": idle_vm(state="stopped", networks=["front"], disks=[{"name": "root", "size": "1MiB"}])
            | fields,
            "idle": idle_vm(state="stopped"),
        }
    )


def saved(scene: Scene, manifest: Manifest | None = None, *args: str, expect: int = 0) -> Path:
    """The file of `plan --out`."""
    file = scene.path.with_name("plan.json")
    if manifest is not None:
        scene.write(manifest)
    ran = scene.cli("plan", "--out", str(file), *args, expect=expect)
    assert not file.exists() or f"kvmspec apply {file}" in ran.stderr
    return file


def apply(
    scene: Scene, file: Path, *args: str, expect: int, **options: Any
) -> subprocess.CompletedProcess[str]:
    return scene.forks.cli("apply", file, "--yes", *args, expect=expect, **options)


def test_a_saved_plan_is_carried_out_once(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    SCHEMA.validate(json.loads(file.read_text()))
    assert not scene.domains(), "plan only reads"
    assert "Apply complete: 5 created" in apply(scene, file, expect=0).stdout
    scene.plan(expect=0)
    with scene.nothing_changes():
        again = apply(scene, file, expect=4)
    assert "already applied" in again.stderr and "planned at 2" in again.stderr and again.stdout == ""


def describe(name: str) -> Callable[[Scene], None]:
    def edit(scene: Scene) -> None:
        scene.domain(name).setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "moved", None, None, CONFIG)

    return edit


def rewrite(**fields: Any) -> Callable[[Scene], None]:
    return lambda scene: void(scene.write(shop(scene, description="new", **fields)))


def void(_: object) -> None:
    pass


MOVES: dict[str, tuple[Callable[[Scene], None], str]] = {
    "the VM was edited": (describe("web"), "vm/web changed since"),
    "the VM is gone": (lambda s: void(s.domain("web").undefine()), "vm/web is gone since"),
    "the VM was started": (lambda s: void(s.domain("web").create()), "vm/web changed since"),
    "its network was stopped": (
        lambda s: void(s.conn.networkLookupByName("front").destroy()),
        "network/front changed since",
    ),
    "the manifest was edited": (
        rewrite(memory={"size": "48MiB", "max": "64MiB"}),
        "the manifest moved: vm/web changed",
    ),
    "another VM was declared": (
        lambda s: void(s.write(shop(s, description="new") | {"vms": {"x": idle_vm()}})),
        "the manifest moved: vm/x is new",
    ),
}


@pytest.mark.parametrize(("move", "words"), MOVES.values(), ids=MOVES)
def test_a_stale_plan_is_refused_and_says_what_moved(
    scene: Scene, move: Callable[[Scene], None], words: str
) -> None:
    scene.settle(shop(scene))
    file = saved(scene, shop(scene, description="new"))
    move(scene)
    with scene.nothing_changes():
        ran = apply(scene, file, expect=4)
    assert words in ran.stderr and "it was planned at 2" in ran.stderr and "Nothing was done." in ran.stderr


def test_what_it_does_not_rest_on_may_move(scene: Scene) -> None:
    scene.settle(shop(scene))
    file = saved(scene, shop(scene, description="new"))
    scene.edit("idle", ("<on_crash>restart", "<on_crash>destroy"))
    scene.conn.defineXML(
        "<domain type='qemu'><name>foreign</name><memory>1024</memory><os><type>hvm</type></os></domain>"
    )
    ran = apply(scene, file, expect=0)
    assert "vm/idle changed since, which has no bearing" in ran.stderr


def test_drift_that_came_up_since_makes_it_stale(scene: Scene) -> None:
    scene.settle(shop(scene))
    file = saved(scene, shop(scene, description="new"))
    scene.domain("idle").setMemoryFlags(40 << 10, CONFIG)
    ran = apply(scene, file, expect=4)
    assert "vm/idle: define memory.size is to be done now, too" in ran.stderr


def test_half_applied_is_said_so(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    scene.apply(None, "--target", "network/front")
    with scene.nothing_changes():
        ran = apply(scene, file, expect=4)
    assert "network/front came into being since" in ran.stderr
    assert "network/front: create, start, start with the host are not to be done any more" in ran.stderr


def test_an_edited_plan_is_refused(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    file.write_text(file.read_text().replace('"32MiB"', '"64MiB"'))
    with scene.nothing_changes():
        assert "does not match its digest" in apply(scene, file, expect=4).stderr


def with_secret(scene: Scene) -> Manifest:
    manifest = shop(scene, graphics=[{"type": "vnc", "password": "${vnc}"}])
    return manifest | {"variables": {"vnc": {"env": "VNC", "secret": True}}}


def test_secrets_are_not_in_it_and_are_the_same_or_it_is_stale(scene: Scene) -> None:
    file = saved(scene, with_secret(scene), "--var", f"vnc={PASSWORD}")
    assert PASSWORD not in file.read_text()
    with scene.nothing_changes():
        assert apply(scene, file, expect=3).stdout == "", "without the secret there is no manifest"
        assert (
            "a secret of vm/web is not the one" in apply(scene, file, "--var", "vnc=other", expect=4).stderr
        )
    ran = apply(scene, file, "--var", f"vnc={PASSWORD}", expect=0)
    assert PASSWORD in scene.xml("web") and PASSWORD not in ran.stdout + ran.stderr


def test_what_was_allowed_when_it_was_planned_is_allowed(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    del manifest["vms"]["idle"]
    file = saved(scene, manifest)
    with scene.nothing_changes():
        assert "--allow delete" in apply(scene, file, expect=4).stderr
    apply(scene, saved(scene, None, "--allow", "delete"), expect=0)
    assert scene.domains() == {"web"}


def test_what_was_not_planned_is_not_allowed_later(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    del manifest["vms"]["web"]
    file = saved(scene, manifest)
    apply(scene, file, "--allow", "delete,data-loss", expect=0)
    assert scene.volume("web-root.qcow2").exists(), "the plan said that it stays"


def test_it_knows_its_manifest_and_options(scene: Scene, tmp_path: Path, run_kvmspec: RunKvmspec) -> None:
    manifest = shop(scene) | {"variables": {"size": {"default": "1MiB"}}}
    manifest["vms"]["web"]["disks"][0]["size"] = "${size}"
    file = saved(scene, manifest, "--var", "size=2MiB", "--target", "vm/web")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run_kvmspec("apply", file, "--yes", expect=0, cwd=elsewhere)
    assert scene.domains() == {"web"}
    pool = scene.conn.storagePoolLookupByName("vms")
    assert pool.storageVolLookupByName("web-root.qcow2").info()[1] == 2 << 20


def test_in_another_checkout_it_is_the_manifest_there(
    scene: Scene, tmp_path: Path, run_kvmspec: RunKvmspec
) -> None:
    scene.write(shop(scene))
    file = tmp_path / "plan.json"
    one, other = tmp_path / "one", tmp_path / "other"
    for checkout in (one, other):
        checkout.mkdir()
        (checkout / "kvmspec.yaml").write_text(scene.path.read_text())
    scene.path.unlink()
    run_kvmspec("plan", "--out", file, connect=scene.host, expect=0, cwd=one)
    (one / "kvmspec.yaml").write_text("kvmspec: 1\nproject: another\n")
    assert "the manifest moved" in run_kvmspec("apply", file, "--yes", expect=4, cwd=one).stderr
    assert "the manifest moved" in run_kvmspec("apply", file, "--yes", expect=4, cwd=other).stderr
    run_kvmspec("apply", file, "--yes", "--file", ".", expect=0, cwd=other)


def test_a_folder_above_is_not_read(scene: Scene, tmp_path: Path, run_kvmspec: RunKvmspec) -> None:
    site = tmp_path / "envs" / "prod"
    site.mkdir(parents=True)
    scene.write(shop(scene))
    scene.path.rename(site / "kvmspec.yaml")
    run_kvmspec("plan", "--out", "p.json", connect=scene.host, expect=0, cwd=site)
    (tmp_path / "other.yaml").write_text("what: is this\n")
    run_kvmspec("apply", "envs/prod/p.json", "--yes", expect=0, cwd=tmp_path)


def test_another_volume_of_that_name_is_not_the_one_that_was_reviewed(scene: Scene) -> None:
    volumes = {"data": {"pool": "vms", "size": "1MiB"}}
    scene.settle(scene.manifest(volumes=volumes))
    manifest = scene.manifest(removed=[{"volume": "data", "pool": "vms"}])
    file = saved(scene, manifest, "--allow", "data-loss")
    pool = scene.conn.storagePoolLookupByName("vms")
    pool.storageVolLookupByName("data").delete()
    pool.createXML(
        "<volume><name>data</name><capacity unit='MiB'>5</capacity><target><format type='qcow2'/></target></volume>"
    )
    with scene.nothing_changes():
        ran = apply(scene, file, expect=4)
    assert "volume/vms/data changed since" in ran.stderr


def test_a_host_that_is_away_has_not_applied_anything(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    socket = scene.host.socket
    socket.rename(socket.with_name("hidden"))
    try:
        ran = apply(scene, file, expect=5)
    finally:
        socket.with_name("hidden").rename(socket)
    assert "cannot be read any more" in ran.stderr and "already applied" not in ran.stderr


def test_what_becomes_foreign_was_not_applied(scene: Scene) -> None:
    scene.settle(shop(scene))
    file = saved(scene, shop(scene, description="new"))
    scene.domain("web").setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, None, "kvmspec", "urn:kvmspec:1", CONFIG
    )
    ran = apply(scene, file, expect=4)
    assert "already applied" not in ran.stderr and "vm/web" in ran.stderr


def test_a_permission_for_one_vm_restarts_no_other(scene: Scene) -> None:
    lifecycle = {"shutdown_timeout": "1s", "force_off_after": "1s"}
    one, other = idle_vm(lifecycle=lifecycle), idle_vm(lifecycle=lifecycle)
    scene.settle(scene.manifest({"a": one, "b": other}))
    scene.edit("b", (">2</vcpu>", ">4</vcpu>"))
    wider = other | {"cpus": {"count": 1, "max": 4}}
    changed = scene.manifest(
        {"a": one | {"cpus": {"count": 1, "max": 3}}, "b": wider | {"description": "new"}}
    )
    file = saved(scene, changed)
    assert "Pending restart: vm/b" in scene.cli("plan", expect=0).stdout
    running = scene.domain("b").ID()
    apply(scene, file, "--allow", "restart", expect=0)
    assert scene.domain("b").ID() == running


def test_a_secret_variable_is_not_in_it_even_where_nothing_uses_it(scene: Scene) -> None:
    manifest = shop(scene) | {"variables": {"unused": {"default": "x", "secret": True}}}
    file = scene.write(manifest).with_name("plan.json")
    ran = scene.cli("plan", "--out", str(file), "--var", f"unused={PASSWORD}", expect=0)
    assert PASSWORD not in file.read_text()
    assert f"kvmspec apply {file} --var unused=…" in ran.stderr


def test_a_plan_is_not_saved_where_it_would_be_read_as_a_manifest(scene: Scene) -> None:
    scene.write(shop(scene))
    assert "read as a manifest" in scene.cli("plan", "--out", "plan.yaml", expect=64).stderr


@pytest.mark.parametrize(
    "more", [["--target", "vm/web"], ["--host", "x"], ["--connect", "test:///default"], ["."]]
)
def test_it_takes_no_other_scope(scene: Scene, more: list[str]) -> None:
    assert "a saved plan" in apply(scene, saved(scene, shop(scene)), *more, expect=64).stderr


def test_an_empty_plan_can_be_applied_any_time(scene: Scene) -> None:
    scene.settle(shop(scene))
    file = saved(scene)
    for _ in range(2):
        assert "No changes." in apply(scene, file, expect=0).stdout


def test_a_refused_plan_is_not_saved(scene: Scene) -> None:
    scene.conn.defineXML(
        "<domain type='qemu'><name>web</name><memory>1024</memory><os><type>hvm</type></os></domain>"
    )
    assert not saved(scene, shop(scene), expect=4).exists()


def test_as_json_the_refusal_is_the_last_line(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    scene.apply()
    (line,) = apply(scene, file, "--format", "json", expect=4).stdout.splitlines()
    event = json.loads(line)
    assert event["type"] == "summary" and "already applied" in event["refused"][0]["message"]


def test_what_apply_waits_for_is_an_event(scene: Scene) -> None:
    lifecycle = {"restart": "allowed", "shutdown_timeout": "1s", "force_off_after": "1s"}
    vm = idle_vm(lifecycle=lifecycle)
    scene.settle(scene.manifest({"web": vm}))
    more = vm | {"cpus": {"count": 4, "max": 4}}
    ran = scene.apply(scene.manifest({"web": more}), "--format", "json")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    for event in events:
        EVENTS.validate(event)
    (waiting,) = [event for event in events if event["type"] == "progress"]
    assert waiting["note"] == "the guest was asked to shut down and has 1 s left …"
    assert events[0]["type"] == "planned" and events[-1]["type"] == "summary" and events[-1]["ok"]
    ended = next(
        event for event in events if event["type"] == "done" and event["number"] == waiting["number"]
    )
    assert ended["note"] == "", "waiting is over"


def test_a_full_disk_under_its_output_does_not_stop_it_halfway(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    line = f"{sys.executable} -m kvmspec apply {file} --yes --format json > /dev/full"
    environment = cli_environment(scene.path.parent)
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert not scene.domains(), "the plan itself could not be told: nothing was begun"
    line = f"{sys.executable} -m kvmspec apply {file} --yes 2> /dev/full"
    done = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Apply complete" in done.stdout
    scene.plan(expect=0)


def test_it_can_be_shown_without_a_host(scene: Scene) -> None:
    file = saved(scene, shop(scene))
    text = scene.cli("plan", expect=0).stdout
    assert scene.forks.cli("show", file, expect=0).stdout == text


def test_nothing_is_written_where_it_cannot_be(scene: Scene) -> None:
    scene.write(shop(scene))
    ran = scene.cli("plan", "--out", "/nowhere/plan.json", expect=1)
    assert "cannot write /nowhere/plan.json" in ran.stderr
    assert "it is there and is no file" in scene.cli("plan", "--out", "/dev/null", expect=1).stderr
    before = scene.path.read_text()
    ran = scene.cli("plan", "--out", str(scene.path), expect=1)
    assert "it is there and is no saved plan" in ran.stderr and scene.path.read_text() == before


def test_a_password_in_the_manifest_is_not_in_it(scene: Scene) -> None:
    file = saved(scene, shop(scene, graphics=[{"type": "vnc", "password": PASSWORD}]))
    assert PASSWORD not in file.read_text()
    apply(scene, file, expect=0)
    assert PASSWORD in scene.xml("web")
    other = saved(scene, shop(scene, graphics=[{"type": "vnc", "password": "herrings"}]))
    ran = scene.forks.cli("show", other, "--format", "json", expect=0)
    assert "herrings" not in ran.stdout + other.read_text() and "graphics.vnc.password" in ran.stdout


def test_two_at_once_do_it_once(scene: Scene, start_kvmspec: StartKvmspec) -> None:
    file = saved(scene, shop(scene))
    both = [start_kvmspec("apply", str(file), "--yes") for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    codes = sorted(process.returncode for process in both)
    assert codes == [0, 4], told
    scene.plan(expect=0)
