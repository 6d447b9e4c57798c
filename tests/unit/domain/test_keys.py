"""Names that do not move."""

from typing import Any

import pytest

from kvmspec.kinds.domain.keys import allocate, disk_keys, letters
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.nics import nic_keys
from kvmspec.kinds.records import KeyMap


def vm(disks: list[Any] | None = None, networks: list[Any] | None = None) -> VmSpec:
    return VmSpec.model_validate({"memory": "64MiB", "disks": disks or [], "networks": networks or []})


def allocated(spec: VmSpec, known: KeyMap | None = None, live: dict[str, Any] | None = None) -> KeyMap:
    sources = [disk.path or f"/pool/{disk.name}" for disk in spec.disks]
    return allocate("shop", "web", spec, known, live or {}, sources)


KEYS = {
    "a name": ([{"name": "root", "size": "1GiB"}], ["root"]),
    "a path": ([{"path": "/srv/a.raw"}], ["/srv/a.raw"]),
    "a volume": ([{"volume": "data", "pool": "p"}], ["data"]),
    "CD-ROMs are counted": ([{"cdrom": "/a.iso"}, {"cdrom": "empty"}], ["cdrom", "cdrom#2"]),
}


@pytest.mark.parametrize("case", KEYS, ids=str)
def test_disk_keys(case: str) -> None:
    disks, keys = KEYS[case]
    assert disk_keys(vm(disks).disks) == keys


def test_nic_keys() -> None:
    nics = vm(networks=["front", "front", {"bridge": "br0"}, {"name": "mgmt", "network": "front"}]).networks
    assert nic_keys(nics) == ["front", "front#2", "br0", "mgmt"]


def test_first_allocation_follows_the_list() -> None:
    spec = vm([{"name": "b", "size": "1GiB"}, {"name": "a", "size": "1GiB"}, {"cdrom": "empty"}])
    assert allocated(spec).disks == {"b": "vda", "a": "vdb", "cdrom": "sda"}


def test_a_disk_inserted_above_moves_nothing() -> None:
    before = vm([{"name": "root", "size": "1GiB"}, {"name": "data", "size": "1GiB"}])
    keys = allocated(before)
    live = {"disk": {"vda": {}, "vdb": {}}}
    after = vm(
        [{"name": "new", "size": "1GiB"}, {"name": "root", "size": "1GiB"}, {"name": "data", "size": "1GiB"}]
    )
    assert allocated(after, keys, live).disks == {"new": "vdc", "root": "vda", "data": "vdb"}


def test_a_target_of_a_foreign_device_is_not_taken() -> None:
    spec = vm([{"name": "root", "size": "1GiB"}, {"name": "data", "size": "1GiB"}])
    live = {"disk": {"vda": {}, "vdb": {"source": {"@file": "/foreign"}}}}
    assert allocated(spec, KeyMap({"root": "vda"}), live).disks == {"root": "vda", "data": "vdc"}


def test_devices_of_an_adopted_vm_are_recognised() -> None:
    spec = vm(
        [{"name": "root", "path": "/old/root.img"}, {"cdrom": "empty"}],
        ["lan", {"bridge": "br0"}, {"network": "lan", "mac": "52:54:00:00:00:09"}],
    )
    live = {
        "disk": {
            "hda": {"source": {"@file": "/old/root.img"}, "@device": "disk"},
            "hdb": {"@device": "cdrom"},
        },
        "interface": {
            "52:54:00:00:00:01": {"source": {"@bridge": "br0"}},
            "52:54:00:00:00:09": {"source": {"@network": "lan"}},
            "52:54:00:00:00:02": {"source": {"@network": "lan"}},
        },
    }
    sources = ["/old/root.img", None]
    keys = allocate("shop", "web", spec, None, live, sources)
    assert keys.disks == {"root": "hda", "cdrom": "hdb"}
    assert keys.networks["br0"] == "52:54:00:00:00:01"
    assert set(keys.networks.values()) == set(live["interface"])


def test_a_given_mac_is_kept_for_the_device_that_has_it() -> None:
    spec = vm(networks=["lan", {"network": "lan", "mac": "52:54:00:00:00:09"}])
    live = {"interface": {"52:54:00:00:00:09": {"source": {"@network": "lan"}}}}
    keys = allocated(spec, live=live)
    assert keys.networks["lan#2"] == "52:54:00:00:00:09"
    assert keys.networks["lan"] != "52:54:00:00:00:09"


def test_macs_are_derived_and_distinct() -> None:
    keys = allocated(vm(networks=["front", "front"])).networks
    assert keys == allocated(vm(networks=["front", "front"])).networks
    assert len(set(keys.values())) == 2
    assert all(mac.startswith("52:54:") for mac in keys.values())


def test_letters() -> None:
    assert [letters(n) for n in (0, 25, 26, 27, 701, 702)] == ["a", "z", "aa", "ab", "zz", "aaa"]
