"""Fields of disks that a guest boots with, and disks of every source: defined, changed and taken away again, and
each time there is nothing left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import named_after, there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Disk = dict[str, Any]
UUID = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
FILE: Disk = {"name": "a", "path": "/srv/a.qcow2"}
LUN: Disk = {"name": "a", "path": "/dev/sdz", "device": "lun", "bus": "scsi"}
RBD: Disk = {"protocol": "rbd", "name": "vms/web"}
SAN: Disk = {"protocol": "iscsi", "name": "iqn.2026-01.lan.shop:web/1", "hosts": ["san"]}
NBD: Disk = {"protocol": "nbd", "name": "web", "hosts": ["nbd1"]}
WEB: Disk = {"protocol": "https", "name": "a.img", "hosts": ["web.lan"]}
NFS: Disk = {"protocol": "nfs", "name": "/export/a", "hosts": ["nas"]}


def of(source: Disk, **more: Any) -> Disk:
    return {"name": "a", "source": source | more}


OPTIONS: dict[str, tuple[Disk, Disk]] = {
    "its card": (FILE | {"model": "virtio-transitional"}, FILE | {"model": "virtio-non-transitional"}),
    "virtio": (
        FILE | {"ioeventfd": False, "event_idx": True, "iommu": True, "ats": True, "packed": False},
        FILE | {"event_idx": False, "page_per_vq": True, "queues": 2, "queue_size": 256},
    ),
    "errors and reads": (
        FILE | {"error_policy": "enospace", "rerror_policy": "report", "copy_on_read": True},
        FILE | {"rerror_policy": "ignore", "copy_on_read": False},
    ),
    "the cache of tables": (FILE | {"metadata_cache": "1MiB"}, FILE | {"metadata_cache": "64KiB"}),
    "shape": (
        {**FILE, "bus": "ide", "geometry": {"cyls": 1000, "heads": 16, "secs": 63, "trans": "lba"}},
        {**FILE, "bus": "ide", "geometry": {"cyls": 2000, "heads": 16, "secs": 63}},
    ),
    "blocks": (
        FILE | {"blockio": {"logical_block_size": "512B", "physical_block_size": "4KiB"}},
        FILE | {"blockio": {"logical_block_size": "4KiB"}},
    ),
    "names": (
        FILE | {"bus": "scsi", "vendor": "SHOP", "product": "DISK 1", "serial": "S" * 40},
        FILE | {"bus": "scsi", "vendor": "SHOP", "wwn": "0x5000c50015ea71ad"},
    ),
    "a group": (FILE | {"iotune_group": "slow", "iops": 100}, FILE | {"iotune_group": "fast", "iops": 100}),
    "transient": (FILE | {"transient": True}, FILE | {"transient": True, "share_backing": True}),
    "snapshots": (FILE | {"snapshot": "no"}, FILE | {"snapshot": "external"}),
    "that may be missing": (FILE | {"startup_policy": "optional"}, FILE | {"startup_policy": "mandatory"}),
    "encryption": (
        FILE | {"encryption": "data-key"},
        FILE | {"encryption": {"secret": UUID, "format": "luks"}},
    ),
    "layers": (
        FILE | {"backing_store": ["/srv/b.qcow2", {"path": "/srv/c", "format": "raw"}]},
        FILE | {"backing_store": [{"source": NBD, "format": "qcow2", "metadata_cache": "4KiB"}]},
    ),
    "no layers": (FILE | {"backing_store": []}, FILE | {"backing_store": [{"path": "/b", "detect_below": True}]}),
    "a LUN": (LUN | {"rawio": True}, LUN | {"sgio": "filtered", "rawio": False}),
    "reservations": (
        {"name": "a", "device": "lun", "bus": "scsi", "source": {"block": "/dev/sdz", "reservations": True}},
        {
            "name": "a",
            "device": "lun",
            "bus": "scsi",
            "source": {"block": "/dev/sdz", "reservations": {"managed": False, "path": "/run/pr.sock"}},
        },
    ),
    "a tray": ({"cdrom": "/srv/a.iso", "tray": "open"}, {"cdrom": "/srv/a.iso", "tray": "closed"}),
    "a floppy": ({"floppy": "/srv/a.img"}, {"floppy": "empty"}),
    "labels": (
        of({"file": "/srv/a.raw"}, seclabels=[{"model": "dac", "relabel": False}]),
        of({"file": "/srv/a.raw"}, seclabels=[{"model": "dac", "label": "+0:+0"}, {"model": "selinux", "relabel": False}]),
    ),
    "a Xen domain": (FILE | {"backend_domain": "storage"}, FILE | {"backend_domain": "other"}),
}  # fmt: skip
SOURCES: dict[str, tuple[Disk, Disk]] = {
    "rbd": (
        of(RBD, hosts=["ceph1", {"name": "ceph2", "port": 6789}], snapshot="monday"),
        of(RBD, snapshot="monday", config="/etc/ceph.conf", auth={"username": "u", "secret": "ceph-key"}),
    ),
    "rbd, as libvirt had it before": (
        of(RBD, hosts=["ceph1"]) | {"auth": {"username": "u", "secret": UUID}},
        of(RBD, hosts=["ceph1"], encryption={"secret": "k", "format": "luks2", "engine": "librbd"}),
    ),
    "iscsi": (
        of(SAN, initiator="iqn.2026-01.lan.shop:hv1"),
        of(SAN, auth={"username": "u", "secret": "chap"}),
    ),
    "nbd": (
        of(NBD, tls=True, tls_hostname="nbd1.lan"),
        of(NBD, hosts=[{"socket": "/run/nbd.sock"}]),
    ),
    "http": (of(WEB, query="a=b&c", timeout="1m", readahead="64KiB"), of(WEB, ssl_verify=False)),
    "gluster": (
        of({"protocol": "gluster", "name": "v/a"}, hosts=["g1", {"name": "g2", "transport": "rdma"}]),
        of({"protocol": "gluster", "name": "v/a"}, hosts=["g1"]),
    ),
    "from a file to a server": (FILE, of(RBD, hosts=["ceph1"], encryption="k")),
    "from a server to another": (of(SAN), of(NBD, tls=True)),
    "from a server to a device": (of(NBD, tls=True), {"name": "a", "path": "/dev/sdz"}),
    "from one NVMe drive to another": (
        of({"nvme": "0000:01:00.0", "namespace": 1, "managed": True}),
        of({"nvme": "0000:02:00.0", "namespace": 2, "managed": True}),
    ),
    "nfs": (of(NFS, identity={"user": "+1", "group": "+2"}), of(NFS, identity={"user": "root"})),
    "sheepdog": (
        of({"protocol": "sheepdog", "name": "a", "hosts": ["s1"]}),
        of({"protocol": "sheepdog", "name": "a", "hosts": [{"name": "s1", "port": 7001}]}),
    ),
    "vxhs": (
        of({"protocol": "vxhs", "name": "a", "hosts": ["v1"]}),
        of({"protocol": "vxhs", "name": "a", "hosts": ["v1"], "tls": False}),
    ),
    "nvme": (
        of({"nvme": "0000:01:00.0", "namespace": 1, "managed": True}),
        of({"nvme": "01:00.0", "namespace": 1, "managed": False}) | {"format": "qcow2"},
    ),
    "a part of a file": (
        of({"file": "/srv/a.raw"}, slice={"offset": 4096, "size": "1MiB"}),
        of({"file": "/srv/a.raw"}, encryption="data-key", fd_group="web"),
    ),
    "a directory": (
        of({"dir": "/srv"}) | {"format": "fat", "readonly": True},
        of({"dir": "/srv"}) | {"format": "fat", "readonly": True, "serial": "one"},
    ),
    "a volume that libvirt finds": (
        of({"pool": "vms", "volume": "a.qcow2"}) | {"format": "qcow2"},
        of({"pool": "vms", "volume": "a.qcow2", "mode": "host"}) | {"format": "qcow2"},
    ),
    "a drive of a server's": (
        of({**WEB, "protocol": "http"}) | {"device": "cdrom"},
        of({**WEB, "protocol": "http"}, timeout="2m") | {"device": "cdrom"},
    ),
}
ALL = {**OPTIONS, **SOURCES}


def with_one(disk: Disk) -> dict[str, Any]:
    """A VM with this disk, or with none."""
    return idle_vm(state="stopped", machine="pc", disks=[disk] if disk else [])


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, ALL, "--allow", "replace", vm=with_one)


def test_an_option_goes_back_to_what_libvirt_does(scene: Scene) -> None:
    stated = {named_after(case): disk for case, (disk, _) in OPTIONS.items() if "name" in disk}
    scene.settle(scene.manifest({case: with_one(disk) for case, disk in stated.items()}))
    scene.settle(
        scene.manifest({case: with_one(plain(disk)) for case, disk in stated.items()}), "--allow", "replace"
    )


def plain(disk: Disk) -> Disk:
    """The disk without options."""
    kept: Disk = {name: disk[name] for name in ("name", "path", "source", "device", "bus") if name in disk}
    if "source" in kept:
        kept["source"] = {name: kept["source"][name] for name in ("file", "block") if name in kept["source"]}
    return kept


def test_cookies_are_secrets(scene: Scene) -> None:
    secret = {"cookie": {"default": "tell-nobody", "secret": True}}
    disk = of(WEB, cookies={"session": "${cookie}"})
    manifest = scene.manifest({"web": with_one(disk)}, variables=secret)
    assert "tell-nobody" not in scene.apply(manifest).stdout
    assert "tell-nobody" in scene.xml("web")
    scene.plan(expect=0)
    secret["cookie"]["default"] = "nor-this"
    shown = scene.plan(scene.manifest({"web": with_one(disk)}, variables=secret), expect=2)
    assert "cookies" in shown and "tell-nobody" not in shown and "nor-this" not in shown
    scene.settle()
    assert "nor-this" in scene.xml("web")
