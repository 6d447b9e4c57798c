"""A running block job, a snapshot or a checkpoint: what would break it is refused while planning, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt
import pytest

from tests.live.scene import MIB, Scene, idle_vm

pytestmark = pytest.mark.libvirtd

Make = Callable[[Scene], None]
INTERNAL = "<domainsnapshot><name>before-upgrade</name></domainsnapshot>"
EXTERNAL = (
    "<domainsnapshot><name>nightly</name><disks><disk name='vda' snapshot='external'/>"
    "<disk name='vdb' snapshot='no'/></disks></domainsnapshot>"
)
CHECKPOINT = (
    "<domaincheckpoint><name>monday</name><disks><disk name='vda' checkpoint='bitmap'/>"
    "<disk name='vdb' checkpoint='no'/></disks></domaincheckpoint>"
)


def disk(name: str = "root", **fields: Any) -> dict[str, Any]:
    return {"name": name, "size": "8MiB"} | fields


def web(*disks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A VM with the disks root and data; with none of them its disks are as first applied."""
    lifecycle = {"force_off_after": "1s", "restart": "allowed"}
    return idle_vm(disks=list(disks) or [disk(), disk("data")], lifecycle=lifecycle, **fields)


def copying(scene: Scene) -> None:
    """A copy that is ready and stays so until somebody ends it."""
    target = f"<disk type='file'><source file='{scene.pool}/copy'/><driver type='qcow2'/></disk>"
    scene.domain("web").blockCopy("vda", target, flags=libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)


def pulling(scene: Scene) -> None:
    """A pull of a byte a second: the active XML says nothing of it."""
    scene.domain("web").blockPull("vda", 1, libvirt.VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES)


def backing_up(scene: Scene) -> None:
    folder = scene.host.images / "sockets"  # QEMU's own user makes it
    folder.mkdir()
    folder.chmod(0o777)
    server = f"<server transport='unix' socket='{folder}/backup'/>"
    scratch = f"<scratch file='{scene.pool}/scratch'/>"
    disks = f"<disks><disk name='vda' type='file'>{scratch}</disk><disk name='vdb' backup='no'/></disks>"
    scene.domain("web").backupBegin(f"<domainbackup mode='pull'>{server}{disks}</domainbackup>", None)


def snapshot(scene: Scene) -> None:
    scene.domain("web").snapshotCreateXML(INTERNAL)


def external(scene: Scene) -> None:
    scene.domain("web").snapshotCreateXML(EXTERNAL, libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)


def checkpoint(scene: Scene) -> None:
    scene.domain("web").checkpointCreateXML(CHECKPOINT)


HOLDS: dict[str, tuple[Make, str]] = {
    "copy": (copying, "a running block job (copy)"),
    "pull": (pulling, "a running block job (pull)"),
    "backup": (backing_up, "a running block job (backup)"),
    "internal": (snapshot, "the snapshot before-upgrade"),
    "external": (external, "the external snapshot nightly"),
    "checkpoint": (checkpoint, "the checkpoint monday"),
}

GROWN, DROPPED = web(disk(size="9MiB"), disk("data")), web(disk("data"))
ELSEWHERE = web({"name": "root", "volume": "other"}, disk("data"))
CHANGES: dict[str, tuple[dict[str, Any] | None, tuple[str, ...]]] = {
    "growth": (GROWN, ()),
    "detaching": (DROPPED, ()),
    "another source": (ELSEWHERE, ("--allow", "replace")),
    "making anew": (web(), ("--allow", "replace,data-loss", "--replace", "vm/web/root")),
    "deletion": (None, ("--allow", "delete,data-loss")),
}
GOES_ON = {("checkpoint", "growth"), ("internal", "deletion"), ("checkpoint", "deletion")}
"""What does not break it, and what is asked for by name and said in the plan."""


def manifest(scene: Scene, vm: dict[str, Any] | None) -> dict[str, Any]:
    volumes = {"base": {"size": "8MiB", "format": "raw"}, "other": {"size": "8MiB"}}
    vms = {"db": idle_vm(state="stopped")} | ({"web": vm} if vm is not None else {})
    return scene.manifest(vms, volumes=volumes)


def of(hold: str, vm: dict[str, Any] | None) -> dict[str, Any] | None:
    """The VM, whose root rests on a base where it is to be pulled."""
    if vm is None or hold != "pull":
        return vm
    rest = {"backing": "base"}
    return vm | {"disks": [d | rest if d["name"] == "root" and "size" in d else d for d in vm["disks"]]}


@pytest.fixture(params=HOLDS)
def held(request: pytest.FixtureRequest, scene: Scene) -> tuple[Scene, str]:
    """A running VM whose disk root is held, and by what."""
    hold: str = request.param
    scene.settle(manifest(scene, of(hold, web())))
    if hold == "pull":
        scene.volume("base").write_bytes(b"\1" * 8 * MIB)
    HOLDS[hold][0](scene)
    return scene, hold


