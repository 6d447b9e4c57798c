"""Disks as a manifest writes them, and as libvirt does."""

from __future__ import annotations

from typing import Any

UUID = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
FILE: dict[str, Any] = {"path": "/srv/a.qcow2"}
RBD: dict[str, Any] = {"protocol": "rbd", "name": "vms/web"}


def source(**stated: Any) -> dict[str, Any]:
    return {"source": stated}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "rbd": (
        source(**RBD, hosts=["ceph1", {"name": "ceph2", "port": 6789}], snapshot="monday", config="/etc/c.conf"),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='vms/web'>"
        "<host name='ceph1'/><host name='ceph2' port='6789'/><snapshot name='monday'/><config file='/etc/c.conf'/>"
        "</source><target dev='vda' bus='virtio'/></disk>",
    ),
    "rbd with a user": (
        source(**RBD, auth={"username": "u", "secret": "ceph-key"}),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='vms/web'>"
        "<auth username='u'><secret type='ceph' usage='ceph-key'/></auth></source>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "a user, as libvirt had it before": (
        source(**RBD, hosts=["a"]) | {"auth": {"username": "u", "secret": UUID}},
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
        f"<auth username='u'><secret type='ceph' uuid='{UUID}'/></auth>"
        "<source protocol='rbd' name='vms/web'><host name='a'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "a LUN by iSCSI": (
        source(protocol="iscsi", name="iqn.a:b/1", hosts=["san"], initiator="iqn.a:c") | {"device": "lun"},
        "<disk type='network' device='lun'><driver name='qemu' type='raw'/><source protocol='iscsi' name='iqn.a:b/1'>"
        "<host name='san' port='3260'/><initiator><iqn name='iqn.a:c'/></initiator></source>"
        "<target dev='sda' bus='scsi'/></disk><controller type='scsi' index='0' model='virtio-scsi'/>",
    ),
    "nbd in TLS": (
        source(protocol="nbd", hosts=["a"], tls=True, tls_hostname="b") | {"format": "qcow2"},
        "<disk type='network' device='disk'><driver name='qemu' type='qcow2'/><source protocol='nbd' tls='yes' "
        "tlsHostname='b'><host name='a' port='10809'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "a socket": (
        source(protocol="nbd", name="a", hosts=[{"socket": "/run/nbd"}]),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='a'>"
        "<host transport='unix' socket='/run/nbd'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "https": (
        source(protocol="https", name="a", hosts=["b"], query="c=d&e", ssl_verify=False, readahead="64KiB", timeout="1m"),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='https' name='a' "
        "query='c=d&amp;e'><host name='b' port='443'/><ssl verify='no'/><readahead size='65536'/>"
        "<timeout seconds='60'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "gluster by RDMA": (
        source(protocol="gluster", name="v/a", hosts=[{"name": "a", "transport": "rdma"}, "b"]),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='gluster' name='v/a'>"
        "<host transport='rdma' name='a'/><host name='b' port='24007'/></source>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "nfs": (
        source(protocol="nfs", name="/a", hosts=["b"], identity={"user": "+1", "group": "+2"}),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nfs' name='/a'>"
        "<host name='b'/><identity user='+1' group='+2'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "nvme": (
        source(nvme="0000:01:00.0", namespace=1, managed=True),
        "<disk type='nvme' device='disk'><driver name='qemu' type='raw'/><source type='pci' managed='yes' "
        "namespace='1'><address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></source>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "vhost-user": (
        source(vhostuser="/run/a.sock", reconnect="10s") | {"packed": True},
        "<disk type='vhostuser' device='disk' snapshot='no'><driver name='qemu' type='raw' packed='on'/>"
        "<source type='unix' path='/run/a.sock'><reconnect enabled='yes' timeout='10'/></source>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "a volume that libvirt finds": (
        source(pool="san", volume="unit:0:0:1", mode="direct", seclabels=[{"model": "dac", "label": "+0:+0"}])
        | {"device": "cdrom", "bus": "ide"},
        "<disk type='volume' device='cdrom'><driver name='qemu'/><source pool='san' volume='unit:0:0:1' "
        "mode='direct'><seclabel model='dac' relabel='yes'><label>+0:+0</label></seclabel></source>"
        "<target dev='hda' bus='ide'/><readonly/></disk><controller type='ide' index='0'/>",
    ),
    "a directory": (
        source(dir="/srv/files") | {"format": "fat", "readonly": True},
        "<disk type='dir' device='disk'><driver name='qemu' type='fat'/><source dir='/srv/files'/>"
        "<target dev='vda' bus='virtio'/><readonly/></disk>",
    ),
    "a part of a file": (
        source(file="/srv/a.raw", slice={"offset": 4096, "size": "1MiB"}, encryption=UUID, fd_group="g"),
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/a.raw' fdgroup='g'>"
        "<slices><slice type='storage' offset='4096' size='1048576'/></slices><encryption format='luks' engine='qemu'>"
        f"<secret type='passphrase' uuid='{UUID}'/></encryption></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "a file among devices": (
        source(file="/dev/null"),
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/dev/null'/>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "a LUN": (
        {"path": "/dev/sdb", "device": "lun", "rawio": True, "sgio": "filtered"},
        "<disk type='block' device='lun' rawio='yes' sgio='filtered'><driver name='qemu' type='raw'/>"
        "<source dev='/dev/sdb'/><target dev='sda' bus='scsi'/></disk>"
        "<controller type='scsi' index='0' model='virtio-scsi'/>",
    ),
    "reservations": (
        source(block="/dev/sdb", reservations={"managed": False, "path": "/run/pr"}) | {"device": "lun"},
        "<disk type='block' device='lun'><driver name='qemu' type='raw'/><source dev='/dev/sdb'>"
        "<reservations managed='no'><source type='unix' path='/run/pr' mode='client'/></reservations></source>"
        "<target dev='sda' bus='scsi'/></disk><controller type='scsi' index='0' model='virtio-scsi'/>",
    ),
    "a floppy": (
        {"floppy": "/srv/a.img"},
        "<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='/srv/a.img'/>"
        "<target dev='fda' bus='fdc'/></disk><controller type='fdc' index='0'/>",
    ),
    "an open tray": (
        {"cdrom": "empty", "tray": "open", "bus": "ide"},
        "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='hda' bus='ide' tray='open'/>"
        "<readonly/></disk><controller type='ide' index='0'/>",
    ),
    "all that virtio knows": (
        FILE
        | {"model": "virtio-transitional", "ioeventfd": False, "event_idx": True, "iommu": True, "ats": False}
        | {"packed": True, "page_per_vq": True, "queue_size": 256, "rerror_policy": "report", "copy_on_read": True},
        "<disk type='file' device='disk' model='virtio-transitional'><driver name='qemu' type='qcow2' "
        "rerror_policy='report' ioeventfd='off' event_idx='on' copy_on_read='on' iommu='on' ats='off' packed='on' "
        "page_per_vq='on' queue_size='256'/><source file='/srv/a.qcow2'/><target dev='vda' bus='virtio'/></disk>",
    ),
    "shape and names": (
        FILE
        | {"bus": "ide", "geometry": {"cyls": 9, "heads": 16, "secs": 63, "trans": "lba"}, "serial": "S" * 40}
        | {"blockio": {"logical_block_size": "512B", "physical_block_size": "4KiB"}, "iotune_group": "g", "iops": 9},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<geometry cyls='9' heads='16' secs='63' trans='lba'/>"
        "<blockio logical_block_size='512' physical_block_size='4096'/><target dev='hda' bus='ide'/>"
        "<iotune><total_iops_sec>9</total_iops_sec><group_name>g</group_name></iotune>"
        f"<serial>{'S' * 40}</serial></disk><controller type='ide' index='0'/>",
    ),
    "vendor and product": (
        FILE | {"bus": "scsi", "vendor": "SHOP", "product": "DISK 1", "wwn": "0x5000c50015ea71ad"},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<target dev='sda' bus='scsi'/><wwn>0x5000c50015ea71ad</wwn><vendor>SHOP</vendor><product>DISK 1</product>"
        "</disk><controller type='scsi' index='0' model='virtio-scsi'/>",
    ),
    "transient, and out of snapshots": (
        FILE | {"transient": True, "share_backing": True, "snapshot": "no", "startup_policy": "optional"},
        "<disk type='file' device='disk' snapshot='no'><driver name='qemu' type='qcow2'/>"
        "<source file='/srv/a.qcow2' startupPolicy='optional'/><target dev='vda' bus='virtio'/>"
        "<transient shareBacking='yes'/></disk>",
    ),
    "layers to the end": (
        FILE
        | {
            "metadata_cache": "1MiB",
            "backing_store": ["/srv/b.qcow2", {"source": RBD, "format": "qcow2", "metadata_cache": "4KiB"}],
        },
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'><metadata_cache>"
        "<max_size unit='bytes'>1048576</max_size></metadata_cache></driver><source file='/srv/a.qcow2'/>"
        "<backingStore type='file'><format type='qcow2'/><source file='/srv/b.qcow2'/><backingStore type='network'>"
        "<format type='qcow2'><metadata_cache><max_size unit='bytes'>4096</max_size></metadata_cache></format>"
        "<source protocol='rbd' name='vms/web'/><backingStore/></backingStore></backingStore>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "nothing below": (
        FILE | {"backing_store": []},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<backingStore/><target dev='vda' bus='virtio'/></disk>",
    ),
    "layers that QEMU looks below of": (
        FILE | {"backing_store": [{"path": "/b", "detect_below": True}]},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<backingStore type='file'><format type='raw'/><source file='/b'/></backingStore>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "a Xen domain": (
        FILE | {"backend_domain": "storage"},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<backenddomain name='storage'/><target dev='vda' bus='virtio'/></disk>",
    ),
}  # fmt: skip
NEWER: dict[str, tuple[dict[str, Any], str]] = {
    "ssh": (
        source(
            protocol="ssh", name="/a", hosts=["b"], known_hosts="/k", identity={"user": "u", "keyfile": "/f"}
        ),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='ssh' name='/a'>"
        "<host name='b' port='22'/><knownHosts path='/k'/><identity username='u' keyfile='/f'/></source>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "vDPA": (
        source(vhostvdpa="/dev/vhost-vdpa-0"),
        "<disk type='vhostvdpa' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/vhost-vdpa-0'/>"
        "<target dev='vda' bus='virtio'/></disk>",
    ),
    "several I/O threads": (
        FILE | {"iothreads": {1: [0, 1], 2: []}, "queues": 2, "discard_no_unref": True},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard_no_unref='on' queues='2'><iothreads>"
        "<iothread id='1'><queue id='0'/><queue id='1'/></iothread><iothread id='2'/></iothreads></driver>"
        "<source file='/srv/a.qcow2'/><target dev='vda' bus='virtio'/></disk>",
    ),
    "nbd that is tried again": (
        source(protocol="nbd", name="a", hosts=["b"], reconnect="10s"),
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='nbd' name='a'>"
        "<host name='b' port='10809'/><reconnect delay='10'/></source><target dev='vda' bus='virtio'/></disk>",
    ),
    "a start of an s390": (
        FILE | {"boot_order": 1, "loadparm": "2"},
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a.qcow2'/>"
        "<target dev='vda' bus='virtio'/><boot order='1' loadparm='2'/></disk>",
    ),
}
"""What libvirt 9.0 does not know, or the schema of another machine's."""
ALL = {**CASES, **NEWER}
