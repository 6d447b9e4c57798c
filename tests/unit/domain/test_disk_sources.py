"""Disks of every source, and all that libvirt knows of a disk: manifest → XML, XML → manifest, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from kvmspec import pipeline, resources
from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.identities import data_of
from kvmspec.canon.read import read
from kvmspec.canon.rng import SCHEMA_DIR, errors
from kvmspec.core.action import Edit
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import edits, fields, render
from kvmspec.kinds.domain.keys import allocate, disk_keys
from kvmspec.kinds.domain.preset import completed
from kvmspec.kinds.domain.sources import outside
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from tests.unit.domain.disk_cases import ALL, CASES, FILE, RBD, UUID, source
from tests.unit.domain.test_importing import domain, imported, meaning


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(resources.folder("templates"))


def vm(*disks: dict[str, Any]) -> VmSpec:
    return VmSpec.model_validate({"memory": "64MiB", "accel": "tcg", "preset": "bare", "disks": list(disks)})


def made(renderer: Renderer, disk: dict[str, Any]) -> str:
    """The XML of a new VM with that disk."""
    spec = vm(disk)
    found = tuple(outside(one) for one in spec.disks)
    sources = tuple(one for one in found if one is not None)
    keys = allocate("", "web", spec, None, {}, [one.identity for one in sources])
    return render.created(renderer, "web", UUID, spec, sources, keys, HostFacts())


def the_disk(xml: str) -> Any:
    return next(iter(meaning(xml)["devices"]["disk"].values()))


@pytest.mark.parametrize("case", ALL)
def test_what_is_stated_is_rendered(renderer: Renderer, case: str) -> None:
    stated, xml = ALL[case]
    assert the_disk(made(renderer, stated)) == the_disk(domain(xml))


@pytest.mark.skipif(not SCHEMA_DIR.exists(), reason="libvirt's schemas are not installed")
@pytest.mark.parametrize("case", CASES)
def test_libvirts_schema_knows_all_of_it(renderer: Renderer, case: str) -> None:
    assert errors(made(renderer, CASES[case][0])) == []


@pytest.mark.parametrize("case", ALL)
def test_what_is_there_is_stated_again(case: str, tmp_path: Path) -> None:
    stated, xml = ALL[case]
    whole = domain(xml)
    entry = imported(whole.replace("<boot dev='hd'/>", "") if "<boot order" in xml else whole, tmp_path)
    assert "disk" not in entry.get("xml", "")
    assert dumped(entry["disks"]) == dumped([stated])


def dumped(disks: list[dict[str, Any]]) -> Any:
    """Short and long forms alike."""
    spec = vm(*(disk for disk in disks))
    return [disk.model_dump(mode="json", exclude_defaults=True) for disk in spec.disks]


def test_disks_with_one_file_are_two(tmp_path: Path) -> None:
    shared = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/a'/>{}<shareable/></disk>"
    both = "".join(shared.format(f"<target dev='vd{n}' bus='virtio'/>") for n in "ab")
    assert imported(domain(both), tmp_path)["disks"] == [{"path": "/a", "shareable": True}] * 2


def test_cookies_become_secret_variables(tmp_path: Path) -> None:
    file = tmp_path / "web.xml"
    cookies = "<cookies><cookie name='a'>tell-nobody</cookie><cookie name='b-c'>nor-this</cookie></cookies>"
    disk = (
        "<disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='http' name='a'>"
        f"<host name='b' port='80'/>{cookies}</source><target dev='vda' bus='virtio'/></disk>"
    )
    file.write_text(domain(disk))
    found = pipeline.imported_files([file], "shop").text
    manifest = yaml.safe_load(found)
    assert "tell-nobody" not in found and "nor-this" not in found
    assert {name: one["secret"] for name, one in manifest["variables"].items()} == {
        "web_cookie_a": True,
        "web_cookie_b_c": True,
    }
    assert manifest["vms"]["web"]["disks"][0]["source"]["cookies"] == {
        "a": "${web_cookie_a}",
        "b-c": "${web_cookie_b_c}",
    }


# --- what a disk is known by
@pytest.mark.parametrize("case", ALL)
def test_a_manifest_and_libvirt_know_the_data_by_the_same(renderer: Renderer, case: str) -> None:
    (disk,) = vm(ALL[case][0]).disks
    found = outside(disk)
    assert found is not None
    assert found.identity == data_of(the_disk(made(renderer, ALL[case][0])).get("source", {}))


def test_keys_of_disks_from_elsewhere() -> None:
    disks = vm(source(**RBD), source(**RBD, snapshot="a"), {"floppy": "empty"}, {"cdrom": "empty"}).disks
    assert disk_keys(disks) == ["rbd:vms/web", "rbd:vms/web#2", "floppy", "cdrom"]


def test_a_vm_that_is_adopted_is_recognised_by_its_sources() -> None:
    spec = vm(source(**RBD), source(nvme="01:00.0", namespace=2))
    nvme = {
        "@type": "pci",
        "@namespace": "2",
        "address": {"@bus": "0x01", "@slot": "0x00", "@function": "0x0"},
    }
    live = {
        "vda": {"source": nvme},
        "vdb": {"source": {"@protocol": "rbd", "@name": "vms/web", "host": [{"@name": "a"}]}},
    }
    known = [found.identity for disk in spec.disks if (found := outside(disk))]
    keys = allocate("", "web", spec, None, {"disk": live}, known)
    assert keys.disks == {"rbd:vms/web": "vdb", "nvme:0000:01:00.0/2": "vda"}


# --- what is refused
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "two places": (source(file="/a", protocol="rbd", name="b"), "exactly one of `file`"),
    "no place": (source(slice={"size": "1MiB"}), "exactly one of `file`"),
    "a server without a name": (source(protocol="iscsi", hosts=["a"]), "`protocol: iscsi` needs a `name`"),
    "a name without a server": (source(protocol="http", name="a"), "`protocol: http` needs `hosts`"),
    "hosts of a file": (source(file="/a", hosts=["a"]), "`name` and `hosts` go with `protocol` only"),
    "a snapshot of nbd": (source(protocol="nbd", hosts=["a"], snapshot="b"), "`snapshot` goes with rbd only"),
    "a volume of no pool": (source(file="/a", volume="b"), "`volume` goes with pool only"),
    "a pool of no volume": (source(pool="a"), "needs the name of its `volume`"),
    "a drive without a namespace": (source(nvme="01:00.0"), "needs the number of its `namespace`"),
    "a host with a socket": (
        source(**RBD, hosts=[{"name": "a", "socket": "/b"}]),
        "either a `name` or a `socket`",
    ),
    "a helper of libvirt's with a socket": (
        source(block="/dev/a", reservations={"managed": True, "path": "/b"}),
        "`path` is the helper's socket",
    ),
    "a kind of what is one": ({"cdrom": "empty", "device": "lun"}, "`device` goes with `path`"),
    "commands to a disk": (FILE | {"rawio": True}, "go with `device: lun` only"),
    "a tray of a disk": (FILE | {"tray": "open"}, "goes with a drive only"),
    "a disk on the bus of floppies": (FILE | {"bus": "fdc"}, "floppy drives only"),
    "sharing what stays": (FILE | {"share_backing": True}, "goes with `transient: true` only"),
    "a vendor on virtio": (FILE | {"vendor": "A"}, "`vendor` goes with the bus scsi only"),
    "an old format of its own": (
        {"name": "a", "size": "1GiB", "format": "vmdk"},
        "has the format qcow2 or raw",
    ),
    "a server's file that may be missing": (
        source(**RBD) | {"startup_policy": "optional"},
        "not of a server's",
    ),
    "a layer in the middle that goes on": (
        FILE | {"backing_store": [{"path": "/a", "detect_below": True}, "/b"]},
        "only the last of `backing_store`",
    ),
    "a layer nowhere": (FILE | {"backing_store": [{"format": "raw"}]}, "either a `path` or a `source`"),
    "no size of blocks": (FILE | {"blockio": {}}, "give `logical_block_size`"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_cannot_be(case: str) -> None:
    stated, words = FAULTS[case]
    with pytest.raises(ValidationError) as error:
        vm(stated)
    assert words in str(error.value)


# --- how it changes
DISK = ("devices", "disk", "vda")
TABLE: dict[tuple[str, ...], str] = {
    ("driver", "@event_idx"): "disks.a.event_idx",
    ("driver", "metadata_cache", "max_size"): "disks.a.metadata_cache",
    ("geometry", "@cyls"): "disks.a.geometry",
    ("source", "@protocol"): "disks.a.source",
    ("source", "host"): "disks.a.source.hosts",
    ("source", "auth", "secret", "@usage"): "disks.a.source.auth",
    ("source", "@tlsHostname"): "disks.a.source.tls_hostname",
    ("backingStore", "backingStore", "source", "@file"): "disks.a.backing_store",
    ("encryption", "secret", "@uuid"): "disks.a.encryption",
}


@pytest.mark.parametrize("path", TABLE, ids="/".join)
def test_each_has_its_row(path: tuple[str, ...]) -> None:
    row, unit = fields.lookup((*DISK, *path))
    assert fields.manifest_path(row, unit, KeyMap({"a": "vda"}, {})) == TABLE[path]


ANEW: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a secret": (("source", "auth", "secret", "@usage"), ("source", "auth")),
    "a layer": (("backingStore", "source", "@file"), ("backingStore",)),
    "another server": (("source", "@protocol"), ("source",)),
}


@pytest.mark.parametrize("case", ANEW)
def test_what_belongs_together_is_written_anew(case: str) -> None:
    changed, whole = ANEW[case]
    found = list(edits.writing((*DISK, *changed), "a", lambda path: "<new/>", read("<domain/>")))
    assert found[:2] == [Edit("remove", (*DISK, *whole)), Edit("add", (*DISK, *whole), "<new/>")]


@pytest.mark.parametrize(
    "device",
    [("redirdev", "tcp:a"), ("smartcard", "passthrough"), ("rng", "virtio:egd", "backend")],
    ids="/".join,
)
@pytest.mark.parametrize("wanted", ["<source/>", "<source><reconnect/></source>"])
def test_who_waits_on_a_line_does_not_connect_again(device: tuple[str, ...], wanted: str) -> None:
    source = ("devices", *device, "source")
    found = list(edits.writing((*source, "@mode"), "bind", lambda path: wanted, read("<domain/>")))
    again = [] if "reconnect" in wanted else [Edit("remove", (*source, "reconnect"))]
    assert found == [Edit("set", (*source, "@mode"), "bind"), *again]


def test_discard_is_not_asked_of_who_serves_by_vhost_user() -> None:
    spec = vm({"name": "a", "source": {"vhostuser": "/run/a.sock"}}, FILE).model_copy(
        update={"preset": "standard"}
    )
    assert [disk.discard for disk in completed(spec, HostFacts()).disks] == [None, "unmap"]
