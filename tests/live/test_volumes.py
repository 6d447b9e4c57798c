"""Volumes on a real libvirtd, with guests that run on them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.action import CreateVolume, GrowDisk, ResizeVolume
from kvmspec.core.address import Address
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.impact import Permission
from kvmspec.kinds.records import Record
from kvmspec.kinds.volume import KIND
from kvmspec.kinds.volume.apply import apply as act
from kvmspec.manifest.secrets import SecretStore
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, PROJECT, apply, context, look, manifest, plan

pytestmark = pytest.mark.libvirtd
MIB = 2**20

GUEST = """
<domain type='qemu'><name>g</name><memory unit='MiB'>32</memory><os><type machine='pc'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='{path}'/>
<target dev='vda' bus='virtio'/></disk></devices></domain>
"""


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    """A connection of kvmspec's own to the emptied host."""
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


@pytest.fixture
def want(clean_host: PrivateLibvirt) -> Any:
    """Makes a manifest with the pool `vms` and these volumes."""

    def make(removed: tuple[tuple[str, str], ...] = (), **volumes: Any) -> Any:
        return manifest(
            pools={"vms": {"path": str(clean_host.images / "vms")}}, volumes=volumes, removed=removed
        )

    return make


def guest_on(host: Host, name: str) -> Any:
    volume = host.volumes.get("vms", name)
    domain = host.conn.defineXML(GUEST.format(path=volume.path, format=volume.format))
    domain.create()
    return domain


def refusals(of: Any, host: Host, name: str) -> list[str]:
    about = context(of)
    difference = KIND.diff(about.desired[Address(HOST, "volume", f"vms/{name}")], look(host), about)
    return [problem.message for problem in difference.refusals]


def test_blank_and_overlay_then_nothing_to_do(host: Host, want: Any) -> None:
    wanted = want(
        base={"size": "64MiB"},
        raw={"size": "1000001B", "format": "raw"},
        over={"backing": "base"},
        bigger={"backing": "base", "size": "96MiB"},
    )
    for kind in ("pool", "volume"):
        apply(wanted, host, [kind])
    found = {volume.name: volume for volume in host.volumes.list(["vms"])}
    assert {name: volume.format for name, volume in found.items()} == {
        "base": "qcow2",
        "raw": "raw",
        "over": "qcow2",
        "bigger": "qcow2",
    }
    assert found["over"].backing == found["base"].path
    assert (found["over"].capacity, found["bigger"].capacity) == (64 * MIB, 96 * MIB)
    info = subprocess.run(
        ["qemu-img", "info", found["base"].path], capture_output=True, text=True, check=True
    )
    assert "compat: 1.1" in info.stdout
    assert plan(wanted, host) == []


def test_grows_and_never_shrinks(host: Host, want: Any) -> None:
    apply(want(data={"size": "64MiB"}), host)
    ((difference, action),) = plan(want(data={"size": "65MiB"}), host)
    assert isinstance(action, ResizeVolume)
    assert [(change.before, change.after) for change in difference.changes] == [("64MiB", "65MiB")]
    act(action, host, print)
    act(action, host, print)
    assert host.volumes.get("vms", "data").capacity == 65 * MIB
    assert refusals(want(data={"size": "64MiB"}), host, "data") == [
        "volume/vms/data on hv1 has 65MiB, the manifest says 64MiB"
    ]
    with pytest.raises(LibvirtFailure, match="never shrunk"):
        host.volumes.resize("vms", "data", 64 * MIB)


def test_grows_through_the_guest_that_runs_on_it(host: Host, want: Any) -> None:
    apply(want(data={"size": "64MiB"}), host)
    guest_on(host, "data")
    wanted = manifest(
        pools={"vms": {"path": host.volumes.get("vms", "data").path.rpartition("/")[0]}},
        volumes={"data": {"size": "80MiB"}},
        vms=["g"],
    )
    about = context(wanted)
    view = look(host)
    guest = view.domains["g"]
    record = f"<metadata>{Record(PROJECT, guest.uuid).xml()}</metadata>"
    ours = {"g": replace(guest, xml=guest.xml.replace("</name>", f"</name>{record}", 1))}
    view = replace(view, domains=ours)
    difference = KIND.diff(about.desired[Address(HOST, "volume", "vms/data")], view, about)
    assert difference.refusals == ()
    ((action, _),) = KIND.steps(difference, view, about)
    assert action == GrowDisk(Address(HOST, "vm", "g"), "vda", 80 * MIB)
    host.domains.grow_disk("g", "vda", 80 * MIB)
    assert host.volumes.get("vms", "data").capacity == 80 * MIB


