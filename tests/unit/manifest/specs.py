"""Small stand-ins for the real kinds, which these tests must not depend on."""

# ruff: noqa: RUF012 - pydantic copies these defaults

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.graph import find_cycle
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.section import Finding, Manifest, Section
from kvmspec.manifest.types import IPv4, Mac, Name, Secret, Size, Subnet, Text


class Cpus(Model):
    """Virtual CPUs."""

    short: ClassVar[str | None] = "count"

    count: Annotated[int, Field(ge=1, le=4096)]
    """How many."""
    max: int | None = None
    mode: Literal["host-passthrough", "host-model", "max"] | None = None
    pin: dict[str, str] = {}


class Memory(Model):
    """Memory."""

    short: ClassVar[str | None] = "size"

    size: Size
    max: Size | None = None


class Disk(Model):
    """A disk."""

    name: Name | None = None
    size: Size | None = None
    volume: Name | None = None
    bus: Literal["virtio", "scsi", "sata"] | None = None
    pool: Name | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Disk:
        if (self.size is None) == (self.volume is None):
            raise PydanticCustomError("required", "a disk needs one of `size` and `volume`")
        return self


class Nic(Model):
    """A network interface."""

    short: ClassVar[str | None] = "network"

    name: Name | None = None
    network: Name | None = None
    mac: Mac | None = None
    ip: IPv4 | None = None


class User(Model):
    """A user of the guest."""

    name: Name
    password: Secret | None = None
    keys: list[Secret] = []


class CloudInit(Model):
    """cloud-init."""

    hostname: Text | None = None
    index: int | None = None
    users: list[User] = []
    packages: list[Text] = []


class Kernel(Model):
    """Direct kernel boot."""

    kernel: Text
    cmdline: Text | None = None


class VmSpec(Model):
    """A virtual machine."""

    later: ClassVar[frozenset[str]] = frozenset({"numa"})

    cpus: Cpus
    """The guest's virtual CPUs."""
    memory: Memory
    disks: list[Disk] = []
    networks: list[Nic] = []
    cloud_init: CloudInit | None = None
    boot: list[Literal["disk", "network"]] | Kernel | None = None
    serial: int | Text | None = None
    balloon: Size | Literal["none"] | None = None
    autostart: bool = False
    description: Text | None = None
    state: Literal["running", "stopped", "any"] = "running"
    depends_on: list[Name] = []
    password: Secret | None = None

    def references(self) -> Iterable[Reference]:
        for nic in self.networks:
            if nic.network:
                yield "network", nic.network
        for disk in self.disks:
            if disk.volume:
                yield "volume", disk.volume
            elif disk.size:
                yield "pool", disk.pool or ""


class NetworkSpec(Model):
    """A network."""

    mode: Literal["nat", "route", "isolated"] = "nat"
    subnet: Subnet | None = None
    domain: Text | None = None


class PoolSpec(Model):
    """A storage pool."""

    type: Literal["dir", "logical"]
    path: Text


class VolumeSpec(Model):
    """A standalone volume."""

    pool: Name
    size: Size

    def references(self) -> Iterable[Reference]:
        yield "pool", self.pool


def check_vms(manifest: Manifest) -> Iterable[Finding]:
    """Duplicate MACs, unknown networks, circles of `depends_on`."""
    networks = {item.name for item in manifest.of("network")}
    seen: dict[str, str] = {}
    graph: dict[str, list[str]] = {}
    for item in manifest.of("vm"):
        assert isinstance(item.spec, VmSpec)
        graph[item.name] = item.spec.depends_on
        for index, nic in enumerate(item.spec.networks):
            if nic.network is not None and nic.network not in networks:
                yield Finding(
                    (*item.path, "networks", index, "network"), f"there is no network `{nic.network}`"
                )
            if nic.mac and nic.mac in seen:
                yield Finding((*item.path, "networks", index, "mac"), f"`{seen[nic.mac]}` has this MAC, too",
                              warning=item.spec.state == "stopped")  # fmt: skip
            if nic.mac:
                seen[nic.mac] = item.name
    if cycle := find_cycle(graph):
        yield Finding(("vms", cycle[0], "depends_on"), f"VMs depend on each other: {' → '.join(cycle)}")


SECTIONS = (
    Section("networks", "network", NetworkSpec),
    Section("pools", "pool", PoolSpec),
    Section("volumes", "volume", VolumeSpec),
    Section("vms", "vm", VmSpec, profiles=True, check=check_vms),
)
