"""A change is a change and not a rebuild; what needs a restart asks for it, and a failure is undone."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import libvirt
import pytest

from tests.live.scene import (
    MIB,
    Manifest,
    Scene,
    disks_of,
    guest_vm,
    has_pattern,
    idle_vm,
    nics_of,
    write_pattern,
)
from tests.support.guest import TinyGuest, domain_id, lease_of, wait_for, wait_for_lease
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = pytest.mark.libvirtd

FORCED = {"shutdown_timeout": "0s", "force_off_after": "0s"}
MAC = "52:54:00:81:00:01"


def shop(scene: Scene, **fields: Any) -> Manifest:
    disks = [
        {"name": "q", "size": "1MiB"},
        {"name": "r", "size": "1MiB", "format": "raw"},
        {"volume": "keep"},
    ]
    web = idle_vm(disks=disks, networks=[{"network": "front", "mac": MAC}])
    volumes = {"keep": {"pool": "vms", "size": "1MiB", "format": "raw"}}
    return scene.manifest({"web": web | fields}, volumes=volumes)


Change = Callable[[Manifest], Any]


def dhcp(m: Manifest, **fields: Any) -> None:
    m["networks"]["front"]["dhcp"] |= fields


def set_vm(**fields: Any) -> Change:
    return lambda m: m["vms"]["web"].update(fields)


LIVE: dict[str, Change] = {
    "title": set_vm(title="shop"),
    "description": set_vm(description="sells"),
    "description with marks": set_vm(description="a < b & \"c\" 'd' ]]> ${x} é".replace("${x}", "$${x}")),
    "autostart": set_vm(autostart=True),
    "vcpus up to max": set_vm(cpus={"count": 2, "max": 2}),
    "balloon up": set_vm(memory={"size": "64MiB", "max": "64MiB"}),
    "balloon down": set_vm(memory={"size": "48MiB", "max": "64MiB"}),
    "qcow2 disk grows": lambda m: m["vms"]["web"]["disks"][0].update(size="2MiB"),
    "raw disk grows": lambda m: m["vms"]["web"]["disks"][1].update(size="2MiB"),
    "volume grows": lambda m: m["volumes"]["keep"].update(size="2MiB"),
    "dhcp host": lambda m: dhcp(m, hosts=[{"mac": MAC, "ip": "10.81.0.10", "name": "web"}]),
    "dhcp host's address": lambda m: dhcp(m, hosts=[{"mac": MAC, "ip": "10.81.0.11", "name": "web"}]),
    "another dhcp host": lambda m: m["networks"]["front"]["dhcp"]["hosts"].append(
        {"mac": "52:54:00:81:00:02", "ip": "10.81.0.12"}
    ),
    "no dhcp host": lambda m: dhcp(m, hosts=[]),
    "dhcp range": lambda m: dhcp(m, start="10.81.0.110", end="10.81.0.180"),
    "dns host": lambda m: m["networks"]["front"].update(dns={"hosts": {"10.81.0.1": ["gw", "gw.lan"]}}),
    "dns host's names": lambda m: m["networks"]["front"].update(dns={"hosts": {"10.81.0.1": ["gateway"]}}),
    "no dns host": lambda m: m["networks"]["front"].pop("dns"),
    "no description": lambda m: m["vms"]["web"].pop("description"),
    "network autostart": lambda m: m["networks"]["front"].update(autostart=False),
    "pool autostart": lambda m: m["pools"]["vms"].update(autostart=False),
}


def test_what_is_live_needs_no_permission_and_leaves_the_guest_running(scene: Scene) -> None:
    manifest = shop(scene)
    scene.settle(manifest)
    for name in ("web-r.raw", "keep"):
        write_pattern(scene.volume(name))
    number = domain_id(scene.conn, "web")
    bridge = scene.conn.networkLookupByName("front").bridgeName()
    for name, change in LIVE.items():
        change(manifest)
        scene.write(manifest)
        answer = scene.forks.apply(scene.path, scene.host.uri)
        assert answer["code"] == 0 and answer["steps"], (name, answer)
        assert not answer["refused"] and not answer["failed"] and not answer["left"], (name, answer)
        assert domain_id(scene.conn, "web") == number, name
    scene.plan(expect=0)
    web = scene.domain("web")
    assert web.vcpusFlags(libvirt.VIR_DOMAIN_AFFECT_LIVE) == 2
    assert [web.blockInfo(dev)[0] for dev in ("vda", "vdb", "vdc")] == [2 * MIB] * 3
    assert has_pattern(scene.volume("web-r.raw")) and has_pattern(scene.volume("keep"))
    assert web.metadata(libvirt.VIR_DOMAIN_METADATA_TITLE, None, libvirt.VIR_DOMAIN_AFFECT_LIVE) == "shop"
    front = scene.conn.networkLookupByName("front")
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        assert "<range start='10.81.0.110' end='10.81.0.180'/>" in front.XMLDesc(flags)
    assert front.bridgeName() == bridge
    assert not front.autostart()


RESTART: dict[str, Change] = {
    "features": set_vm(features={"pae": True}),
    "cpus.max": set_vm(cpus={"count": 1, "max": 4}),
    "memory.max": set_vm(memory={"size": "32MiB", "max": "128MiB"}),
    "boot": set_vm(boot=["network", "disk"]),
    "graphics": set_vm(graphics=[{"type": "vnc", "listen": "127.0.0.1"}]),
    "cache": lambda m: m["vms"]["web"]["disks"][0].update(cache="unsafe"),
    "discard": lambda m: m["vms"]["web"]["disks"][0].update(discard="ignore"),
    "model": lambda m: m["vms"]["web"]["networks"][0].update(model="e1000"),
    "a disk on sata": lambda m: m["vms"]["web"]["disks"].insert(
        0, {"name": "n", "size": "1MiB", "bus": "sata"}
    ),
    "an empty cdrom": lambda m: m["vms"]["web"]["disks"].insert(0, {"cdrom": "empty", "name": "cd"}),
    "a nic's mac": lambda m: m["vms"]["web"]["networks"][0].update(mac="52:54:00:81:00:09"),
}


def test_what_needs_a_restart_asks_for_it(scene: Scene) -> None:
    manifest = shop(scene, lifecycle=FORCED)
    scene.settle(manifest)
    for name, change in RESTART.items():
        number = domain_id(scene.conn, "web")
        change(manifest)
        text = scene.plan(manifest, expect=2)
        assert "restart" in text and "Needs: --allow" in text, name
        with scene.nothing_changes():
            scene.apply(expect=4)
        answer = scene.forks.apply(scene.path, scene.host.uri, allow=["restart"])
        assert answer["code"] == 0 and not answer["refused"], (name, answer)
        assert not answer["failed"] and not answer["left"], (name, answer)
        assert domain_id(scene.conn, "web") not in (None, number), name
    scene.plan(expect=0)


def test_restart_never_refuses_for_good(scene: Scene) -> None:
    manifest = shop(scene, lifecycle={"restart": "never"})
    scene.settle(manifest)
    manifest["vms"]["web"]["features"] = {"pae": True}
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(None, "--allow", "restart", expect=4)


@pytest.mark.live
def test_a_restart_on_permission_is_a_shutdown_and_a_start(scene: Scene, tiny_guest: TinyGuest) -> None:
    vm = guest_vm(
        tiny_guest, networks=[{"network": "front", "mac": MAC}], disks=[{"name": "a", "size": "1MiB"}]
    )
    manifest = scene.manifest({"web": vm})
    scene.settle(manifest)
    wait_for_lease(scene.conn, "front", MAC)
    before, number = scene.tree("web"), domain_id(scene.conn, "web")

    # A disk and a NIC above the others, and what makes it a restart.
    vm["disks"] = [{"name": "top", "size": "2MiB", "bus": "sata"}, *vm["disks"]]
    vm["networks"] = ["back", *vm["networks"]]
    manifest["networks"]["back"] = {
        "mode": "isolated",
        "subnet": "10.82.0.0/24",
        "dhcp": {"start": "10.82.0.10", "end": "10.82.0.20"},
    }
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(expect=4)
    scene.settle(None, "--allow", "restart")
    assert domain_id(scene.conn, "web") not in (None, number)
    after = scene.tree("web")
    assert disks_of(before).items() <= disks_of(after).items()
    assert nics_of(before).items() <= nics_of(after).items()
    assert disks_of(scene.tree("web", active=True)) == disks_of(after)
    back = nics_of(after)["back"][0]
    wait_for_lease(scene.conn, "back", back)
    vm["disks"].reverse()
    vm["networks"].reverse()
    scene.plan(manifest, expect=0)  # order never matters

    # A restart of the network beneath it: its tap is on the new bridge, and it has a lease there.
    number = domain_id(scene.conn, "web")
    manifest["networks"]["front"] |= {
        "subnet": "10.84.0.0/24",
        "dhcp": {"start": "10.84.0.10", "end": "10.84.0.20"},
    }
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(expect=4)
    scene.settle(None, "--allow", "restart")
    assert domain_id(scene.conn, "web") == number
    live = scene.tree("web", active=True)
    nic = next(n for n in live.iterfind("devices/interface") if n.find("source").get("network") == "front")  # type: ignore[union-attr]
    tap = nic.find("target").get("dev")  # type: ignore[union-attr]
    link = scene.host.run(["ip", "-o", "link", "show", str(tap)]).stdout
    assert f"master {scene.conn.networkLookupByName('front').bridgeName()} " in link
    wait_for(
        lambda: "10.84.0." in (lease_of(scene.conn, "front", MAC) or ""), 30, what="a lease on the new subnet"
    )


def test_inserting_above_moves_nothing_in_a_stopped_vm(scene: Scene) -> None:
    manifest = shop(scene, state="stopped")
    web = manifest["vms"]["web"]
    scene.settle(manifest)
    before = scene.tree("web")
    for index in range(3):
        web["disks"].insert(0, {"name": f"n{index}", "size": "1MiB"})
        web["networks"].insert(0, {"network": "default", "name": f"nic{index}"})
        scene.settle(manifest)
        after = scene.tree("web")
        assert disks_of(before).items() <= disks_of(after).items()
        macs = {nic.get("address") for nic in after.iterfind("devices/interface/mac")}
        assert MAC in macs and len(macs) == index + 2
        before = after
    gone = web["disks"].pop(1)
    target = disks_of(before)[str(scene.volume(f"web-{gone['name']}.qcow2"))][0]
    scene.settle(manifest, "--allow", "delete,restart")
    web["disks"].insert(0, {"name": "later", "size": "1MiB"})
    scene.settle(manifest)
    assert disks_of(scene.tree("web"))[str(scene.volume("web-later.qcow2"))][0] != target, "never reused"


def test_a_guest_that_does_not_listen_is_left_running_and_reported(scene: Scene) -> None:
    manifest = shop(scene, lifecycle={"shutdown_timeout": "2s"})
    scene.settle(manifest)
    number, before = domain_id(scene.conn, "web"), scene.xml("web")
    manifest["vms"]["web"]["features"] = {"pae": True}
    failed = scene.apply(manifest, "--allow", "restart", expect=1)
    assert "vm/web" in failed.stdout + failed.stderr
    assert domain_id(scene.conn, "web") == number
    assert scene.xml("web") == before, "its definition is put back"
    scene.plan(expect=2)
    manifest["vms"]["web"]["lifecycle"] = FORCED
    scene.settle(manifest, "--allow", "restart")
    assert domain_id(scene.conn, "web") not in (None, number)


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_when_the_start_fails_the_previous_definition_is_put_back(scene: Scene, state: str) -> None:
    manifest = shop(scene, state=state, lifecycle=FORCED)
    scene.settle(manifest)
    before = scene.xml("web")
    manifest["vms"]["web"] |= {
        "state": "running",
        "boot": {"kernel": "/nowhere/vmlinuz"},
        "description": "new",
    }
    failed = scene.apply(manifest, "--allow", "restart", expect=1)
    assert "/nowhere/vmlinuz" in failed.stdout + failed.stderr, "libvirt's own words"
    assert scene.domain("web").isActive() == (state == "running"), "as it was"
    assert scene.xml("web") == before
    manifest["vms"]["web"].pop("boot")
    scene.settle(manifest, "--allow", "restart")


def test_a_disk_file_that_is_missing_at_start(scene: Scene) -> None:
    disk = scene.host.images / "by-hand.raw"
    vm = idle_vm(disks=[{"path": str(disk)}, {"name": "a", "size": "1MiB"}])
    scene.write(scene.manifest({"web": vm}))
    failed = scene.cli("apply", "--yes")
    assert failed.returncode in (1, 3)
    assert "by-hand.raw" in failed.stdout + failed.stderr
    disk.write_bytes(bytes(MIB))
    scene.settle()
    assert scene.domain("web").isActive()


SHRINK: dict[str, Change] = {
    "qcow2": lambda m: m["vms"]["web"]["disks"][0].update(size="512KiB"),
    "raw": lambda m: m["vms"]["web"]["disks"][1].update(size="512KiB"),
    "volume": lambda m: m["volumes"]["keep"].update(size="512KiB"),
}


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("name", SHRINK)
def test_a_disk_is_never_shrunk(scene: Scene, name: str, state: str) -> None:
    manifest = shop(scene, state=state)
    scene.settle(manifest)
    SHRINK[name](manifest)
    manifest["vms"]["web"]["description"] = "also"
    scene.write(manifest)
    with scene.nothing_changes():
        scene.apply(None, "--allow", "restart,delete,replace,data-loss", expect=4)


def test_a_change_of_a_stopped_vm_needs_no_restart(scene: Scene) -> None:
    manifest = shop(scene, state="stopped")
    scene.settle(manifest)
    uuid = scene.domain("web").UUIDString()
    for name, change in RESTART.items():
        change(manifest)
        scene.write(manifest)
        answer = scene.forks.apply(scene.path, scene.host.uri)
        assert answer["code"] == 0 and not answer["refused"], (name, answer)
        assert not answer["failed"] and not answer["left"], (name, answer)
    assert scene.domain("web").UUIDString() == uuid
    for name in ("q", "r"):
        manifest["vms"]["web"]["disks"] = [
            d | ({"size": "4MiB"} if d.get("name") == name else {}) for d in manifest["vms"]["web"]["disks"]
        ]
    scene.settle(manifest)
    assert scene.volume("web-r.raw").stat().st_size == 4 * MIB


def test_two_hosts_one_of_them_down(scene: Scene, clean_second_host: PrivateLibvirt) -> None:
    manifest = scene.manifest({"a": idle_vm(host="hv1"), "b": idle_vm(host="hv2", state="stopped")})
    del manifest["networks"], manifest["pools"]
    manifest["hosts"] = {"hv1": {"uri": scene.host.uri}, "hv2": {"uri": clean_second_host.uri}}
    scene.write(manifest)
    clean_second_host.kill_daemon()
    done = scene.cli("plan", "--detailed-exitcode", connect=False, expect=5)
    assert "hv2" in done.stdout + done.stderr
    done = scene.cli("apply", "--yes", connect=False, expect=5)
    assert "hv2" in done.stdout + done.stderr
    assert scene.domain("a").isActive()
    clean_second_host.start_daemon()
    scene.cli("apply", "--yes", connect=False, expect=0)
    scene.cli("plan", "--detailed-exitcode", connect=False, expect=0)
    second = clean_second_host.connect()
    assert [domain.name() for domain in second.listAllDomains()] == ["b"]
    second.close()

    moved = deepcopy(manifest)
    moved["vms"]["b"]["host"] = "hv1"
    scene.write(moved)
    with scene.nothing_changes():
        refused = scene.cli("apply", "--yes", "--allow", "delete", connect=False, expect=4)
        assert "hv2" in refused.stdout + refused.stderr, "it lives on hv2"
    assert scene.cli("apply", "--yes", "--connect", scene.host.uri, connect=False).returncode == 64


def test_a_full_pool_fails_in_libvirts_words_and_the_next_apply_finishes(scene: Scene) -> None:
    scene.pool.mkdir()
    scene.host.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(scene.pool)])
    try:
        disks = [{"name": name, "size": "1MiB"} for name in "abc"]
        scene.write(scene.manifest({"web": idle_vm(disks=disks)}))
        failed = scene.apply(expect=1)
        assert re.search(r"No space left|preallocat|not enough", failed.stdout + failed.stderr)
        assert "created" in failed.stdout, "what was done so far"
        assert scene.domains() == set()
        scene.host.run(["mount", "-o", "remount,size=8m", str(scene.pool)])
        scene.settle()
        assert scene.domain("web").isActive()
        for name in "abc":
            check = ["qemu-img", "check", "-U", str(scene.volume(f"web-{name}.qcow2"))]
            assert scene.host.run(check, check=False).returncode == 0
    finally:
        for domain in scene.conn.listAllDomains():
            if domain.isActive():
                domain.destroy()
        scene.host.run(["umount", "-l", str(scene.pool)])


def test_a_subnet_that_the_host_uses_already(scene: Scene) -> None:
    scene.host.run(["ip", "link", "add", "busy0", "type", "bridge"])
    try:
        scene.host.run(["ip", "addr", "add", "10.81.0.7/24", "dev", "busy0"])
        scene.host.run(["ip", "link", "set", "busy0", "up"])
        scene.write(scene.manifest({"web": idle_vm(networks=["front"])}))
        failed = scene.apply(expect=1)
        assert re.search("already in use", failed.stdout + failed.stderr)
    finally:
        scene.host.run(["ip", "link", "del", "busy0"])
    scene.settle()
    assert scene.domain("web").isActive()


def test_nics_on_a_host_bridge_by_network_and_by_name(scene: Scene) -> None:
    scene.host.run(["ip", "link", "add", "br77", "type", "bridge"])
    try:
        scene.host.run(["ip", "link", "set", "br77", "up"])
        manifest = scene.manifest({"web": idle_vm(networks=[{"network": "lan"}, {"bridge": "br77"}])})
        manifest["networks"]["lan"] = {"mode": "bridge", "bridge": "br77"}
        scene.settle(manifest)
        taps = scene.host.run(["ip", "-o", "link", "show", "master", "br77"]).stdout.splitlines()
        assert len(taps) == 2
        scene.cli("destroy", "--yes", expect=0)
        assert wait_for(lambda: "br77" in scene.host.run(["ip", "-o", "link"]).stdout)
    finally:
        scene.host.run(["ip", "link", "del", "br77"])
