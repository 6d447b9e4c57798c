"""libvirt's XML of a pool → its entry in a manifest, which renders to the same pool again."""

from __future__ import annotations

from typing import Any

import pytest

from kvmspec.kinds.pool import KIND
from kvmspec.kinds.pool.importing import import_pool
from kvmspec.kinds.pool.spec import PoolSpec
from tests.unit.kinds.network.making import RENDERER, context, manifest

UUID = "6f1d5c0e-8a53-4c6e-9b1c-0d8e2f4a7b10"
FIGURES = "".join(f"<{tag} unit='bytes'>7</{tag}>" for tag in ("capacity", "allocation", "available"))


def pool(kind: str, inside: str, name: str = "vms", attributes: str = "") -> str:
    return f"<pool type='{kind}'{attributes}><name>{name}</name><uuid>{UUID}</uuid>{FIGURES}{inside}</pool>"


FOLDER = "<target><path>/srv/vms</path>{}</target>"
PERMISSIONS = (
    "<permissions><mode>0711</mode><owner>0</owner><group>64</group><label>a_t</label></permissions>"
)
SPACE = " xmlns:rbd='http://libvirt.org/schemas/storagepool/rbd/1.0'"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a folder": (pool("dir", "<source/>" + FOLDER.format("")), {"path": "/srv/vms"}),
    "whose it is": (
        pool("dir", FOLDER.format(PERMISSIONS)),
        {"path": "/srv/vms", "permissions": {"mode": "0711", "owner": 0, "group": 64, "label": "a_t"}},
    ),
    "a volume group of the pool's name": (
        pool(
            "logical",
            "<source><device path='/dev/sdb'/><name>vms</name><format type='lvm2'/></source>"
            "<target><path>/dev/vms</path></target>",
        ),
        {"type": "logical", "source": {"devices": ["/dev/sdb"], "format": "lvm2"}},
    ),
    "a volume group of another name": (
        pool("logical", "<source><name>vg</name></source><target><path>/dev/vg</path></target>"),
        {"type": "logical", "source": {"name": "vg"}},
    ),
    "devices in another place": (
        pool("logical", "<source><name>vg</name></source><target><path>/dev/mapper</path></target>"),
        {"type": "logical", "path": "/dev/mapper", "source": {"name": "vg"}},
    ),
    "a disk with room on it": (
        pool(
            "disk",
            "<source><device path='/dev/sdb'><freeExtent start='1' end='2'/></device><format type='gpt'/></source>"
            "<target><path>/dev</path></target>",
        ),
        {"type": "disk", "source": {"devices": ["/dev/sdb"], "format": "gpt"}},
    ),
    "Ceph": (
        pool(
            "rbd",
            "<source><host name='a' port='1'/><host name='a' port='2'/><host name='b'/><name>x</name>"
            "<auth type='ceph' username='u'><secret usage='k$'/></auth></source>"
            "<refresh><volume allocation='capacity'/></refresh>"
            "<rbd:config_opts><rbd:option name='o' value='v'/></rbd:config_opts>",
            attributes=SPACE,
        ),
        {
            "type": "rbd",
            "source": {
                "name": "x",
                "hosts": [{"name": "a", "port": 1}, {"name": "a", "port": 2}, "b"],
                "auth": {"username": "u", "secret": "k$$"},
            },
            "volume_allocation": "capacity",
            "rbd_options": {"o": "v"},
        },
    ),
    "an adapter by its address": (
        pool(
            "scsi",
            "<source><adapter type='scsi_host'><parentaddr unique_id='1'><address domain='0x0000' bus='0x00' "
            "slot='0x1f' function='0x2'/></parentaddr></adapter></source>"
            "<target><path>/dev/disk/by-path</path></target>",
        ),
        {"type": "scsi", "source": {"adapter": {"address": "0000:00:1f.2", "unique_id": 1}}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_imported_in_the_manifests_own_words(case: str) -> None:
    xml, wanted = CASES[case]
    name, entry = import_pool(xml, RENDERER)
    assert (name, entry.pop("uuid")) == ("vms", UUID)
    assert entry == wanted
    PoolSpec.model_validate(entry)


def test_what_no_field_says_is_left_over() -> None:
    host = "<source><host name='a'/><name>x</name><auth type='chap' username='u'><secret usage='k'/></auth></source>"
    entry = import_pool(pool("rbd", host), RENDERER).entry
    assert "chap" in entry["xml"]
    about = context(manifest(pools={"vms": entry}))
    (desired,) = about.desired.values()
    assert import_pool(KIND.render(desired, about), RENDERER).entry == entry


def test_the_folder_of_a_pool_that_runs_says_itself_whose_it_is() -> None:
    entry = import_pool(pool("dir", FOLDER.format(PERMISSIONS)), RENDERER, running=True).entry
    assert entry == {"path": "/srv/vms", "uuid": UUID}


@pytest.mark.parametrize("xml", ["<domain><name>a</name></domain>", "<pool type='dir'/>"])
def test_no_pool(xml: str) -> None:
    with pytest.raises(ValueError, match="not the XML of a libvirt pool"):
        import_pool(xml, RENDERER)


def test_a_pool_of_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="no pool can be made of it"):
        import_pool(pool("tape", ""), RENDERER)
