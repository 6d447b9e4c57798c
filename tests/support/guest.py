"""The tiny guest, and what tests ask about running guests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import TypeVar

import libvirt

TOP = Path(__file__).resolve().parents[2]
CACHE = TOP / ".cache" / "tiny-guest"
CMDLINE = "console=ttyS0 quiet"

T = TypeVar("T")


@dataclass(frozen=True)
class TinyGuest:
    """A kernel and initrd that boot in seconds under TCG with 128 MiB; see scripts/tiny-guest."""

    kernel: Path
    initrd: Path
    cmdline: str = CMDLINE

    @property
    def directory(self) -> Path:
        return self.kernel.parent


def build_tiny_guest(target: Path) -> TinyGuest:
    """Build the tiny guest unless it is there, and copy it to ``target``, where QEMU's user can read it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "tiny-guest.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        built = subprocess.run(
            [TOP / "scripts" / "tiny-guest", CACHE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            raise RuntimeError(f"scripts/tiny-guest failed:\n{built.stderr}")
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o755)
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(CACHE / name, target / name)
        (target / name).chmod(0o644)
    return TinyGuest(target / "vmlinuz", target / "initrd")


def tiny_domain_xml(
    guest: TinyGuest, name: str, *, mac: str, network: str = "default", console_log: Path | None = None
) -> str:
    """A q35 domain under TCG that boots the tiny guest with one virtio NIC."""
    log = f"<log file='{console_log}'/>" if console_log else ""
    return f"""\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{guest.kernel}</kernel>
    <initrd>{guest.initrd}</initrd>
    <cmdline>{guest.cmdline}</cmdline>
  </os>
  <features><acpi/><apic/></features>
  <cpu mode='maximum'/>
  <devices>
    <interface type='network'>
      <mac address='{mac}'/>
      <source network='{network}'/>
      <model type='virtio'/>
    </interface>
    <serial type='pty'>{log}</serial>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def wait_for(condition: Callable[[], T | None], timeout: float = 30, *, what: str = "") -> T:
    """Call ``condition`` until it gives something true, and give that; AssertionError after ``timeout`` s.

    Raised libvirt errors count as "not yet"; the last one is told at the end.
    """
    deadline = time.monotonic() + timeout * float(os.environ.get("KVMSPEC_TEST_PATIENCE", "1"))
    error: libvirt.libvirtError | None = None
    while True:
        try:
            if result := condition():
                return result
        except libvirt.libvirtError as reason:
            error = reason
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or 'condition'} not met within {timeout:g} s; last error: {error}")
        time.sleep(0.05)


def lease_of(connection: libvirt.virConnect, network: str, mac: str) -> str | None:
    """The address that the network's DHCP server gave to this MAC, if any."""
    leases = connection.networkLookupByName(network).DHCPLeases(mac)
    return leases[-1]["ipaddr"] if leases else None


def wait_for_lease(connection: libvirt.virConnect, network: str, mac: str, timeout: float = 60) -> str:
    """The address that a booting guest gets."""
    return wait_for(
        lambda: lease_of(connection, network, mac), timeout, what=f"a lease of {mac} on network {network}"
    )


def domain_id(connection: libvirt.virConnect, name: str) -> int | None:
    """The domain's running id, which changes with every start; None while it is off."""
    number = connection.lookupByName(name).ID()
    return number if number != -1 else None


def macs_of(connection: libvirt.virConnect, name: str) -> list[str]:
    """The MACs of a domain's NICs in the order of its persistent definition."""
    xml = connection.lookupByName(name).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    return re.findall(r"<mac address='([^']+)'", xml)


def wait_until_off(connection: libvirt.virConnect, name: str, timeout: float = 30) -> None:
    """Wait for a domain to be shut off."""
    wait_for(lambda: domain_id(connection, name) is None, timeout, what=f"{name} shut off")


def console_text(log: Path) -> str:
    """What a guest wrote to its serial console so far, from the file that its ``<log>`` names."""
    return log.read_text(errors="replace") if log.exists() else ""


def wait_for_console(log: Path, pattern: str, timeout: float = 60) -> str:
    """Wait for a match in the serial console: ``ready eth0 ADDRESS``, ``seen cpus=2 mem=98MiB vda=BYTES``."""
    found = wait_for(lambda: re.search(pattern, console_text(log)), timeout, what=f"/{pattern}/ in {log}")
    return found.group(0)


def shut_down(connection: libvirt.virConnect, name: str, timeout: float = 30) -> None:
    """Press the ACPI power button until the guest is off; one that still boots misses the first press."""
    domain = connection.lookupByName(name)
    persistent = domain.isPersistent()

    def off() -> bool:
        try:
            if not domain.isActive():
                return True
            domain.shutdown()
        except libvirt.libvirtError as error:
            gone = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID)
            return not persistent and error.get_error_code() in gone
        time.sleep(0.5)
        return False

    wait_for(off, timeout, what=f"{name} shut off")
