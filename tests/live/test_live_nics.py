"""Interfaces change while the guest runs: each row of the field table that says so, and the host's side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.live.matrix import MAC, Row, booted, devices, prove
from tests.live.scene import Scene, guest_vm
from tests.support.guest import TinyGuest, domain_id, wait_for, wait_for_lease

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

SOURCE = devices("interface/source", "network", "bridge", "portgroup")
PLACE = {"network", "bridge", "macvtap", "portgroup"}


def put(**fields: Any) -> Any:
    """Fields of the only interface."""
    return lambda vm: vm["networks"][0].update(fields)


def without(*names: str) -> Any:
    def change(vm: dict[str, Any]) -> None:
        for name in names:
            del vm["networks"][0][name]

    return change


def plugged_into(**source: str) -> Any:
    """Another place for the cable."""

    def change(vm: dict[str, Any]) -> None:
        nic = vm["networks"][0]
        vm["networks"][0] = {name: value for name, value in nic.items() if name not in PLACE} | source

    return change


LINK = devices("interface/link", "state")
FILTER = devices("interface/filterref", "filter")
PARAMETERS = devices("interface/filterref/parameter", "name", "value")
CHANGES: dict[str, Row] = {
    "the cable is pulled": Row(put(link="down"), LINK),
    "and plugged in": Row(put(link="up"), LINK),
    "the cable is not spoken of": Row(without("link"), LINK, "libvirt shows up as nothing"),
    "a filter": Row(put(filter="clean-traffic"), FILTER),
    "its parameters": Row(
        put(filter={"name": "clean-traffic", "parameters": {"IP": ["10.81.0.7", "10.81.0.8"]}}), PARAMETERS
    ),
    "one parameter less": Row(
        put(filter={"name": "clean-traffic", "parameters": {"IP": "10.81.0.7"}}), PARAMETERS
    ),
    "another filter without": Row(put(filter="no-mac-spoofing"), FILTER),
    "no filter": Row(without("filter"), FILTER),
    "isolated": Row(put(isolated=True), devices("interface/port", "isolated")),
    "no longer isolated": Row(put(isolated=False), devices("interface/port", "isolated")),
    "packets gathered": Row(put(coalesce={"rx_frames": 16}), devices("interface/coalesce/rx/frames", "max")),
    "not gathered": Row(without("coalesce"), devices("interface/coalesce/rx/frames", "max")),
    "from a network to a bridge": Row(
        plugged_into(bridge="virbr-b"), devices("interface", "type"), "the same"
    ),
    "from a bridge to a network": Row(plugged_into(network="default"), devices("interface", "type")),
    "to another network and its portgroup": Row(
        plugged_into(network="back", portgroup="fast"), devices("interface/source", "network", "portgroup")
    ),
    "to a network without": Row(
        plugged_into(network="front"), devices("interface/source", "network", "portgroup")
    ),
    "to a network on a host's bridge": Row(
        plugged_into(network="lan"), devices("interface/source", "network")
    ),
    "there, the cable is pulled": Row(put(link="down"), LINK),
    "from there to the bridge itself": Row(
        plugged_into(bridge="virbr-b"),
        devices("interface", "type"),
        "the same bridge, so nothing is done live",
    ),
    "from there to a network": Row(plugged_into(network="default"), devices("interface/source", "network")),
    "and to the one on the bridge": Row(plugged_into(network="lan"), devices("interface/source", "network")),
    "plugged in at last": Row(put(link="up"), LINK, "libvirt shows up as nothing"),
    "and at home": Row(plugged_into(network="front"), devices("interface/source", "network")),
}


def master(scene: Scene) -> str:
    """The bridge that the only tap is on, as the host's kernel says."""
    tap = scene.tree("web", active=True).find("devices/interface/target")
    assert tap is not None
    told = scene.host.run(["ip", "-j", "link", "show", tap.get("dev", "")]).stdout
    return str(json.loads(told)[0].get("master"))


def answers(scene: Scene, address: str) -> bool:
    """Whether the guest answers a ping of its host."""
    return scene.host.run(["ping", "-c", "3", "-i", "0.2", "-W", "1", address], check=False).returncode == 0


BACK = (
    "<network><name>back</name><bridge name='virbr-b'/><portgroup name='fast'/>"
    "<ip address='10.82.0.1' netmask='255.255.255.0'/></network>"
)
LAN = "<network><name>lan</name><forward mode='bridge'/><bridge name='virbr-b'/></network>"


def test_interfaces_change_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    for xml in (BACK, LAN):
        scene.conn.networkDefineXML(xml).create()
    nics = [{"network": "front", "mac": MAC, "name": "main"}]
    manifest = booted(scene, tiny_guest, networks=nics, disks=[])
    prove(scene, manifest, CHANGES)


