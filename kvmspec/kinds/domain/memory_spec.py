"""Memory, and what a VM may have of its host's, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_set import CpuSet
from kvmspec.kinds.domain.words import Access
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, Size

if TYPE_CHECKING:
    from kvmspec.kinds.domain.memory_devices_spec import DimmSpec, MemoryDeviceSpec
    from kvmspec.kinds.domain.numatune_spec import NumatuneSpec
else:
    DimmSpec = deferred("kvmspec.kinds.domain.memory_devices_spec", "DimmSpec")
    MemoryDeviceSpec = deferred("kvmspec.kinds.domain.memory_devices_spec", "MemoryDeviceSpec")
    NumatuneSpec = deferred("kvmspec.kinds.domain.numatune_spec", "NumatuneSpec")


def _reasonable(size: int) -> int:
    if not _LEAST_MEMORY <= size <= _MOST_MEMORY:
        raise PydanticCustomError("memory", "a VM has between 1MiB and 16TiB of memory")
    return size


_LEAST_MEMORY, _MOST_MEMORY = 2**20, 2**44  # QEMU's q35 takes 16 TiB less a hole at the most
Memory = Annotated[Size, AfterValidator(_reasonable)]

LIMITS = ("hard_limit", "soft_limit", "swap_hard_limit")


class MemoryTuningSpec(Model):
    """Limits for all of the VM's memory on the host, QEMU's own included."""

    examples: ClassVar[Sequence[Any]] = ({"hard_limit": "3GiB", "soft_limit": "2GiB"},)

    hard_limit: Size | None = Field(None, examples=["3GiB"])
    """The VM is stopped by the host rather than have more: leave room for QEMU itself."""
    soft_limit: Size | None = Field(None, examples=["2GiB"])
    """What the VM is brought back to when memory is short."""
    swap_hard_limit: Size | None = Field(None, examples=["4GiB"])
    """Memory and swap together; not below `hard_limit`."""

    @model_validator(mode="after")
    def _ordered(self) -> MemoryTuningSpec:
        if (self.hard_limit or 0) > (self.swap_hard_limit or 2**63):
            raise PydanticCustomError("limits", "`hard_limit` is above `swap_hard_limit`, which includes it")
        return self


_NVDIMM = {"model": "nvdimm", "size": "1GiB", "path": "/srv/web.nvdimm", "label_size": "128KiB"}


class AllocationSpec(Model):
    """When the host gives the memory."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = ("immediate", {"mode": "immediate", "threads": 8})
    least: ClassVar[frozenset[str]] = frozenset({"mode"})

    mode: Literal["immediate", "ondemand"] | None = Field(None, examples=["immediate"])
    """All of it before the guest starts, or as the guest comes to use it."""
    threads: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = Field(None, examples=[8])
    """How many threads take it."""

    @model_validator(mode="after")
    def _is_something(self) -> AllocationSpec:
        if self.mode is None and self.threads is None:
            raise PydanticCustomError("allocation", "`allocation` states a `mode`, `threads`, or both")
        return self


class PagesSpec(Model):
    """Huge pages of one size."""

    short: ClassVar[str | None] = "size"

    examples: ClassVar[Sequence[Any]] = ("1GiB", {"size": "2MiB", "cells": "0-1"})
    least: ClassVar[frozenset[str]] = frozenset({"size"})

    size: Size = Field(examples=["2MiB"])
    """Their size."""
    cells: CpuSet | None = Field(None, examples=["0-1"])
    """The guest's NUMA cells that are made of them; without it those that no other entry names."""


