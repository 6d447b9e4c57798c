"""The images of the tests are what other tests take them for."""

from __future__ import annotations

import shutil
from pathlib import Path

import libvirt
import pytest

from kvmspec.canon import rng
from tests.support.guest import shut_down, wait_for_console, wait_for_lease, wait_until_off
from tests.support.images import installer_iso, tiny_image
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

MAC = "52:54:00:00:00:21"
CDROM = """\
<controller type='scsi' index='0' model='virtio-scsi'/>
<disk type='file' device='cdrom'>
  <driver name='qemu' type='raw'/><source file='{}'/><target dev='sda' bus='scsi'/><readonly/><boot order='2'/>
</disk>"""


def _domain(name: str, disk: Path, log: Path, *, form: str, memory: int = 128, cd: Path | None = None) -> str:
    xml = f"""\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>{memory}</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/><apic/></features>
  <cpu mode='maximum'/>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{form}'/><source file='{disk}'/><target dev='vda' bus='virtio'/><boot order='1'/>
    </disk>
    {CDROM.format(cd) if cd else ""}
    <interface type='network'><mac address='{MAC}'/><source network='default'/><model type='virtio'/></interface>
    <serial type='pty'><log file='{log}'/></serial>
  </devices>
</domain>"""
    assert not rng.errors(xml)
    return xml


def test_the_tiny_image_boots_by_itself_and_serves_its_name(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect
) -> None:
    disk, log = clean_host.images / "tiny.qcow2", clean_host.directory / "log" / "tiny.console"
    shutil.copyfile(tiny_image().qcow2, disk)
    disk.chmod(0o666)
    conn.createXML(_domain("tiny", disk, log, form="qcow2"))

    address = wait_for_lease(conn, "default", MAC)
    wait_for_console(log, rf"ready eth0 {address}")
    assert clean_host.run(["busybox", "wget", "-q", "-O-", f"http://{address}/"]).stdout == "tiny-000021\n"
    shut_down(conn, "tiny")


def test_the_cd_installs_what_boots_from_the_disk_afterwards(
    clean_host: PrivateLibvirt, conn: libvirt.virConnect
) -> None:
    disk, cd = clean_host.images / "new.raw", clean_host.images / "installer.iso"
    log = clean_host.directory / "log" / "new.console"
    with disk.open("wb") as file:
        file.truncate(64 << 20)
    disk.chmod(0o666)
    shutil.copyfile(installer_iso(), cd)
    cd.chmod(0o644)
    domain = conn.defineXML(_domain("new", disk, log, form="raw", memory=192, cd=cd))

    domain.create()
    wait_for_console(log, "installed vda preseed=no")
    wait_until_off(conn, "new")
    domain.create()
    wait_for_console(log, "started tiny-000021")
    shut_down(conn, "new")
