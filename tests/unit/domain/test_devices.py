"""Disks, interfaces and displays: manifest → libvirt's XML → canonical data, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec import resources
from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit
from kvmspec.canon.read import read
from kvmspec.canon.rng import SCHEMA_DIR, errors
from kvmspec.core.action import Tune, from_data, to_data
from kvmspec.core.address import Address
from kvmspec.core.impact import Impact
from kvmspec.core.live import Call
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import edits, fields, plugging, render
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.keys import disk_keys
from kvmspec.kinds.domain.limits import ELEMENTS, excluded
from kvmspec.kinds.domain.sources import Source
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap

MAC = "52:54:00:00:00:01"
RUNNING = Guest({"vcpu": {"#": 1}})


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(resources.folder("templates"))


def keys_of(spec: VmSpec) -> KeyMap:
    targets = {key: f"vd{letter}" for key, letter in zip(disk_keys(spec.disks), "abcdef", strict=False)}
    macs = {key: f"52:54:00:00:00:0{number}" for number, key in enumerate(nic_keys(spec.networks), 1)}
    return KeyMap(targets, macs)


def vm(**fields: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "64MiB", "accel": "tcg"} | fields)


def xml_of(renderer: Renderer, spec: VmSpec, *, created: bool = False) -> str:
    sources = tuple(Source("/srv/a.raw", "raw") for _ in spec.disks)
    keys = keys_of(spec)
    if created:
        uuid = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
        return render.created(renderer, "web", uuid, spec, sources, keys, HostFacts())
    return render.stated(renderer, "web", spec, sources, keys, frozenset())


NICS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "link": ({"link": "down"}, {"link": {"@state": "down"}}),
    "filter": ({"filter": "clean-traffic"}, {"filterref": {"@filter": "clean-traffic"}}),
    "parameters, in libvirt's order": (
        {"filter": {"name": "f", "parameters": {"IP": ["10.0.0.2", "10.0.0.1"], "CTRL_IP_LEARNING": "none"}}},
        {
            "filterref": {
                "@filter": "f",
                "parameter": [
                    {"@name": "CTRL_IP_LEARNING", "@value": "none"},
                    {"@name": "IP", "@value": "10.0.0.2"},
                    {"@name": "IP", "@value": "10.0.0.1"},
                ],
            }
        },
    ),
    "bandwidth in kB, a burst in KiB": (
        {"bandwidth": {"inbound": {"average": "100MB", "peak": "200MB", "burst": "2MiB", "floor": "1MB"}}},
        {
            "bandwidth": {
                "inbound": {"@average": "100000", "@peak": "200000", "@burst": "2048", "@floor": "1000"}
            }
        },
    ),
    "a VLAN": ({"vlan": 42}, {"vlan": {"tag": [{"@id": "42"}]}}),
    "VLANs": (
        {"vlan": {"trunk": [10, 20], "native": 10}},
        {"vlan": {"@trunk": "yes", "tag": [{"@id": "10", "@nativeMode": "untagged"}, {"@id": "20"}]}},
    ),
    "a virtual port": (
        {"virtualport": {"type": "openvswitch", "profile": "web"}},
        {"virtualport": {"@type": "openvswitch", "parameters": {"@profileid": "web"}}},
    ),
    "the card": (
        {"mtu": 9000, "queues": 4, "driver": "vhost", "tap": "web-front"},
        {
            "mtu": {"@size": "9000"},
            "driver": {"@name": "vhost", "@queues": "4"},
            "target": {"@dev": "web-front"},
        },
    ),
    "isolated": ({"isolated": True}, {"port": {"@isolated": "yes"}}),
    "not isolated is said by nothing": ({"isolated": False}, {}),
    "coalesce": ({"coalesce": {"rx_frames": 32}}, {"coalesce": {"rx": {"frames": {"@max": "32"}}}}),
    "its place": ({"boot_order": 2}, {"boot": {"@order": "2"}}),
    "a portgroup": ({"portgroup": "fast"}, {"source": {"@network": "front", "@portgroup": "fast"}}),
}


@pytest.mark.parametrize("case", NICS)
def test_an_interface(renderer: Renderer, case: str) -> None:
    stated, expected = NICS[case]
    found = read(xml_of(renderer, vm(networks=[{"network": "front"} | stated])))["devices"]["interface"][MAC]
    plain = {"@type": "network", "mac": {"@address": MAC}, "source": {"@network": "front"}}
    assert found == plain | expected


def test_an_interface_of_the_host(renderer: Renderer) -> None:
    spec = vm(networks=[{"macvtap": "eno2"}, {"macvtap": {"dev": "eno3", "mode": "bridge"}}])
    assert nic_keys(spec.networks) == ["eno2", "eno3"]
    nics = read(xml_of(renderer, spec))["devices"]["interface"].values()
    assert [(nic["@type"], nic["source"]) for nic in nics] == [
        ("direct", {"@dev": "eno2"}),
        ("direct", {"@dev": "eno3", "@mode": "bridge"}),
    ]


DISKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "operations": ({"iops": 500}, {"iotune": {"total_iops_sec": {"#": "500"}}}),
    "reads, writes, bursts": (
        {
            "iops": {"read": 100, "read_max": 200, "read_max_length": "5s", "operation_size": "4KiB"},
            "bandwidth": {"write": "10MB"},
        },
        {
            "iotune": {
                "read_iops_sec": {"#": "100"},
                "read_iops_sec_max": {"#": "200"},
                "read_iops_sec_max_length": {"#": "5"},
                "size_iops_sec": {"#": "4096"},
                "write_bytes_sec": {"#": "10000000"},
            }
        },
    ),
    "bursts of both kinds, in an order that the schema's checker takes": (
        {
            "iops": {"total": 3, "total_max": 4, "total_max_length": "2s"},
            "bandwidth": {"total": "1KB", "total_max": "2KB", "total_max_length": "3s"},
            "iotune_group": "slow",
        },
        {
            "iotune": {
                **{
                    name: {"#": value}
                    for name, value in (("total_iops_sec", "3"), ("total_iops_sec_max", "4"))
                },
                **{
                    name: {"#": value}
                    for name, value in (("total_bytes_sec", "1000"), ("group_name", "slow"))
                },
                "total_bytes_sec_max": {"#": "2000"},
                "total_iops_sec_max_length": {"#": "2"},
                "total_bytes_sec_max_length": {"#": "3"},
            }
        },
    ),
    "what libvirt's driver is told": (
        {"iothread": 2, "queues": 4, "detect_zeroes": "unmap", "error_policy": "stop", "cache": "none"},
        {
            "driver": {
                "@iothread": "2",
                "@queues": "4",
                "@detect_zeroes": "unmap",
                "@error_policy": "stop",
                "@cache": "none",
            }
        },
    ),
    "names and places": (
        {"serial": "WD 4711", "boot_order": 1, "readonly": True, "shareable": True},
        {"serial": {"#": "WD 4711"}, "boot": {"@order": "1"}, "readonly": {}, "shareable": {}},
    ),
    "not read-only is said by nothing": ({"readonly": False, "shareable": False}, {}),
    "an SSD": (
        {"bus": "scsi", "wwn": "5000c50015ea71ad", "rotation_rate": 1},
        {
            "wwn": {"#": "5000c50015ea71ad"},
            "target": {"@dev": "vda", "@bus": "scsi", "@rotation_rate": "1"},
        },
    ),
    "a stick": (
        {"bus": "usb", "removable": False},
        {"target": {"@dev": "vda", "@bus": "usb", "@removable": "off"}},
    ),
}


@pytest.mark.parametrize("case", DISKS)
def test_a_disk(renderer: Renderer, case: str) -> None:
    stated, expected = DISKS[case]
    found = read(xml_of(renderer, vm(disks=[{"path": "/srv/a.raw"} | stated])))["devices"]["disk"]["vda"]
    plain = {"@type": "file", "@device": "disk", "source": {"@file": "/srv/a.raw"}, "target": {"@dev": "vda"}}
    assert found == plain | expected


def test_a_cd_that_may_be_missing(renderer: Renderer) -> None:
    spec = vm(disks=[{"cdrom": "/srv/a.iso", "startup_policy": "optional"}])
    disk = read(xml_of(renderer, spec))["devices"]["disk"]["vda"]
    assert disk["source"] == {"@file": "/srv/a.raw", "@startupPolicy": "optional"}


DISPLAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "spice": ({"type": "spice", "tls_port": 5902}, {"@tlsPort": "5902", "@autoport": "no"}),
    "vnc": (
        {"type": "vnc", "keymap": "de", "share_policy": "ignore", "autoport": True},
        {"@keymap": "de", "@sharePolicy": "ignore", "@autoport": "yes"},
    ),
    "a password that ends": (
        {"type": "spice", "password": "a longer one", "password_valid_to": "2030-01-31T12:00:00"},
        {"@passwd": "a longer one", "@passwdValidTo": "2030-01-31T12:00:00"},
    ),
    "a port": (
        {"type": "vnc", "port": 5901, "autoport": False},
        {"@port": "5901", "@autoport": "no"},
    ),
}


@pytest.mark.parametrize("case", DISPLAYS)
def test_a_display(renderer: Renderer, case: str) -> None:
    stated, expected = DISPLAYS[case]
    found = read(xml_of(renderer, vm(graphics=[stated])))["devices"]["graphics"]
    assert found == {stated["type"]: {"@type": stated["type"]} | expected}


@pytest.mark.skipif(not SCHEMA_DIR.exists(), reason="libvirt's schemas are not installed")
@pytest.mark.parametrize("group", ["networks", "disks", "graphics"])
def test_libvirts_schema_knows_all_of_it(renderer: Renderer, group: str) -> None:
    cases = {"networks": NICS, "disks": DISKS, "graphics": DISPLAYS}[group]
    base = {"networks": {"network": "front"}, "disks": {"path": "/srv/a.raw"}, "graphics": {}}[group]
    for stated, _ in cases.values():
        assert errors(xml_of(renderer, vm(**{group: [base | stated]}), created=True)) == []


# --- what is refused
NIC_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "nowhere": ({}, "exactly one of `network`, `bridge`"),
    "in two places": ({"bridge": "br0", "macvtap": "eno2"}, "exactly one"),
    "a portgroup of a bridge": ({"bridge": "br0", "portgroup": "a"}, "`portgroup` goes with `network` only"),
    "a floor on a bridge": (
        {"bridge": "br0", "bandwidth": {"inbound": {"average": "1MB", "floor": "1MB"}}},
        "`bandwidth.inbound.floor` goes with `network` only",
    ),
    "an odd rate": ({"network": "a", "bandwidth": {"outbound": {"average": "1500B"}}}, "whole kilobytes"),
    "a peak without an average": (
        {"network": "a", "bandwidth": {"inbound": {"floor": "1MB", "peak": "2MB"}}},
        "`average` is required",
    ),
    "a VLAN said twice": ({"network": "a", "vlan": {"tag": 1, "trunk": [2]}}, "either `tag` or `trunk`"),
    "a native VLAN of no trunk": (
        {"network": "a", "vlan": {"trunk": [2], "native": 3}},
        "none of the VLANs",
    ),
    "a name that libvirt draws": ({"network": "a", "tap": "vnet3"}, "drawn by libvirt"),
    "a long name": ({"network": "a", "tap": "a" * 16}, "at most 15 characters"),
    "queues of an e1000": ({"network": "a", "model": "e1000", "queues": 2}, "`model: virtio` only"),
    "a parameter with a space": (
        {"network": "a", "filter": {"name": "f", "parameters": {"IP": "a b"}}},
        "a filter's parameter",
    ),
    "a parameter without a value": (
        {"network": "a", "filter": {"name": "f", "parameters": {"IP": []}}},
        "a filter's parameter",
    ),
    "isolated from a switch of others": ({"macvtap": "eno1", "isolated": True}, "`isolated` goes with"),
}
DISK_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "total and read": ({"iops": {"total": 1, "read": 1}}, "either `total`, or `read` and `write`"),
    "no limit": ({"iops": {"operation_size": "4KiB"}}, "give `total`"),
    "a burst below": ({"iops": {"read": 9, "read_max": 8}}, "`read_max` goes with a `read`"),
    "a burst of nothing": ({"bandwidth": {"total_max": "1MB"}}, "`total_max` goes with a `total`"),
    "a length without a burst": ({"iops": {"total": 1, "total_max_length": "1s"}}, "goes with `total_max`"),
    "a bare number of bytes": ({"bandwidth": {"total": 100}}, "a size needs a unit"),
    "a WWN on virtio": ({"wwn": "5000c50015ea71ad"}, "on virtio"),
    "an I/O thread on sata": ({"bus": "sata", "iothread": 1}, "`iothread` goes with the bus virtio only"),
    "a rotation rate of none": ({"bus": "scsi", "rotation_rate": 7}, "1 for an SSD, or 1025"),
    "a disk that may be missing at migration": ({"startup_policy": "requisite"}, "goes with a drive only"),
}
DISPLAY_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a long vnc password": ({"type": "vnc", "password": "ninechars"}, "at most 8 characters"),
    "a very long spice password": ({"type": "spice", "password": "x" * 61}, "at most 60 characters"),
    "vnc over TLS": ({"type": "vnc", "tls_port": 5901}, "`tls_port` goes with `type: spice` only"),
    "a policy of spice": ({"type": "spice", "share_policy": "ignore"}, "`type: vnc` only"),
    "an end of no password": (
        {"type": "vnc", "password_valid_to": "2030-01-01T00:00:00"},
        "goes with `password`",
    ),
    "any port, and this one": ({"type": "vnc", "autoport": True, "port": 5901}, "either `autoport: true`"),
    "no port at all": ({"type": "vnc", "autoport": False}, "needs a `port`"),
}
FAULTS = {
    **{("networks", case): fault for case, fault in NIC_FAULTS.items()},
    **{
        ("disks", case): ({"path": "/srv/a.raw"} | stated, words)
        for case, (stated, words) in DISK_FAULTS.items()
    },
    **{("graphics", case): fault for case, fault in DISPLAY_FAULTS.items()},
}


@pytest.mark.parametrize("group_and_case", FAULTS, ids=" ".join)
def test_what_cannot_be(group_and_case: tuple[str, str]) -> None:
    stated, words = FAULTS[group_and_case]
    with pytest.raises(ValidationError) as error:
        vm(**{group_and_case[0]: [stated]})
    assert words in str(error.value)


ORDERS = {
    "one place twice": (
        {
            "disks": [{"path": "/srv/a.raw", "boot_order": 1}],
            "networks": [{"network": "a", "boot_order": 1}],
        },
        "the same `boot_order`",
    ),
    "two ways": (
        {"disks": [{"path": "/srv/a.raw", "boot_order": 1}], "boot": ["disk"]},
        "exclude each other",
    ),
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_order_is_said_once(case: str) -> None:
    stated, words = ORDERS[case]
    with pytest.raises(ValidationError, match=words):
        vm(**stated)


# --- what it costs
TABLE: dict[tuple[str, ...], tuple[str, Impact]] = {
    ("interface", MAC, "link", "@state"): ("networks.{0}.link", Impact.LIVE),
    ("interface", MAC, "filterref"): ("networks.{0}.filter", Impact.LIVE),
    ("interface", MAC, "filterref", "parameter"): ("networks.{0}.filter.parameters", Impact.LIVE),
    ("interface", MAC, "bandwidth", "inbound", "@peak"): ("networks.{0}.bandwidth.inbound.peak", Impact.LIVE),
    ("interface", MAC, "bandwidth"): ("networks.{0}.bandwidth", Impact.LIVE),
    ("interface", MAC, "source", "@portgroup"): ("networks.{0}.portgroup", Impact.RESTART),
    ("interface", MAC, "source", "@dev"): ("networks.{0}.macvtap", Impact.RESTART),
    ("interface", MAC, "vlan", "tag"): ("networks.{0}.vlan", Impact.RESTART),
    ("interface", MAC, "driver", "@queues"): ("networks.{0}.queues", Impact.RESTART),
    ("disk", "vda", "iotune", "total_iops_sec"): ("disks.{0}.iops.total", Impact.LIVE),
    ("disk", "vda", "iotune", "read_bytes_sec_max_length"): (
        "disks.{0}.bandwidth.read_max_length",
        Impact.LIVE,
    ),
    ("disk", "vda", "source", "@startupPolicy"): ("disks.{0}.startup_policy", Impact.LIVE),
    ("disk", "vda", "source", "@file"): ("disks.{0}.source", Impact.REPLACE),
    ("disk", "vda", "serial", "#"): ("disks.{0}.serial", Impact.RESTART),
    ("graphics", "spice", "@passwdValidTo"): ("graphics.{0}.password_valid_to", Impact.LIVE),
    ("graphics", "spice", "@tlsPort"): ("graphics.{0}.tls_port", Impact.RESTART),
}


@pytest.mark.parametrize("path", TABLE, ids="/".join)
def test_the_table(path: tuple[str, ...]) -> None:
    row, unit = fields.lookup(("devices", *path))
    manifest, impact = TABLE[path]
    assert fields.manifest_path(row, unit, KeyMap()) == manifest.format(path[1])
    assert row.rule("a", "b", RUNNING).impact is impact


@pytest.mark.parametrize(
    ("before", "after", "impact"),
    [
        ("network", "bridge", Impact.LIVE),
        ("bridge", "network", Impact.LIVE),
        ("direct", "bridge", Impact.RESTART),
        ("network", "direct", Impact.RESTART),
    ],
)
def test_a_cable_moves_between_networks_and_bridges_only(before: str, after: str, impact: Impact) -> None:
    row, _ = fields.lookup(("devices", "interface", MAC, "@type"))
    assert row.rule(before, after, RUNNING).impact is impact


def test_a_device_with_a_place_in_the_order_comes_at_the_next_boot() -> None:
    row, _ = fields.lookup(("devices", "disk", "vdb"))
    disk = {"target": {"@dev": "vdb", "@bus": "virtio"}}
    guest = Guest({"vcpu": {"#": 1}, "features": {"acpi": {}}})
    assert row.rule(None, disk, guest).impact is Impact.LIVE
    verdict = row.rule(None, disk | {"boot": {"@order": "1"}}, guest)
    assert verdict.impact is Impact.RESTART and "boot_order" in verdict.avoid
    assert row.rule(disk | {"boot": {"@order": "1"}}, None, guest).impact is Impact.LIVE


def test_what_is_shown_of_elements() -> None:
    def shown(*path: str, value: Any) -> Any:
        return fields.lookup(("devices", "interface", MAC, *path))[0].show(value)

    parameter = {"@name": "IP", "@value": "10.0.0.1"}
    assert shown("filterref", value={"@filter": "f", "parameter": [parameter]}) == "f (IP=10.0.0.1)"
    assert shown("filterref", value={"@filter": "f"}) == "f"
    traffic = {"@average": "100000", "@burst": "2048"}
    assert shown("bandwidth", value={"inbound": traffic}) == "inbound 100MB (burst 2MiB)"
    assert shown("bandwidth", "inbound", value={"@floor": "1000"}) == "(floor 1MB)"
    tags = [{"@id": "10", "@nativeMode": "untagged"}, {"@id": "20"}]
    assert shown("vlan", value={"@trunk": "yes", "tag": tags}) == "10, 20 (native 10)"


# --- how definitions are edited
DEFINED = f"""<domain>
  <os><boot dev='hd'/></os>
  <devices>
    <disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/>
      <iotune><total_iops_sec>70</total_iops_sec><read_bytes_sec>9</read_bytes_sec></iotune></disk>
    <interface type='network'><mac address='{MAC}'/>
      <source network='front' portgroup='fast'/>
      <filterref filter='f'><parameter name='IP' value='1'/><parameter name='IP' value='2'/></filterref>
    </interface>
  </devices>