class MemorySpec(Model):
    """Memory."""

    short: ClassVar[str | None] = "size"

    examples: ClassVar[Sequence[Any]] = (
        "2GiB",
        {"size": "2GiB", "max": "8GiB"},
        {"size": "2GiB", "slots": 4, "ceiling": "8GiB", "dimms": ["1GiB"]},
        {"size": "2GiB", "slots": 4, "ceiling": "8GiB", "devices": [_NVDIMM]},
        {"size": "2GiB", "hugepages": "2MiB", "locked": True},
        {"size": "2GiB", "hugepages": ["1GiB", {"size": "2MiB", "cells": "1"}]},
        {"size": "2GiB", "source": "memfd", "access": "shared", "allocation": "immediate", "discard": True},
        {"size": "2GiB", "nosharepages": True},
        {"size": "2GiB", "tuning": {"hard_limit": "3GiB"}, "stats_period": "10s"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"size", "max"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "slots": ["ceiling"],
        "ceiling": ["slots"],
        "dimms": ["slots", "ceiling"],
        "devices": ["slots", "ceiling"],
    }

    size: Memory | None = None
    """Memory the guest has now: 1MiB to 16TiB. Required, unless `uuid` adopts a VM."""
    max: Memory | None = None
    """Ceiling up to which `size` can grow while the guest runs."""
    slots: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """How many DIMMs the guest has room for; with it goes `ceiling`."""
    ceiling: Size | None = Field(None, examples=["8GiB"])
    """The most memory, DIMMs and `devices` included."""
    dimms: tuple[DimmSpec, ...] = ()
    """DIMMs beside the memory the guest boots with, which `size` and `max` are about."""
    devices: tuple[MemoryDeviceSpec, ...] = Field((), examples=[[_NVDIMM]])
    """Memory of other kinds, besides."""
    hugepages: Literal[True] | Size | tuple[PagesSpec, ...] | None = Field(None, examples=["2MiB"])
    """Takes it from the host's huge pages: of this size, of several sizes, or with `true` of the host's
    usual one."""
    locked: bool | None = Field(None, examples=[True])
    """Never swapped out by the host; it needs a `tuning.hard_limit`, or the host may run out of memory."""
    nosharepages: bool | None = Field(None, examples=[True])
    """Keeps the host from sharing equal pages among VMs (KSM)."""
    source: Literal["anonymous", "file", "memfd"] | None = Field(None, examples=["memfd"])
    """What it is made of on the host; `file` and `memfd` can be shared with the host's processes."""
    access: Access | None = Field(None, examples=["shared"])
    """Whether the host's processes can share it, as virtiofs and vhost-user need it."""
    allocation: AllocationSpec | None = Field(None, examples=["immediate"])
    """When the host gives it."""
    discard: bool | None = Field(None, examples=[True])
    """Whether what was in it is thrown away when the VM stops, rather than written to its file."""
    tuning: MemoryTuningSpec | None = None
    """Limits for all of the VM's memory on the host."""
    numatune: NumatuneSpec | None = Field(None, examples=[{"nodes": "0"}])
    """Nodes of the host that the memory comes from."""
    stats_period: Duration | None = Field(None, examples=["10s"])
    """How often the guest's balloon driver tells how its memory is used (`virsh dommemstat`)."""

    @property
    def boots_with(self) -> int | None:
        """libvirt's <memory> without its memory devices."""
        return self.max or (self.size if self.slots else None)

    @property
    def plugged_in(self) -> Sequence[DimmSpec | MemoryDeviceSpec]:
        """All memory devices, DIMMs first."""
        return (*self.dimms, *self.devices)

    @property
    def cells(self) -> set[int]:
        """The NUMA cells that memory devices belong to."""
        return {*(dimm.node for dimm in self.dimms), *(d.cell for d in self.devices if d.cell is not None)}

    @property
    def plugged(self) -> int:
        """Bytes of all memory devices, which libvirt's <memory> counts."""
        return sum(device.size for device in self.plugged_in)

    @property
    def current(self) -> int:
        """libvirt's <currentMemory>: with all memory devices where no `max` is stated, else with DIMMs alone,
        as the balloon counts them (9.0)."""
        dimms = sum(device.size for device in self.plugged_in if device.model == "dimm")
        return (self.size or 0) + (self.plugged if self.max is None else dimms)

    @property
    def pages(self) -> Sequence[PagesSpec]:
        """Huge pages of stated sizes."""
        if self.hugepages is None or self.hugepages is True:
            return ()
        return (
            self.hugepages
            if isinstance(self.hugepages, tuple)
            else (PagesSpec.model_construct(size=self.hugepages),)
        )

    @property
    def backed(self) -> bool:
        """Whether anything is stated of what the memory is made of."""
        stated = (self.hugepages, self.source, self.access, self.allocation)
        return any((*stated, self.locked, self.nosharepages, self.discard))

    @property
    def limits(self) -> dict[str, int]:
        """<memtune>'s elements that are stated, in bytes."""
        tuning = self.tuning
        return {name: value for name in LIMITS if tuning and (value := getattr(tuning, name)) is not None}

    @model_validator(mode="after")
    def _possible(self) -> MemorySpec:
        if self.size is not None and self.max is not None and self.size > self.max:
            raise PydanticCustomError("over_max", "`size` is above `max`")
        if problem := self._contradiction():
            raise PydanticCustomError("memory", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        if self.stats_period == 0:
            return "`stats_period` is at least 1s; without it the guest is not asked"
        return self._no_room()

    def _no_room(self) -> LiteralString | None:
        if (self.slots is None) != (self.ceiling is None):
            return "`slots` and `ceiling` go together: how many DIMMs, and how much memory with them"
        slotted = sum(device.model in ("dimm", "nvdimm") for device in self.plugged_in)
        if slotted > (self.slots or 0):
            return "there are more `dimms`, and `devices` that take a slot, than `slots`"
        if self.devices and self.slots is None:
            return "`devices` need room: state `slots` and `ceiling`"
        if self.ceiling is not None and (self.max or self.size or 0) + self.plugged > self.ceiling:
            return "memory, `dimms` and `devices` together are above `ceiling`"
        return None
