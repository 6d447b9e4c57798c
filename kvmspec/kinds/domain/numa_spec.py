"""NUMA cells of the guest, as the manifest writes them (https://libvirt.org/formatdomain.html#numa-node)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_set import CpuSet, numbers
from kvmspec.kinds.domain.words import Access, CellNumber
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Size

Level = Annotated[int, Field(ge=1, le=255, strict=True)]
Distance = Annotated[int, Field(ge=10, le=255, strict=True)]
Latency = Annotated[int, Field(ge=1, le=2**32 - 1, strict=True)]


class MemoryCacheSpec(Model):
    """A cache between a cell and its memory (ACPI's HMAT)."""

    examples: ClassVar[Sequence[Any]] = (
        {"level": 1, "size": "10KiB", "line": "8B", "associativity": "direct", "policy": "writeback"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"level", "size", "line"})

    level: Level = Field(examples=[1])
    """Its level, from 1 on; the higher, the nearer to the memory."""
    size: Size = Field(examples=["10KiB"])
    """How much it holds."""
    line: Size = Field(examples=["64B"])
    """Size of a cache line."""
    associativity: Literal["none", "direct", "full"] = Field("none", examples=["direct"])
    """Where a line of memory may be: not told, in one place, or anywhere."""
    policy: Literal["none", "writeback", "writethrough"] = Field("none", examples=["writeback"])
    """When what is written gets to the memory: not told, later, or at once."""


class PathSpec(Model):
    """A way from the CPUs of a cell to the memory of one."""

    initiator: CellNumber = Field(examples=[0])
    """The cell whose CPUs ask."""
    target: CellNumber = Field(examples=[0])
    """The cell whose memory, or cache, is meant."""
    cache: Level | None = Field(None, examples=[1])
    """The level of the target's cache; without it the memory itself."""
    type: Literal["access", "read", "write"] = Field("access", examples=["read"])
    """Whether it is about reading, writing, or both."""


class LatencySpec(PathSpec):
    """How long CPUs wait for memory (ACPI's HMAT)."""

    examples: ClassVar[Sequence[Any]] = (
        {"initiator": 0, "target": 0, "value": 5},
        {"initiator": 0, "target": 0, "cache": 1, "type": "read", "value": 10},
    )
    least: ClassVar[frozenset[str]] = frozenset({"initiator", "target", "value"})

    value: Latency = Field(examples=[5])
    """Nanoseconds."""


class BandwidthSpec(PathSpec):
    """How much memory CPUs get (ACPI's HMAT)."""

    examples: ClassVar[Sequence[Any]] = (
        {"initiator": 0, "target": 0, "value": "200MiB"},
        {"initiator": 0, "target": 0, "cache": 1, "type": "write", "value": "204MiB"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"initiator", "target", "value"})

    value: Size = Field(examples=["200MiB"])
    """In a second."""


class CellSpec(Model):
    """A NUMA cell: CPUs and the memory near to them."""

    examples: ClassVar[Sequence[Any]] = (
        {"cpus": "0-3", "memory": "2GiB"},
        {"cpus": "0-3", "memory": "2GiB", "access": "shared", "discard": True, "distances": {1: 21}},
        {"memory": "2GiB", "caches": MemoryCacheSpec.examples},
    )
    least: ClassVar[frozenset[str]] = frozenset({"cpus", "memory"})

    cpus: CpuSet | None = Field(None, examples=["0-3"])
    """The numbers of its vCPUs; without it the cell is memory alone."""
    memory: Size | None = Field(None, examples=["2GiB"])
    """The memory it boots with; without it the cell is CPUs alone."""
    access: Access | None = Field(None, examples=["shared"])
    """Whether the host's processes can share its memory, otherwise than `memory.access` has it."""
    discard: bool | None = Field(None, examples=[True])
    """Whether what was in its memory is thrown away when the VM stops, otherwise than `memory.discard`."""
    distances: dict[CellNumber, Distance] = Field(default_factory=dict, examples=[{1: 21}])
    """How far other cells' memory is, by the number of the cell; 10 is its own. What one cell says of
    another, that one says of it, too, unless it states otherwise."""
    caches: tuple[MemoryCacheSpec, ...] = Field((), examples=[list(MemoryCacheSpec.examples)])
    """Caches between its CPUs and its memory."""

    @model_validator(mode="after")
    def _is_something(self) -> CellSpec:
        if self.cpus is None and self.memory is None:
            raise PydanticCustomError("numa", "a cell has `cpus`, `memory`, or both")
        levels = [cache.level for cache in self.caches]
        if levels != sorted(set(levels)):
            raise PydanticCustomError("numa", "`caches` are in the order of their levels, each level once")
        return self


class NumaSpec(Model):
    """NUMA cells of the guest."""

    short: ClassVar[str | None] = "cells"

    examples: ClassVar[Sequence[Any]] = (
        [{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "1GiB"}],
        {
            "cells": [
                {"cpus": "0-1", "memory": "1GiB", "distances": {1: 21}},
                {"cpus": "2-3", "memory": "1GiB"},
            ],
        },
        {
            "cells": [{"cpus": "0-3", "memory": "2GiB"}],
            "latencies": [{"initiator": 0, "target": 0, "value": 5}],
            "bandwidths": [{"initiator": 0, "target": 0, "value": "200MiB"}],
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"cells"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"cells.distances": ()}

    cells: tuple[CellSpec, ...] = Field(
        max_length=1024,
        examples=[[{"cpus": "0-1", "memory": "1GiB"}, {"cpus": "2-3", "memory": "1GiB"}]],
    )
    """The cells, in the order of their numbers, from 0 on; `[]` takes them away."""
    latencies: tuple[LatencySpec, ...] = Field((), examples=[list(LatencySpec.examples)])
    """How long CPUs wait for memory."""
    bandwidths: tuple[BandwidthSpec, ...] = Field((), examples=[list(BandwidthSpec.examples)])
    """How much memory CPUs get."""

    @property
    def memory(self) -> int:
        """Bytes of all cells."""
        return sum(cell.memory or 0 for cell in self.cells)

    @property
    def distances(self) -> Mapping[int, Mapping[int, int]]:
        """Of each cell all distances, as libvirt completes them (virDomainNumaDefNodeDistanceParseXML, 9.0):
        10 to itself, and what another cell says of it. Of a cell that no other says anything of, there are
        none."""
        stated = {number: cell.distances for number, cell in enumerate(self.cells) if cell.distances}
        every = range(len(self.cells))
        told = {a: {b: there[a] for b, there in stated.items() if a in there} for a in every}
        found = {a: told[a] | stated.get(a, {}) for a in every}
        return {a: dict(sorted({a: 10, **found[a]}.items())) for a in every if found[a]}

    @model_validator(mode="after")
    def _possible(self) -> NumaSpec:
        if problem := self._contradiction():
            raise PydanticCustomError("numa", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        chosen = [number for cell in self.cells if cell.cpus for number in numbers(cell.cpus)]
        if len(set(chosen)) != len(chosen):
            return "two cells have the same vCPU in `cpus`"
        named = {number for cell in self.cells for number in cell.distances}
        named |= {way.target for way in (*self.latencies, *self.bandwidths)}
        named |= {way.initiator for way in (*self.latencies, *self.bandwidths)}
        if any(number >= len(self.cells) for number in named):
            return "a cell is named that there is not: the first is 0"
        return None

    def unplaced(self, vcpus: int) -> LiteralString | None:
        """Why the cells cannot be those of so many vCPUs; None where they can."""
        chosen = {number for cell in self.cells if cell.cpus for number in numbers(cell.cpus)}
        if self.cells and chosen - set(range(vcpus)):
            return "`numa` names a vCPU that there is not: the last is `cpus.max` - 1"
        if self.cells and len(chosen) < vcpus:
            return "`numa` leaves out a vCPU: each is in one of the cells"
        return None