</domain>"""


def changed(path: tuple[str, ...], value: Any, wanted: str = "") -> dict[str, Any]:
    made = edits.writing(path, value, lambda _: wanted, read(DEFINED))
    return read(edit(DEFINED, list(made)))


def test_a_list_is_written_whole() -> None:
    path = ("devices", "interface", MAC, "filterref", "parameter")
    value = [{"@name": "IP", "@value": "3"}]
    assert changed(path, value)["devices"]["interface"][MAC]["filterref"]["parameter"] == value


@pytest.mark.parametrize(
    ("leaf", "value", "wanted"),
    [
        ("@network", "back", {"network": "back"}),
        ("@network", "back", {"network": "back", "portgroup": "slow"}),
        ("@portgroup", "slow", {"network": "front", "portgroup": "slow"}),
        ("@bridge", "br0", {"bridge": "br0"}),
        ("@dev", "eno1", {"dev": "eno1", "mode": "vepa"}),
    ],
)
def test_an_interface_is_in_one_place(leaf: str, value: str, wanted: dict[str, str]) -> None:
    source = " ".join(f'{name}="{text}"' for name, text in wanted.items())
    path = ("devices", "interface", MAC, "source", leaf)
    found = changed(path, value, f"<interface><source {source}/></interface>")
    assert found["devices"]["interface"][MAC]["source"].keys() <= {f"@{name}" for name in wanted}


def test_limits_that_libvirt_refuses_beside_another_go() -> None:
    found = changed(
        ("devices", "disk", "vda", "iotune", "read_iops_sec"), {"#": "5"}, "<read_iops_sec>5</read_iops_sec>"
    )
    assert found["devices"]["disk"]["vda"]["iotune"].keys() == {"read_iops_sec", "read_bytes_sec"}


def test_places_of_devices_and_kinds_of_devices_exclude_each_other() -> None:
    path = ("devices", "disk", "vda", "boot")
    found = changed(path, {"@order": "1"}, "<boot order='1'/>")
    assert "boot" not in found["os"] and found["devices"]["disk"]["vda"]["boot"] == {"@order": "1"}


def test_every_limit_has_its_name_and_what_it_excludes() -> None:
    names = dict(ELEMENTS)
    assert len(names) == 19
    assert names["bandwidth.total"] == "total_bytes_sec"
    assert "read_bytes_sec_max" in excluded("total_bytes_sec")
    assert excluded("write_iops_sec") == {"total_iops_sec", "total_iops_sec_max", "total_iops_sec_max_length"}
    assert not excluded("size_iops_sec")


def test_a_tuning_survives_a_saved_plan() -> None:
    action = Tune(Address("hv1", "vm", "web"), Call.BLOCK_TUNE, "vda", (("total_iops_sec", 5),))
    assert from_data(to_data(action)) == action


@pytest.mark.parametrize(
    ("shown", "kind"),
    [
        (
            "<interface type='bridge'><mac address='a'/><source network='lan' bridge='br0'/></interface>",
            "network",
        ),
        ("<interface type='bridge'><mac address='a'/><source bridge='br0'/></interface>", "bridge"),
        ("<interface type='network'><source network='lan'/></interface>", "network"),
        ("<disk type='file'><source file='/a'/></disk>", "file"),
    ],
)
def test_an_interface_goes_back_to_libvirt_as_one_of_its_network(shown: str, kind: str) -> None:
    assert f"type='{kind}'" in plugging.as_stated(shown)
