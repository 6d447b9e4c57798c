"""A lock on a host that no person ever has to take away.

The lock is a paused transient domain with AUTODESTROY: libvirt refuses a second one of its name,
and destroys it when the connection of its holder goes, however that dies. It is seen from every
machine that manages the host (docs/decisions/lock.md).
"""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime
from html import escape
from typing import Any

import libvirt

from kvmspec.adapters.libvirt.domains import LOCK_NAME, TEST_DRIVER
from kvmspec.adapters.libvirt.errors import failure
from kvmspec.core.errors import Refused
from kvmspec.core.problem import Problem

_TEMPLATE = """<domain type='qemu'>
  <name>{name}</name>
  <description>{holder}</description>
  <memory unit='KiB'>1024</memory>
  <os><type arch='{arch}'{machine}>hvm</type></os>
  <devices><controller type='usb' model='none'/><memballoon model='none'/></devices>
</domain>"""
_SMALL_MACHINE = {"x86_64": "pc", "i686": "pc", "aarch64": "virt"}


class HostLock:
    """Held from `take` to `release`, or until the connection is gone."""

    def __init__(self, name: str, conn: Any, arch: str = "x86_64") -> None:
        self._name, self._conn, self._arch = name, conn, arch
        self._domain: Any = None

    def take(self) -> None:
        """Take the lock. Raises Refused when somebody holds it, LibvirtFailure when it cannot be
        taken for another reason. libvirt's test driver needs none: its state is this process's."""
        if self._conn.getType() == TEST_DRIVER:
            return
        flags = libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY
        try:
            self._domain = self._conn.createXML(_xml(self._arch), flags)
        except libvirt.libvirtError as error:
            holder = self._holder()
            if holder is None:
                raise failure(f"lock {self._name}", error) from error
            raise Refused(
                [
                    Problem(
                        f"another apply is running on {self._name}: {holder}",
                        hint="wait until it has finished",
                    )
                ]
            ) from error

    def release(self) -> None:
        """Let go. A lock that is gone already is as good."""
        if self._domain is None:
            return
        try:
            self._domain.destroy()
        except libvirt.libvirtError:
            return
        finally:
            self._domain = None

    def _holder(self) -> str | None:
        try:
            found = self._conn.lookupByName(LOCK_NAME)
            return str(found.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None))
        except libvirt.libvirtError:
            return None


def _xml(arch: str) -> str:
    machine = f" machine='{_SMALL_MACHINE[arch]}'" if arch in _SMALL_MACHINE else ""
    return _TEMPLATE.format(name=LOCK_NAME, holder=escape(_holder()), arch=arch, machine=machine)


def _holder() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's nameless user
        user = str(os.getuid())
    since = datetime.now(UTC).strftime("%H:%M:%S UTC")
    return f"{user}@{socket.gethostname()}, process {os.getpid()}, since {since}"
