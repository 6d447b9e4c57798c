"""The ground that the live tests stand on: a private libvirtd and a guest that behaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import libvirt
import pytest

from tests.support.guest import (
    TinyGuest,
    domain_id,
    shut_down,
    tiny_domain_xml,
    wait_for,
    wait_for_console,
    wait_for_lease,
)
from tests.support.private_libvirt import PrivateLibvirt, sweep

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

TOP = Path(__file__).resolve().parents[2]
MAC = "52:54:00:00:00:11"


def test_a_private_libvirtd_is_an_empty_host_with_a_default_network(conn: libvirt.virConnect) -> None:
    assert conn.getType() == "QEMU"
    assert conn.listAllDomains() == []
    assert [network.name() for network in conn.listAllNetworks()] == ["default"]
    assert conn.networkLookupByName("default").isActive()


def test_its_state_is_in_its_own_folder_and_nowhere_else(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect
) -> None:
    conn.defineXML(
        "<domain type='qemu'><name>mine</name><memory>65536</memory><os><type>hvm</type></os></domain>"
    )

    assert (clean_host.directory / "etc/qemu/mine.xml").exists()
    assert not Path("/etc/libvirt/qemu/mine.xml").exists()
    outside = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert f"inode {clean_host.name}" not in outside
    assert "virbr0" in clean_host.run(["ip", "-o", "link"]).stdout
    assert os.stat("/proc/self/ns/net").st_ino != _network_namespace(clean_host)  # noqa: PTH116


def _network_namespace(host: PrivateLibvirt) -> int:
    return int(host.run(["stat", "-Lc", "%i", "/proc/self/ns/net"]).stdout)


def test_two_of_them_are_two_hosts(clean_host: PrivateLibvirt, clean_second_host: PrivateLibvirt) -> None:
    first, second = clean_host.connect(), clean_second_host.connect()
    xml = "<domain type='qemu'><name>twin</name><memory>65536</memory><os><type>hvm</type></os></domain>"
    first.defineXML(xml)

    assert [domain.name() for domain in first.listAllDomains()] == ["twin"]
    assert second.listAllDomains() == []
    first.close()
    second.close()


def test_the_tiny_guest_boots_takes_a_lease_and_shuts_down(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect, tiny_guest: TinyGuest
) -> None:
    log = clean_host.directory / "log" / "tiny.console"
    conn.createXML(tiny_domain_xml(tiny_guest, "tiny", mac=MAC, console_log=log))

    address = wait_for_lease(conn, "default", MAC)
    assert address.startswith("192.168.122.")
    wait_for_console(log, rf"ready eth0 {address}")
    assert clean_host.run(["ping", "-c1", "-W5", address], check=False).returncode in (0, 127)

    shut_down(conn, "tiny")
    assert conn.listAllDomains() == []


def test_the_tiny_guest_sees_what_changes_while_it_runs(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect, tiny_guest: TinyGuest
) -> None:
    log = clean_host.directory / "log" / "changing.console"
    xml = tiny_domain_xml(tiny_guest, "changing", mac=MAC, console_log=log)
    disk = clean_host.images / "changing.raw"
    disk.write_bytes(b"")
    os.truncate(disk, 1 << 20)
    xml = xml.replace("<vcpu>1</vcpu>", "<vcpu current='1'>2</vcpu>").replace(
        "<devices>",
        f"<devices><disk type='file'><driver name='qemu' type='raw'/><source file='{disk}'/>"
        "<target dev='vda' bus='virtio'/></disk>",
    )
    domain = conn.defineXML(xml)
    domain.create()
    wait_for_console(log, r"seen cpus=1 .* vda=1048576")

    domain.setVcpusFlags(2, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    domain.blockResize("vda", 2 << 20, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    wait_for_console(log, r"seen cpus=2 .* vda=2097152", 20)


def test_a_guest_that_moves_to_another_network_takes_a_lease_there(
    conn: libvirt.virConnect, tiny_guest: TinyGuest
) -> None:
    other = conn.networkDefineXML(
        "<network><name>other</name><ip address='10.66.0.1' netmask='255.255.255.0'>"
        "<dhcp><range start='10.66.0.10' end='10.66.0.20'/></dhcp></ip></network>"
    )
    other.create()
    domain = conn.createXML(tiny_domain_xml(tiny_guest, "mover", mac=MAC))
    wait_for_lease(conn, "default", MAC)

    nic = (
        f"<interface type='network'><mac address='{MAC}'/>"
        "<source network='other'/><model type='virtio'/></interface>"
    )
    domain.updateDeviceFlags(nic, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    assert wait_for_lease(conn, "other", MAC).startswith("10.66.0.")


def test_a_killed_libvirtd_comes_back_to_the_same_guest(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect, tiny_guest: TinyGuest
) -> None:
    conn.defineXML(tiny_domain_xml(tiny_guest, "survivor", mac=MAC)).create()
    wait_for_lease(conn, "default", MAC)
    before = domain_id(conn, "survivor")

    clean_host.restart_daemon()

    again = clean_host.connect()
    assert before is not None
    assert domain_id(again, "survivor") == before
    shut_down(again, "survivor")
    assert domain_id(again, "survivor") is None
    again.close()


def test_everything_ends_when_the_test_process_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            from tests.support.private_libvirt import PrivateLibvirt
            host = PrivateLibvirt().start()
            print((host.directory / "init.pid").read_text().strip(), flush=True)
            time.sleep(600)
            """
        )
    )
    owner = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )
    assert owner.stdout is not None
    init = Path("/proc") / owner.stdout.readline().strip()
    assert init.name.isdigit() and init.exists()

    owner.send_signal(signal.SIGKILL)
    owner.wait()

    wait_for(lambda: not init.exists(), 10, what="the end of the private libvirtd")
    sweep()