def test_is_not_broken(held: tuple[Scene, str]) -> None:
    scene, hold = held
    scene.plan(expect=0)  # by itself it is no change, and needs no call
    domain, words = scene.domain("web"), HOLDS[hold][1]
    for change, (vm, args) in CHANGES.items():
        if (hold, change) in GOES_ON:
            continue
        with scene.nothing_changes():
            done = scene.apply(manifest(scene, of(hold, vm)), *args, expect=4)
        text = " ".join((done.stdout + done.stderr).split())
        assert words in text and "virsh" in text, (hold, change, text)
    if hold != "internal":  # which is of all disks
        scene.settle(manifest(scene, of(hold, web(disk(), disk("data", size="9MiB")))))
    assert domain.isActive(), "another disk of the VM is free"


def test_restart_would_cut_off_a_job(scene: Scene) -> None:
    scene.settle(manifest(scene, web()))
    copying(scene)
    with scene.nothing_changes():
        done = scene.apply(manifest(scene, web(machine="pc", cpus={"count": 1, "max": 3})), expect=4)
    assert "cannot be shut down: a running block job (copy)" in " ".join(done.stdout.split())
    with scene.nothing_changes():
        assert "block job (copy)" in scene.apply(manifest(scene, web(state="stopped")), expect=4).stdout
    scene.domain("web").blockJobAbort("vda")
    scene.settle(manifest(scene, web(state="stopped")))


def test_a_checkpoint_stays_good_when_its_disk_grows(scene: Scene) -> None:
    scene.settle(manifest(scene, web()))
    checkpoint(scene)
    scene.settle(manifest(scene, GROWN))
    (found,) = scene.domain("web").listAllCheckpoints()
    assert found.getName() == "monday" and scene.domain("web").isActive()
    scene.domain("web").destroy()
    scene.settle(manifest(scene, web(disk(size="10MiB"), disk("data"))))


@pytest.mark.parametrize("hold", ["internal", "checkpoint"])
@pytest.mark.parametrize("taking", [True, False])
def test_deletion_says_what_goes_with_it(scene: Scene, hold: str, taking: bool) -> None:
    scene.settle(manifest(scene, web()))
    HOLDS[hold][0](scene)
    allowed = "delete,data-loss" if taking else "delete"
    text = scene.apply(manifest(scene, None), "--allow", allowed).stdout
    assert HOLDS[hold][1] in text
    assert ("goes with its volumes" if taking else "stays in its volumes") in text
    assert scene.volume("web-root.qcow2").exists() is not taking and "web" not in scene.domains()


def test_one_that_was_merged_holds_nothing(scene: Scene) -> None:
    """libvirt keeps listing it."""
    scene.settle(manifest(scene, web()))
    external(scene)
    flags = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE
    scene.domain("web").blockCommit("vda", None, None, 0, flags)
    while not (info := scene.domain("web").blockJobInfo("vda")) or info["cur"] != info["end"]:
        pass
    assert "active-commit" in scene.apply(manifest(scene, GROWN), expect=4).stdout
    scene.domain("web").blockJobAbort("vda", libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
    scene.settle(manifest(scene, GROWN))


def test_that_of_a_foreign_vm_holds_a_volume_that_it_shares(scene: Scene) -> None:
    """The project's VM is off and has the disk, and so has somebody else's, which has a snapshot."""
    shared = [{"volume": "other"}]
    scene.settle(manifest(scene, idle_vm(disks=shared, state="stopped")))
    source = f"<driver name='qemu' type='qcow2'/><source file='{scene.volume('other')}'/>"
    foreign = scene.conn.defineXML(
        "<domain type='qemu'><name>rescue</name><memory>32768</memory><os><type arch='x86_64'>hvm</type></os>"
        f"<devices><disk type='file' device='disk'>{source}<target dev='vdc'/></disk></devices></domain>"
    )
    foreign.snapshotCreateXML(INTERNAL)
    grown = manifest(scene, idle_vm(disks=shared, state="stopped"))
    grown["volumes"]["other"]["size"] = "9MiB"
    with scene.nothing_changes():
        done = scene.apply(grown, expect=4)
    assert "the snapshot before-upgrade of vm/rescue holds it" in " ".join(done.stdout.split())


def test_a_volume_that_only_a_snapshot_names_stays(scene: Scene) -> None:
    """The VM has the disk no more; going back to its snapshot would need it."""
    scene.settle(manifest(scene, idle_vm(disks=[{"volume": "other"}], state="stopped")))
    scene.domain("web").snapshotCreateXML(INTERNAL)
    scene.edit("web", (disk_element(scene), ""))
    bare = manifest(scene, idle_vm(state="stopped"))
    del bare["volumes"]["other"]
    scene.settle(bare)
    with scene.nothing_changes():
        gone = bare | {"removed": [{"pool": "vms", "volume": "other"}]}
        told = " ".join(scene.apply(gone, "--allow", "data-loss", expect=4).stdout.split())
    assert "is what the snapshot before-upgrade of vm/web would go back to" in told
    scene.domain("web").snapshotLookupByName("before-upgrade").delete(
        libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
    )
    scene.settle(gone, "--allow", "data-loss")


def disk_element(scene: Scene) -> str:
    """The VM's one disk, as it stands in its definition."""
    xml = scene.xml("web")
    return xml[xml.index("<disk ") : xml.index("</disk>") + len("</disk>")]
