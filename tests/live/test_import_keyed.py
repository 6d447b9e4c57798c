"""The secrets and network filters that VMs and pools use come along when they are imported."""

from __future__ import annotations

from collections.abc import Iterator

import libvirt
import pytest
import yaml

from kvmspec import pipeline
from tests.live.scene import Scene

pytestmark = pytest.mark.libvirtd
VALUE = "czNjcjN0LW9mLWNlcGg="  # s3cr3t-of-ceph
CEPH = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
SECRETS = (
    f"<secret><uuid>{CEPH}</uuid><description>of ceph</description><usage type='ceph'><name>client.vms</name></usage></secret>",
    "<secret private='yes'><usage type='volume'><volume>/srv/a.luks</volume></usage></secret>",
    "<secret><usage type='iscsi'><target>san</target></usage></secret>",
    "<secret><usage type='tls'><name>nobody uses it</name></usage></secret>",
)
FILTERS = (
    "<filter name='lower'><rule action='accept' direction='in' priority='500'><tcp dstportstart='80'/></rule></filter>",
    "<filter name='web'><filterref filter='clean-traffic'/><filterref filter='lower'/></filter>",
    "<filter name='unused'/>",
)
VM = f"""<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<disk type='network' device='disk'><driver name='qemu' type='raw'/><auth username='vms'><secret type='ceph' uuid='{CEPH}'/></auth>
<source protocol='rbd' name='vms/web'><host name='10.1.1.1'/></source><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/a.luks'>
<encryption format='luks'><secret type='passphrase' usage='/srv/a.luks'/></encryption></source><target dev='vdb' bus='virtio'/></disk>
<interface type='network'><source network='default'/><model type='virtio'/><filterref filter='web'/></interface>
<interface type='network'><source network='default'/><model type='virtio'/><filterref filter='nowhere'/></interface>
</devices></domain>"""


def furnish(conn: libvirt.virConnect) -> None:
    for xml in SECRETS:
        conn.secretDefineXML(xml).setValue(b"s3cr3t-of-ceph")
    for xml in FILTERS:
        conn.nwfilterDefineXML(xml)
    conn.nwfilterDefineXML("<filter name='nowhere'/>")
    conn.defineXML(VM)


@pytest.fixture
def keyed(scene: Scene) -> Iterator[Scene]:
    furnish(scene.conn)
    yield scene
    scene.domain("web").undefine()
    for secret in scene.conn.listAllSecrets():
        secret.undefine()
    for name in ("web", "lower", "unused", "nowhere"):
        scene.conn.nwfilterLookupByName(name).undefine()


def test_they_come_along_and_are_adopted_as_they_are(keyed: Scene) -> None:
    keyed.conn.nwfilterLookupByName("nowhere").undefine()
    found = pipeline.imported([], "shop", keyed.host.uri)
    assert "s3cr3t" not in found.text and VALUE not in found.text
    data = yaml.safe_load(found.text)
    assert set(data["secrets"]) == {"client.vms", "a.luks"}
    assert set(data["nwfilters"]) == {"web", "lower"}
    assert data["secrets"]["client.vms"]["value"] == "${client_vms_value}"
    assert data["variables"]["client_vms_value"] == {"env": "CLIENT_VMS_VALUE", "secret": True}
    assert "There is no network filter nowhere on this host." in found.text
    assert "nobody" not in found.text and "clean-traffic" in str(data["nwfilters"])
    keyed.conn.nwfilterDefineXML("<filter name='nowhere'/>")
    keyed.path.write_text(found.text)
    environ = {"CLIENT_VMS_VALUE": VALUE, "A_LUKS_VALUE": "s3cr3t-of-ceph"}
    ran = keyed.cli("plan", env=environ, expect=0)
    said = ran.stdout + ran.stderr
    assert "adopt" in said and "create" not in said and "s3cr3t" not in said, said
    before = libvirt_has(keyed.conn)
    keyed.cli("apply", "--yes", env=environ, expect=0)
    keyed.cli("plan", "--detailed-exitcode", env=environ, expect=0)
    assert libvirt_has(keyed.conn) == before


def libvirt_has(conn: libvirt.virConnect) -> list[str]:
    """Secrets and filters as libvirt has them; a private secret's description holds kvmspec's note then."""
    secrets = [each.XMLDesc() for each in conn.listAllSecrets()]
    filters = [each.XMLDesc() for each in conn.listAllNWFilters()]
    return sorted(filters + [xml for xml in secrets if "private='yes'" not in xml])
