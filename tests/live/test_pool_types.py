"""Pools of every type on a real libvirtd: defined, and nothing to do; changed, and nothing to do.

What they are on is not there, so they are not started.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.kinds.pool.importing import import_pool
from kvmspec.manifest.secrets import SecretStore
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, RENDERER, apply, manifest, plan

pytestmark = pytest.mark.libvirtd

NFS: dict[str, Any] = {"hosts": ["nas"], "dir": "/export/vms", "format": "nfs"}
SAN: dict[str, Any] = {"hosts": ["san"], "devices": ["iqn.2013-06.lan.shop:vms"]}
AUTH = {"username": "libvirt", "secret": "ceph-key"}
WWN = {"wwnn": "20000000c9831b4b", "wwpn": "10000000c9831b4b"}


class Case(NamedTuple):
    """What is stated, what it is changed to, and what only the XML after has. What is `kept` is no longer
    compared where it is not stated: libvirt looks at the folder."""

    before: dict[str, Any]
    after: dict[str, Any]
    text: str
    kept: bool = False


CASES = {
    "dir": Case(
        {"path": "/srv/a"},
        {"path": "/srv/a", "permissions": {"mode": "0750", "owner": 0, "group": 0, "label": "x_t"}},
        "<label>x_t</label>",
        kept=True,
    ),
    "copy on write": Case(
        {"path": "/srv/a", "features": {"cow": False}},
        {"path": "/srv/a", "features": {"cow": True}},
        "<cow state='yes'/>",
    ),
    "fs": Case(
        {"type": "fs", "path": "/srv/a", "source": {"devices": ["/dev/sdb1"], "format": "ext4"}},
        {"type": "fs", "path": "/srv/a", "source": {"devices": ["/dev/sdc1"], "format": "xfs"}},
        "<format type='xfs'/>",
    ),
    "netfs": Case(
        {"type": "netfs", "path": "/srv/a", "source": NFS},
        {
            "type": "netfs",
            "path": "/srv/a",
            "source": {**NFS, "protocol_version": "4.1"},
            "mount_options": ["sync"],
        },
        "<fs:option name='sync'/>",
    ),
    "cifs": Case(
        {"type": "netfs", "path": "/srv/a", "source": {**NFS, "dir": "vms", "format": "cifs"}},
        {"type": "netfs", "path": "/srv/a", "source": {**NFS, "dir": "other", "format": "cifs"}},
        "<dir path='other'/>",
    ),
    "logical": Case(
        {"type": "logical", "source": {"name": "vg0", "devices": ["/dev/sdb"]}},
        {"type": "logical", "source": {"name": "vg0", "devices": ["/dev/sdb", "/dev/sdc"]}},
        "<device path='/dev/sdc'/>",
    ),
    "disk": Case(
        {"type": "disk", "source": {"devices": ["/dev/sdb"], "format": "gpt"}},
        {
            "type": "disk",
            "source": {"devices": [{"path": "/dev/sdb", "part_separator": False}], "format": "gpt"},
        },
        "part_separator='no'",
    ),
    "iscsi": Case(
        {"type": "iscsi", "source": SAN},
        {"type": "iscsi", "source": {**SAN, "initiator": "iqn.2013-06.lan.shop:hv1", "auth": AUTH}},
        "<secret usage='ceph-key'/>",
    ),
    "iscsi-direct": Case(
        {"type": "iscsi-direct", "source": {**SAN, "initiator": "iqn.2013-06.lan.shop:hv1"}},
        {"type": "iscsi-direct", "source": {**SAN, "initiator": "iqn.2013-06.lan.shop:hv2"}},
        "shop:hv2",
    ),
    "scsi by name": Case(
        {"type": "scsi", "source": {"adapter": "scsi_host1"}},
        {"type": "scsi", "source": {"adapter": "scsi_host2"}},
        "name='scsi_host2'",
    ),
    "scsi by address": Case(
        {"type": "scsi", "source": {"adapter": {"address": "0000:00:1f.2", "unique_id": 1}}},
        {"type": "scsi", "source": {"adapter": {"address": "0000:00:1f.2", "unique_id": 2}}},
        "unique_id='2'",
    ),
    "scsi of a virtual adapter": Case(
        {"type": "scsi", "source": {"adapter": WWN}},
        {"type": "scsi", "source": {"adapter": {**WWN, "parent": "scsi_host5", "managed": True}}},
        "parent='scsi_host5' managed='yes'",
    ),
    "mpath": Case(
        {"type": "mpath"},
        {"type": "mpath", "permissions": {"mode": "0700"}},
        "<mode>0700</mode>",
        kept=True,
    ),
    "rbd": Case(
        {"type": "rbd", "source": {"name": "a", "hosts": ["ceph1"], "auth": AUTH}},
        {
            "type": "rbd",
            "source": {"name": "a", "hosts": [{"name": "ceph1", "port": 6789}, "ceph2"], "auth": AUTH},
            "rbd_options": {"client_mount_timeout": "5"},
            "volume_allocation": "capacity",
        },
        "name='client_mount_timeout' value='5'",
    ),
    "gluster": Case(
        {"type": "gluster", "source": {"name": "vol", "hosts": ["a"]}},
        {"type": "gluster", "source": {"name": "vol", "hosts": ["b"], "dir": "/sub"}},
        "<host name='b'/>",
    ),
    "zfs": Case(
        {"type": "zfs", "source": {"name": "tank", "devices": ["/dev/sdb"]}},
        {"type": "zfs", "source": {"name": "tank", "devices": ["/dev/sdc"]}},
        "<device path='/dev/sdc'/>",
    ),
    "what no field says": Case(
        {"path": "/srv/a"},
        {"path": "/srv/a", "xml": "<pool><features><cow state='yes'/></features></pool>"},
        "<cow state='yes'/>",
    ),
}


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    opened = connect(HOST, clean_host.uri, SecretStore())
    yield opened
    opened.close()


def xml(host: Host) -> str:
    return str(host.conn.storagePoolLookupByName("vms").XMLDesc(libvirt.VIR_STORAGE_XML_INACTIVE))


def vms(spec: dict[str, Any]) -> Any:
    return manifest(pools={"vms": {**spec, "state": "any"}})


@pytest.mark.parametrize("name", CASES)
def test_defined_changed_and_back(name: str, host: Host) -> None:
    before, after, text, kept = CASES[name]
    apply(vms(before), host)
    assert plan(vms(before), host) == []
    for wanted, there in ((after, True), (before, False)):
        assert apply(vms(wanted), host) == (["EditPool"] if there or not kept else [])
        assert (text in xml(host)) is (there or kept)
        assert plan(vms(wanted), host) == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_defined_is_imported_and_adopted(name: str, host: Host) -> None:
    apply(vms({**CASES[name].after, "uuid": "11111111-2222-4333-8444-555555555555"}), host)
    before = xml(host)
    entry = import_pool(before, RENDERER).entry
    assert "xml" not in entry
    assert plan(vms(entry), host) == []
    host.conn.storagePoolLookupByName("vms").undefine()
    apply(vms(entry), host)
    assert xml(host) == before
