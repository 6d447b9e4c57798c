"""What the black-box live tests share: a manifest as data, the command line, and looks at the host."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import libvirt
import yaml

from tests.live.forks import Forks
from tests.support.guest import TinyGuest
from tests.support.private_libvirt import PrivateLibvirt

Manifest = dict[str, Any]
INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
NETWORK = {
    "mode": "isolated",
    "subnet": "10.81.0.0/24",
    "dhcp": {"start": "10.81.0.100", "end": "10.81.0.150"},
}
MIB = 1 << 20


class Scene:
    """One emptied private host, one manifest file, and the command line that brings them together."""

    def __init__(self, host: PrivateLibvirt, conn: libvirt.virConnect, folder: Path, forks: Forks):
        self.host, self.conn, self.forks = host, conn, forks
        self.path = folder / "kvmspec.yaml"
        self.pool = host.images / "vms"

    def manifest(self, vms: dict[str, Any] | None = None, **sections: Any) -> Manifest:
        """A manifest with one isolated network ``front``, one pool ``vms`` and these VMs under TCG."""
        return {
            "kvmspec": 1,
            "project": "shop",
            "defaults": {"vms": {"accel": "tcg"}},
            "networks": {"front": deepcopy(NETWORK)},
            "pools": {"vms": {"type": "dir", "path": str(self.pool)}},
            "vms": vms or {},
        } | sections

    def write(self, manifest: Manifest) -> Path:
        self.path.write_text(yaml.safe_dump(manifest, sort_keys=False))
        return self.path

    def cli(
        self, command: str, *args: str, expect: int | None = None, connect: bool = True, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        if connect:
            args = (*args, "--connect", self.host.uri)
        return self.forks.cli(command, self.path, *args, expect=expect, **options)

    def plan(self, manifest: Manifest | None = None, *, expect: int) -> str:
        """``plan --detailed-exitcode`` and its text."""
        if manifest is not None:
            self.write(manifest)
        return str(self.cli("plan", "--detailed-exitcode", expect=expect).stdout)

    def plan_json(self, manifest: Manifest | None = None) -> dict[str, Any]:
        if manifest is not None:
            self.write(manifest)
        return dict(json.loads(self.cli("plan", "--format", "json", expect=0).stdout))

    def apply(
        self, manifest: Manifest | None = None, *args: str, expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """``apply --yes``."""
        if manifest is not None:
            self.write(manifest)
        return self.cli("apply", "--yes", *args, expect=expect)

    def settle(self, manifest: Manifest | None = None, *args: str) -> None:
        """Apply, and find that the next plan is empty. Always."""
        self.apply(manifest, *args)
        self.plan(expect=0)

    def domain(self, name: str) -> libvirt.virDomain:
        return self.conn.lookupByName(name)

    def domains(self) -> set[str]:
        return {domain.name() for domain in self.conn.listAllDomains()}

    def xml(self, name: str, *, active: bool = False) -> str:
        return str(self.domain(name).XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE if active else INACTIVE))

    def tree(self, name: str, *, active: bool = False) -> ElementTree.Element:
        return ElementTree.fromstring(self.xml(name, active=active))

    def edit(self, name: str, *replacements: tuple[str, str]) -> None:
        """Redefine a domain as ``virsh edit`` does, with each text replaced once."""
        text = self.xml(name)
        for old, new in replacements:
            assert old in text, f"{old!r} is not in\n{text}"
            text = text.replace(old, new, 1)
        self.conn.defineXML(text)

    def volume(self, name: str) -> Path:
        return self.pool / name

    def everything(self) -> dict[str, Any]:
        """Every definition on the host as libvirt keeps it, with what runs: what "nothing changed" means."""
        found: dict[str, Any] = {}
        for domain in self.conn.listAllDomains():
            secure = domain.XMLDesc(INACTIVE) if domain.isPersistent() else ""
            found[f"vm/{domain.name()}"] = (secure, domain.ID(), domain.isPersistent() and domain.autostart())
        for network in self.conn.listAllNetworks():
            flags = libvirt.VIR_NETWORK_XML_INACTIVE
            found[f"network/{network.name()}"] = (
                network.XMLDesc(flags),
                re.sub(r" connections='\d+'", "", network.XMLDesc()),
                network.isActive(),
                network.autostart(),
            )
        for pool in self.conn.listAllStoragePools():
            # Not its figures: how much of the disk is free is not ours.
            text = re.sub(r"<(capacity|allocation|available) .*", "", pool.XMLDesc())
            found[f"pool/{pool.name()}"] = (text, pool.isActive(), pool.autostart())
        for kind in ("*.xml", "networks/*.xml", "../storage/*.xml"):
            for path in (self.host.directory / "etc/qemu").glob(kind):
                found[str(path)] = path.read_bytes()
        for path in self.host.images.rglob("*"):
            found[str(path)] = path.stat().st_size
        return found

    def wipe(self) -> None:
        """Remove all but what is foreign or the host's own, without the tool: its faults shall not add up."""
        kept = ("foreign", "default")
        for domain in self.conn.listAllDomains():
            if domain.name() not in kept:
                if domain.isActive():
                    domain.destroy()
                domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
        for found in (*self.conn.listAllNetworks(), *self.conn.listAllStoragePools()):
            if found.name() not in kept:
                if found.isActive():
                    found.destroy()
                found.undefine()
        for path in self.pool.glob("*"):
            path.unlink()

    @contextmanager
    def nothing_changes(self) -> Iterator[None]:
        """Within it, nothing on the host changes, byte for byte."""
        before = self.everything()
        yield
        after = self.everything()
        assert set(after) == set(before)
        for key, value in before.items():
            assert after[key] == value, key


def guest_vm(guest: TinyGuest, **fields: Any) -> dict[str, Any]:
    """A VM that boots the tiny guest on network front."""
    boot = {"kernel": str(guest.kernel), "initrd": str(guest.initrd), "cmdline": guest.cmdline}
    vm: dict[str, Any] = {"cpus": {"count": 1, "max": 2}, "memory": {"size": "128MiB", "max": "192MiB"}}
    return vm | {"boot": boot, "networks": ["front"]} | fields


def idle_vm(**fields: Any) -> dict[str, Any]:
    """A VM with nothing to boot: it runs, and never hears the power button."""
    return {"cpus": {"count": 1, "max": 2}, "memory": {"size": "32MiB", "max": "64MiB"}} | fields


def disks_of(tree: ElementTree.Element) -> dict[str, tuple[str, str]]:
    """Source file → target and PCI address."""
    return {
        disk.find("source").get("file", ""): (disk.find("target").get("dev", ""), address_of(disk))  # type: ignore[union-attr]
        for disk in tree.iterfind("devices/disk")
        if disk.find("source") is not None
    }


def nics_of(tree: ElementTree.Element) -> dict[str, tuple[str, str]]:
    """Network → MAC and PCI address."""
    return {
        nic.find("source").get("network", ""): (nic.find("mac").get("address", ""), address_of(nic))  # type: ignore[union-attr]
        for nic in tree.iterfind("devices/interface")
    }


def address_of(device: ElementTree.Element) -> str:
    address = device.find("address")
    return "" if address is None else json.dumps(dict(sorted(address.attrib.items())))


def write_pattern(path: Path, text: bytes = b"the one database") -> None:
    """Write into a raw volume what has to be there later."""
    with path.open("r+b") as file:
        file.write(text)


def has_pattern(path: Path, text: bytes = b"the one database") -> bool:
    with path.open("rb") as file:
        return file.read(len(text)) == text
