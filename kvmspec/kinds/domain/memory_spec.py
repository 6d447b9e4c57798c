"""Memory, and what a VM may have of its host's, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.cpu_set import CpuSet
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, Size


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

    hard_limit: Memory | None = Field(None, examples=["3GiB"])
    """The VM is stopped by the host rather than have more: leave room for QEMU itself."""
    soft_limit: Memory | None = Field(None, examples=["2GiB"])
    """What the VM is brought back to when memory is short."""
    swap_hard_limit: Memory | None = Field(None, examples=["4GiB"])
    """Memory and swap together; not below `hard_limit`."""

    @model_validator(mode="after")
    def _ordered(self) -> MemoryTuningSpec:
        if (self.hard_limit or 0) > (self.swap_hard_limit or 2**63):
            raise PydanticCustomError("limits", "`hard_limit` is above `swap_hard_limit`, which includes it")
        return self


class NumatuneSpec(Model):
    """Nodes of the host that the memory comes from."""

    examples: ClassVar[Sequence[Any]] = ({"mode": "restrictive", "nodes": "0"},)
    least: ClassVar[frozenset[str]] = frozenset({"nodes"})

    mode: Literal["strict", "preferred", "interleave", "restrictive"] = Field(
        "strict", examples=["restrictive"]
    )
    """How: only from them, first from them, by turns; `restrictive` leaves it to the host's cgroups, and is
    the one whose nodes can change live."""
    nodes: CpuSet = Field(examples=["0-1"])
    """The numbers of the nodes."""


class BlkioSpec(Model):
    """The VM's part of the host's disk I/O."""

    examples: ClassVar[Sequence[Any]] = ({"weight": 500},)

    weight: Annotated[int, Field(ge=1, le=10000, strict=True)] | None = Field(None, examples=[500])
    """Its weight among VMs; hosts take 100 to 1000, or 1 to 10000, as their scheduler does."""


class DimmSpec(Placeable):
    """A DIMM: memory that is plugged in and out while the guest runs."""

    short: ClassVar[str | None] = "size"

    examples: ClassVar[Sequence[Any]] = ("1GiB", {"size": "1GiB", "node": 0})
    least: ClassVar[frozenset[str]] = frozenset({"size"})

    size: Memory
    """Its size, a multiple of 128MiB: in such blocks guests take memory."""
    node: Annotated[int, Field(ge=0, le=1023, strict=True)] = Field(0, examples=[0])
    """The guest's NUMA node that it belongs to."""

    @model_validator(mode="after")
    def _in_blocks(self) -> DimmSpec:
        if self.size % _BLOCK:
            raise PydanticCustomError(
                "dimm", "the size of a DIMM is a multiple of 128MiB, or the guest refuses it"
            )
        return self


_BLOCK = 2**27  # of Linux's on x86 and below 64 GiB; QEMU takes others, the guest's kernel does not (9.0)


class MemorySpec(Model):
    """Memory."""

    short: ClassVar[str | None] = "size"

    examples: ClassVar[Sequence[Any]] = (
        "2GiB",
        {"size": "2GiB", "max": "8GiB"},
        {"size": "2GiB", "slots": 4, "ceiling": "8GiB", "dimms": ["1GiB"]},
        {"size": "2GiB", "hugepages": "2MiB", "locked": True},
        {"size": "2GiB", "tuning": {"hard_limit": "3GiB"}, "stats_period": "10s"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"size", "max"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "slots": ["ceiling"],
        "ceiling": ["slots"],
        "dimms": ["slots", "ceiling"],
    }

    size: Memory | None = None
    """Memory the guest has now: 1MiB to 16TiB. Required, unless `uuid` adopts a VM."""
    max: Memory | None = None
    """Ceiling up to which `size` can grow while the guest runs."""
    slots: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[4])
    """How many DIMMs the guest has room for; with it goes `ceiling`."""
    ceiling: Memory | None = Field(None, examples=["8GiB"])
    """The most memory, DIMMs included."""
    dimms: tuple[DimmSpec, ...] = ()
    """DIMMs beside the memory the guest boots with, which `size` and `max` are about."""
    hugepages: Literal[True] | Memory | None = Field(None, examples=["2MiB"])
    """Takes it from the host's huge pages: of this size, or with `true` of the host's usual one."""
    locked: bool | None = Field(None, examples=[True])
    """Never swapped out by the host; it needs a `tuning.hard_limit`, or the host may run out of memory."""
    tuning: MemoryTuningSpec | None = None
    """Limits for all of the VM's memory on the host."""
    numatune: NumatuneSpec | None = None
    """Nodes of the host that the memory comes from."""
    stats_period: Duration | None = Field(None, examples=["10s"])
    """How often the guest's balloon driver tells how its memory is used (`virsh dommemstat`)."""

    @property
    def boots_with(self) -> int | None:
        """libvirt's <memory> without its DIMMs. With slots it is all in a NUMA cell."""
        return self.max or (self.size if self.slots else None)

    @property
    def plugged(self) -> int:
        return sum(dimm.size for dimm in self.dimms)

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
        if len(self.dimms) > (self.slots or 0):
            return "there are more `dimms` than `slots`"
        if self.ceiling is not None and (self.max or self.size or 0) + self.plugged > self.ceiling:
            return "memory and `dimms` together are above `ceiling`"
        return None
