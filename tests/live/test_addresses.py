"""`ip:` on interfaces: the address a guest gets, and what becomes of the running network on the way."""

from __future__ import annotations

from copy import deepcopy
from typing import Any
from xml.etree import ElementTree

import libvirt
import pytest

from tests.live.scene import Manifest, Scene, guest_vm, idle_vm
from tests.live.test_faults import converge, kill_at
from tests.support.guest import TinyGuest, domain_id, lease_of, macs_of, wait_for, wait_for_lease

pytestmark = pytest.mark.libvirtd

DHCP = {"start": "10.81.0.100", "end": "10.81.0.150", "lease": "2m"}


def on(ip: str, **more: Any) -> list[Any]:
    return [{"network": "front", "ip": ip, **more}]


def scenery(scene: Scene, dhcp: dict[str, Any] | None = None, **vms: Any) -> Manifest:
    front = {"mode": "isolated", "subnet": "10.81.0.0/24", "dhcp": DHCP if dhcp is None else dhcp}
    return scene.manifest(vms, networks={"front": front})


def reserved(scene: Scene, network: str = "front") -> dict[str, tuple[str | None, str | None]]:
    """ip → MAC and name, of the running network; its definition says the same."""
    found = []
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        xml = scene.conn.networkLookupByName(network).XMLDesc(flags)
        hosts = ElementTree.fromstring(xml).iterfind("ip/dhcp/host")
        found.append({host.get("ip", ""): (host.get("mac"), host.get("name")) for host in hosts})
    assert found[0] == found[1]
    return found[0]


def server(scene: Scene) -> tuple[str, str]:
    """What is another one after a restart of the network: the bridge with its number, and dnsmasq's pid."""
    bridge = scene.conn.networkLookupByName("front").bridgeName()
    link = scene.host.run(["ip", "-o", "link", "show", bridge]).stdout.partition(":")[0]
    return f"{bridge} {link}", scene.host.run(["cat", "/run/libvirt/network/front.pid"]).stdout


def test_the_guest_gets_it_and_the_next_plan_is_empty(scene: Scene, tiny_guest: TinyGuest) -> None:
    scene.settle(scenery(scene, {}, web=guest_vm(tiny_guest, networks=on("10.81.0.10"))))
    (mac,) = macs_of(scene.conn, "web")
    assert reserved(scene) == {"10.81.0.10": (mac, "web")}
    assert wait_for_lease(scene.conn, "front", mac) == "10.81.0.10"
    scene.plan(expect=0)


def test_vms_come_change_and_go_while_the_network_runs(scene: Scene, tiny_guest: TinyGuest) -> None:
    manifest = scenery(scene, web=guest_vm(tiny_guest, networks=on("10.81.0.10")))
    scene.settle(manifest)
    (web,) = macs_of(scene.conn, "web")
    assert wait_for_lease(scene.conn, "front", web) == "10.81.0.10"
    before, number = server(scene), domain_id(scene.conn, "web")

    manifest["vms"]["db"] = guest_vm(tiny_guest, networks=on("10.81.0.11"))
    assert "10.81.0.11 db" in scene.plan(manifest, expect=2)
    scene.settle()
    (db,) = macs_of(scene.conn, "db")
    assert reserved(scene) == {"10.81.0.10": (web, "web"), "10.81.0.11": (db, "db")}
    assert wait_for_lease(scene.conn, "front", db) == "10.81.0.11"

    manifest["vms"]["web"]["networks"] = on("10.81.0.20")
    text = scene.plan(manifest, expect=2)
    assert f"dhcp.hosts[{web}]" in text and '"10.81.0.10 web" → "10.81.0.20 web"' in text, text
    assert "vm/web keeps its address until it renews its lease, or boots again" in text
    assert "1 to change" in text
    scene.settle()
    assert reserved(scene)["10.81.0.20"] == (web, "web")
    assert wait_for(lambda: lease_of(scene.conn, "front", web) == "10.81.0.20", 30, what="it asks again")

    del manifest["vms"]["db"]
    scene.settle(manifest, "--allow", "delete")
    assert reserved(scene) == {"10.81.0.20": (web, "web")}
    manifest["vms"]["web"]["networks"] = ["front"]
    scene.settle(manifest)
    assert reserved(scene) == {}
    assert (server(scene), domain_id(scene.conn, "web")) == (before, number)


