"""The host's NUMA nodes that memory comes from, as the manifest writes them
(https://libvirt.org/formatdomain.html#numa-node-tuning)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_set import ByNumber, CpuSet
from kvmspec.kinds.domain.words import CellNumber
from kvmspec.manifest.model import Model

NumaMode = Literal["strict", "preferred", "interleave", "restrictive"]


class MemnodeSpec(Model):
    """Nodes of the host that the memory of one NUMA cell comes from."""

    short: ClassVar[str | None] = "nodes"

    examples: ClassVar[Sequence[Any]] = ("1", {"mode": "preferred", "nodes": "0"})
    least: ClassVar[frozenset[str]] = frozenset({"nodes"})

    mode: NumaMode = Field("strict", examples=["preferred"])
    """How, as with all of the memory."""
    nodes: CpuSet = Field(examples=["0-1"])
    """The numbers of the nodes."""


class NumatuneSpec(Model):
    """Nodes of the host that the memory comes from."""

    short: ClassVar[str | None] = "nodes"

    examples: ClassVar[Sequence[Any]] = (
        {"mode": "restrictive", "nodes": "0"},
        {"nodes": "0-1", "cells": {0: {"mode": "preferred", "nodes": "0"}, 1: "1"}},
        {"mode": "preferred", "placement": "auto"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"nodes"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"placement": ["mode"]}

    mode: NumaMode = Field("strict", examples=["restrictive"])
    """How: only from them, first from them, by turns; `restrictive` leaves it to the host's cgroups, and is
    the one whose nodes can change live."""
    nodes: CpuSet | None = Field(None, examples=["0-1"])
    """The numbers of the nodes."""
    placement: Literal["auto"] | None = Field(None, examples=["auto"])
    """Takes the nodes that numad advises, instead of `nodes`; the vCPUs are then placed so, too."""
    cells: Annotated[dict[CellNumber, MemnodeSpec], ByNumber()] = Field(
        default_factory=dict, examples=[{0: "0", 1: "1"}]
    )
    """The same for one of the guest's NUMA cells, by its number."""

    @model_validator(mode="after")
    def _possible(self) -> NumatuneSpec:
        if self.nodes is None and self.placement is None and not self.cells:
            raise PydanticCustomError("numatune", "`nodes` is required, or `placement: auto`, or `cells`")
        if self.nodes is not None and self.placement is not None:
            raise PydanticCustomError("numatune", "give either `nodes`, or `placement: auto`")
        if self.placement is not None and self.cells:
            raise PydanticCustomError("numatune", "`placement: auto` is for the whole VM, without `cells`")
        modes = {cell.mode for cell in self.cells.values()} | ({self.mode} if self.nodes else set())
        if "restrictive" in modes and len(modes) > 1:
            raise PydanticCustomError("numatune", "`restrictive` is the mode of all the cells, or of none")
        return self