def test_the_host_has_what_is_said_of_an_interface(scene: Scene, tiny_guest: TinyGuest) -> None:
    scene.conn.networkDefineXML(BACK).create()
    nics = [{"network": "front", "mac": MAC, "name": "main"}]
    manifest = booted(scene, tiny_guest, networks=nics, disks=[])
    vm, address = manifest["vms"]["web"], wait_for_lease(scene.conn, "front", MAC)
    assert answers(scene, address)
    put(link="down")(vm)
    scene.settle(manifest)
    assert not answers(scene, address)
    put(link="up")(vm)
    scene.settle(manifest)
    assert answers(scene, address)
    plugged_into(bridge="virbr-b")(vm)
    scene.settle(manifest)
    assert master(scene) == "virbr-b"
    plugged_into(network="front")(vm)
    scene.settle(manifest)
    assert wait_for(lambda: answers(scene, address), what="an answer on the first network")  # STP learns


def test_another_portgroup_of_the_same_network_needs_a_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    scene.conn.networkDefineXML(BACK).create()
    nics = [{"network": "back", "mac": MAC, "name": "main"}]
    vm = guest_vm(tiny_guest, networks=nics, disks=[])
    manifest = scene.manifest({"web": vm})
    scene.settle(manifest)
    put(portgroup="fast")(vm)
    plan = scene.plan(manifest, expect=2)
    assert "networks.main.portgroup" in plan and "restart" in plan and "does nothing" in plan


def test_bandwidth_that_this_kernel_cannot_shape_leaves_nothing_behind(
    scene: Scene, tiny_guest: TinyGuest
) -> None:
    nics = [{"network": "front", "mac": MAC, "name": "main"}]
    manifest = booted(scene, tiny_guest, networks=nics, disks=[])
    before, number = scene.xml("web", active=True), domain_id(scene.conn, "web")
    put(bandwidth={"inbound": {"average": "1MB", "peak": "2MB", "burst": "64KiB"}})(manifest["vms"]["web"])
    assert "networks.main.bandwidth" in scene.plan(manifest, expect=2)
    answer = scene.cli("apply", "--yes")
    if answer.returncode == 0:  # a kernel that can
        scene.plan(expect=0)
        return
    assert "tc" in answer.stderr
    assert domain_id(scene.conn, "web") == number
    assert "<bandwidth>" not in scene.xml("web")
    assert devices("interface/bandwidth/inbound", "average")(scene.tree("web", active=True)) == []
    assert before.count("<interface") == scene.xml("web", active=True).count("<interface")


AT_BOOT: dict[str, Any] = {"mtu": 1400, "queues": 2, "driver": "qemu", "tap": "web-main", "boot_order": 1}


def test_what_an_interface_is_made_with_needs_a_restart(scene: Scene, tiny_guest: TinyGuest) -> None:
    nic = {"network": "front", "mac": MAC, "name": "main"}
    manifest = booted(scene, tiny_guest, networks=[nic], disks=[])
    manifest["vms"]["web"]["networks"] = [nic | AT_BOOT]
    plan = scene.plan(manifest, expect=2)
    for name in AT_BOOT:
        assert f"networks.main.{name}" in plan
    scene.apply(expect=4)
    scene.settle(manifest, "--allow", "restart")
    looks = (
        devices("interface/mtu", "size"),
        devices("interface/driver", "name", "queues"),
        devices("interface/target", "dev"),
        devices("interface/boot", "order"),
    )
    for active in (False, True):
        found = [see(scene.tree("web", active=active)) for see in looks]
        assert found == [[("1400",)], [("qemu", "2")], [("web-main",)], [("1",)]]
    manifest["vms"]["web"]["networks"] = [nic]
    scene.settle(manifest, "--allow", "restart")
    assert [see(scene.tree("web")) for see in looks[:2]] == [[], []]


def test_an_interface_of_the_host_is_shared(scene: Scene, tiny_guest: TinyGuest) -> None:
    nic = {"macvtap": {"dev": "up0", "mode": "bridge"}, "name": "main"}
    manifest = scene.manifest({"web": guest_vm(tiny_guest, networks=[nic], disks=[], state="stopped")})
    scene.settle(manifest)
    see = devices("interface/source", "dev", "mode", "network")
    assert see(scene.tree("web")) == [("up0", "bridge", None)]
    manifest["vms"]["web"]["networks"] = [{"network": "front", "name": "main"}]
    scene.settle(manifest)
    assert see(scene.tree("web")) == [(None, None, "front")]
    manifest["vms"]["web"]["networks"] = [nic]
    scene.settle(manifest)
    assert see(scene.tree("web")) == [("up0", "bridge", None)]