def test_two_swap_their_addresses(scene: Scene) -> None:
    manifest = scenery(
        scene,
        a=idle_vm(networks=on("10.81.0.10"), state="stopped"),
        b=idle_vm(networks=on("10.81.0.11"), state="stopped"),
    )
    scene.settle(manifest)
    macs = {name: macs_of(scene.conn, name)[0] for name in "ab"}
    vms = manifest["vms"]
    vms["a"]["networks"], vms["b"]["networks"] = vms["b"]["networks"], vms["a"]["networks"]
    scene.settle(manifest)
    assert reserved(scene) == {"10.81.0.11": (macs["a"], "a"), "10.81.0.10": (macs["b"], "b")}


def test_a_renamed_vm_keeps_its_address_under_its_new_name(scene: Scene) -> None:
    manifest = scenery(scene, web=idle_vm(networks=on("10.81.0.10"), state="stopped"))
    scene.settle(manifest)
    (mac,) = macs_of(scene.conn, "web")
    manifest["vms"]["shop"] = manifest["vms"].pop("web")
    scene.settle(manifest | {"moved": [{"from": "vm/web", "to": "vm/shop"}]})
    assert reserved(scene) == {"10.81.0.10": (mac, "shop")}
    scene.plan(manifest, expect=0)


def test_an_adopted_vm_has_its_address_reserved_for_its_own_card(scene: Scene) -> None:
    scene.settle(scenery(scene))
    scene.conn.defineXML(
        "<domain type='qemu'><name>old</name><memory>32768</memory><os><type>hvm</type></os><devices>"
        "<interface type='network'><mac address='52:54:00:aa:bb:cc'/><source network='front'/></interface>"
        "</devices></domain>"
    )
    uuid = scene.domain("old").UUIDString()
    scene.settle(scenery(scene, old={"uuid": uuid, "state": "stopped", "networks": on("10.81.0.10")}))
    assert reserved(scene) == {"10.81.0.10": ("52:54:00:aa:bb:cc", "old")}


def test_on_an_adopted_network_what_others_reserved_stays(scene: Scene) -> None:
    network = scene.conn.networkLookupByName("default")
    theirs = "<host mac='52:54:00:00:00:99' name='theirs' ip='192.168.122.99'/>"
    for flags in (libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE, libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG):
        network.update(
            libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
            libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
            -1,
            theirs,
            flags,
        )
    adopted = {"uuid": network.UUIDString(), "subnet": "192.168.122.0/24", "dhcp": {}}
    nic = {"network": "default", "ip": "192.168.122.50"}
    manifest = scene.manifest(
        {"web": idle_vm(networks=[nic], state="stopped")}, networks={"default": adopted}
    )
    try:
        scene.settle(manifest)
        (mac,) = macs_of(scene.conn, "web")
        assert reserved(scene, "default") == {
            "192.168.122.99": ("52:54:00:00:00:99", "theirs"),
            "192.168.122.50": (mac, "web"),
        }
        assert "<range start='192.168.122.2'" in network.XMLDesc()
        del manifest["vms"]["web"]
        scene.settle(manifest, "--allow", "delete")
        assert list(reserved(scene, "default")) == ["192.168.122.99"]
    finally:
        for ip in reserved(scene, "default"):
            for flags in (libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE, libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG):
                network.update(
                    libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
                    libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST,
                    -1,
                    f"<host ip='{ip}'/>",
                    flags,
                )


def test_killed_at_every_boundary_of_a_change(scene: Scene) -> None:
    """Between the network's update and the VM's definition, too."""
    lifecycle = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    before = scenery(scene, a=idle_vm(networks=on("10.81.0.10"), lifecycle=lifecycle))
    after = deepcopy(before)
    after["vms"] = {"b": idle_vm(networks=on("10.81.0.10")), "c": idle_vm(networks=on("10.81.0.12"))}
    boundary, killed = 0, True
    while killed:
        boundary += 1
        scene.write(before)
        converge(scene, "before")
        scene.write(after)
        killed = kill_at(scene, boundary)
        converge(scene, f"change, killed at boundary {boundary}")
        macs = {name: macs_of(scene.conn, name)[0] for name in "bc"}
        assert reserved(scene) == {"10.81.0.10": (macs["b"], "b"), "10.81.0.12": (macs["c"], "c")}
        scene.wipe()
    assert boundary > 5, "the run has to have boundaries"


def test_the_plan_says_that_a_lease_outlives_its_guest(scene: Scene) -> None:
    scene.settle(scenery(scene, a=idle_vm(networks=on("10.81.0.10"), state="stopped")))
    text = scene.plan(scenery(scene, b=idle_vm(networks=on("10.81.0.10"), state="stopped")), expect=2)
    assert "10.81.0.10 was that of a: vm/b gets it when the old lease, if there is one, has run out" in text
