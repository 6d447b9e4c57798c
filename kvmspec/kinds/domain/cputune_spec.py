"""Schedulers, caches and memory bandwidth of a VM's threads, as the manifest writes them
(https://libvirt.org/formatdomain.html#cpu-tuning)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_set import CpuSet
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Size

Level = Annotated[int, Field(ge=1, le=4, strict=True)]
Percent = Annotated[int, Field(ge=1, le=100, strict=True)]
Number = Annotated[int, Field(ge=0, le=1023)]
_REAL_TIME = ("fifo", "rr")


class SchedulerSpec(Model):
    """How the host's kernel schedules threads."""

    short: ClassVar[str | None] = "scheduler"

    examples: ClassVar[Sequence[Any]] = ("batch", {"scheduler": "fifo", "priority": 1})

    scheduler: Literal["batch", "idle", "fifo", "rr"] = Field(examples=["batch"])
    """For long work; only when nothing else wants the CPU; in real time, one after the other or by turns."""
    priority: Annotated[int, Field(ge=1, le=99, strict=True)] | None = Field(None, examples=[1])
    """Of `fifo` and `rr`: the higher one runs first."""

    @property
    def attributes(self) -> Iterator[tuple[str, Any]]:
        """Those of libvirt's elements."""
        yield "scheduler", self.scheduler
        if self.priority is not None:
            yield "priority", self.priority

    @model_validator(mode="after")
    def _fits(self) -> SchedulerSpec:
        if (self.scheduler in _REAL_TIME) != (self.priority is not None):
            raise PydanticCustomError("scheduler", "`priority` goes with `fifo` and `rr`, and these need one")
        return self


class VcpuSchedulerSpec(SchedulerSpec):
    """How the host's kernel schedules vCPUs."""

    short: ClassVar[str | None] = None

    examples: ClassVar[Sequence[Any]] = (
        {"vcpus": "0-1", "scheduler": "fifo", "priority": 1},
        {"vcpus": "2", "scheduler": "idle"},
    )

    vcpus: CpuSet = Field(examples=["0-1"])
    """The numbers of the vCPUs."""


class VcpuSpec(Model):
    """A vCPU that is there."""

    examples: ClassVar[Sequence[Any]] = ({"hotpluggable": True, "order": 1}, {})

    hotpluggable: bool | None = Field(None, examples=[True])
    """Whether it can be taken away again; all can when not given, but for the first."""
    order: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(None, examples=[1])
    """Its place in the order in which they are added."""


class CacheAllocationSpec(Model):
    """A part of one of the host's caches."""

    examples: ClassVar[Sequence[Any]] = (
        {"id": 0, "size": "3MiB"},
        {"id": 1, "level": 3, "type": "code", "size": "3MiB"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"id", "size"})

    id: Number = Field(examples=[0])
    """The cache's number on the host (`virsh capabilities`)."""
    level: Level = Field(3, examples=[3])
    """Its level."""
    type: Literal["both", "code", "data"] = Field("both", examples=["code"])
    """What it holds."""
    size: Size = Field(examples=["3MiB"])
    """How much of it."""

    @property
    def amount(self) -> tuple[int, str]:
        """The size as libvirt writes it: a number, and the largest unit that is exact."""
        size, units = self.size, ["B", "KiB", "MiB", "GiB", "TiB"]
        while size % 1024 == 0 and len(units) > 1:
            size, units = size // 1024, units[1:]
        return size, units[0]


class CacheMonitorSpec(Model):
    """Watches how much of a cache is used."""

    examples: ClassVar[Sequence[Any]] = ({"level": 3, "vcpus": "1"},)
    least: ClassVar[frozenset[str]] = frozenset({"vcpus"})

    level: Level = Field(3, examples=[3])
    """The level of the cache."""
    vcpus: CpuSet = Field(examples=["1"])
    """The vCPUs it is about."""


class CacheTuneSpec(Model):
    """What vCPUs have of the host's caches (resctrl; KVM only)."""

    examples: ClassVar[Sequence[Any]] = (
        {"vcpus": "0-1", "caches": [{"id": 0, "size": "3MiB"}]},
        {"vcpus": "2", "caches": [{"id": 0, "size": "1MiB"}], "monitors": [{"level": 3, "vcpus": "2"}]},
    )
    least: ClassVar[frozenset[str]] = frozenset({"vcpus", "caches"})

    vcpus: CpuSet = Field(examples=["0-1"])
    """The numbers of the vCPUs, which are in no other entry."""
    caches: tuple[CacheAllocationSpec, ...] = Field((), examples=[[{"id": 0, "size": "3MiB"}]])
    """Their part of the caches."""
    monitors: tuple[CacheMonitorSpec, ...] = Field((), examples=[[{"level": 3, "vcpus": "1"}]])
    """What is watched."""

    @property
    def in_order(self) -> Sequence[CacheAllocationSpec]:
        """The caches as libvirt orders them."""
        kinds = ("both", "code", "data")
        return sorted(self.caches, key=lambda cache: (cache.level, kinds.index(cache.type), cache.id))

    @model_validator(mode="after")
    def _is_something(self) -> CacheTuneSpec:
        if not self.caches and not self.monitors:
            raise PydanticCustomError("cachetune", "`cachetune` states `caches`, `monitors`, or both")
        return self


class BandwidthSpec(Model):
    """A part of the memory bandwidth of one of the host's nodes."""

    examples: ClassVar[Sequence[Any]] = ({"id": 0, "bandwidth": 60},)
    least: ClassVar[frozenset[str]] = frozenset({"id", "bandwidth"})

    id: Number = Field(examples=[0])
    """The node's number on the host."""
    bandwidth: Percent = Field(examples=[60])
    """Per cent of what there is."""


class MemoryTuneSpec(Model):
    """What vCPUs have of the host's memory bandwidth (resctrl; KVM only)."""

    examples: ClassVar[Sequence[Any]] = ({"vcpus": "0-1", "nodes": [{"id": 0, "bandwidth": 60}]},)
    least: ClassVar[frozenset[str]] = frozenset({"vcpus", "nodes"})

    vcpus: CpuSet = Field(examples=["0-1"])
    """The numbers of the vCPUs, which are in no other entry."""
    nodes: tuple[BandwidthSpec, ...] = Field(min_length=1, examples=[[{"id": 0, "bandwidth": 60}]])
    """Their part of each node."""