def test_does_not_grow_under_a_snapshot(host: Host, want: Any) -> None:
    apply(want(data={"size": "64MiB"}), host)
    guest = guest_on(host, "data")
    snapshot = (
        "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='external'/></disks></domainsnapshot>"
    )
    only, untracked = (
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY,
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA,
    )
    guest.snapshotCreateXML(snapshot, only | untracked)
    (problem, *_) = refusals(want(data={"size": "80MiB"}), host, "data")
    assert "vm/g" in problem


def test_removed_volumes_go_and_are_gone_for_good(host: Host, want: Any) -> None:
    apply(want(scratch={"size": "1MiB"}, keep={"size": "1MiB"}), host)
    wanted = want(removed=(("vms", "scratch"),), keep={"size": "1MiB"})
    assert apply(wanted, host) == ["DeleteVolume"]
    assert [volume.name for volume in host.volumes.list(["vms"])] == ["keep"]
    assert plan(wanted, host) == []


def test_removed_base_with_overlays_and_used_volume_are_refused(host: Host, want: Any) -> None:
    apply(want(base={"size": "1MiB"}), host)
    apply(want(base={"size": "1MiB"}, over={"backing": "base"}), host)
    guest_on(host, "over")
    about = context(want(removed=(("vms", "base"), ("vms", "nothing"))))
    (difference,) = KIND.leftovers(look(host), about)
    told = [problem.message for problem in difference.refusals]
    assert "volume/vms/base on hv1 is used by vm/g" in told
    assert "volume/vms/base on hv1 is the backing of volume/vms/over" in told


def test_destroy_keeps_data_and_apply_takes_it_up_again(host: Host, want: Any) -> None:
    wanted = want(data={"size": "1MiB"})
    apply(wanted, host)
    file = host.volumes.get("vms", "data").path
    assert apply(wanted, host, ["volume", "pool"], destroy=True) == ["DeletePool"]
    apply(wanted, host, ["pool"])
    assert plan(wanted, host) == []  # seen now, and it fits
    assert host.volumes.get("vms", "data").path == file
    granted = [Permission.DATA_LOSS]
    done = apply(wanted, host, ["volume", "pool"], destroy=True, granted=granted)
    assert done == ["DeleteVolume", "DeletePool"]


FITS = {
    "the same": ({"size": "4MiB"}, True),
    "smaller is grown": ({"size": "8MiB"}, True),
    "larger": ({"size": "2MiB"}, False),
    "another format": ({"size": "4MiB", "format": "raw"}, False),
}


@pytest.mark.parametrize("case", FITS)
def test_taken_up_where_the_plan_could_not_look(
    case: str, host: Host, want: Any, clean_host: PrivateLibvirt
) -> None:
    folder = clean_host.images / "vms"
    folder.mkdir()
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "data"), "4M"], check=True)
    spec, fits = FITS[case]
    actions = [action for _, action in plan(want(data=spec), host)]
    (creation,) = (action for action in actions if isinstance(action, CreateVolume))
    assert creation.take_up
    apply(want(data=spec), host, ["pool"])
    told: list[str] = []
    if not fits:
        with pytest.raises(LibvirtFailure, match="is there already and"):
            act(creation, host, told.append)
        return
    act(creation, host, told.append)
    act(creation, host, told.append)
    assert told == ["was there already and is taken up with its data"] * 2
    assert plan(want(data=spec), host) == []


def test_file_that_libvirt_has_not_seen_is_not_overwritten(
    host: Host, want: Any, clean_host: PrivateLibvirt
) -> None:
    apply(want(), host)
    ((_, creation),) = plan(want(data={"size": "4MiB"}), host)
    file = clean_host.images / "vms" / "data"
    file.write_bytes(b"precious")
    with pytest.raises(LibvirtFailure, match="is there already and is raw, not qcow2"):
        act(creation, host, print)
    assert file.read_bytes() == b"precious"


def test_many_volumes_are_listed_and_filtered(host: Host, want: Any, clean_host: PrivateLibvirt) -> None:
    apply(want(first={"size": "1MiB"}), host)
    data = (clean_host.images / "vms" / "first").read_bytes()
    for number in range(200):
        (clean_host.images / "vms" / f"v{number}").write_bytes(data)
    host.volumes.refresh("vms")
    assert len(host.volumes.list(["vms", "no such pool"])) == 201
    assert [each.name for each in host.volumes.list(["vms"], lambda pool, name: name == "v7")] == ["v7"]
