"""Memory that is a device, as the manifest writes it (https://libvirt.org/formatdomain.html#memory-devices)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.cpu_set import CpuSet
from kvmspec.kinds.domain.words import Access, CellNumber
from kvmspec.manifest.types import HostPath, Size

Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class PluggedSpec(Placeable):
    """What every kind of memory device has."""

    access: Access | None = Field(None, examples=["shared"])
    """Whether the host's processes can share it, otherwise than `memory.access` has it."""
    discard: bool | None = Field(None, examples=[True])
    """Whether what was in it is thrown away when the VM stops, otherwise than `memory.discard`."""
    page_size: Size | None = Field(None, examples=["2MiB"])
    """The pages of the host that it is made of."""
    host_nodes: CpuSet | None = Field(None, examples=["0-1"])
    """The host's NUMA nodes that it comes from."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """These come behind a device's own fields."""
        for name in PluggedSpec.__annotations__:
            if name in cls.__pydantic_fields__:
                cls.__pydantic_fields__[name] = cls.__pydantic_fields__.pop(name)
        super().__pydantic_init_subclass__(**kwargs)

    @property
    def sourced(self) -> bool:
        """Whether anything is stated of where on the host it comes from."""
        return self.page_size is not None or self.host_nodes is not None


class DimmSpec(PluggedSpec):
    """A DIMM: memory that is plugged in and out while the guest runs."""

    short: ClassVar[str | None] = "size"

    examples: ClassVar[Sequence[Any]] = (
        "1GiB",
        {"size": "1GiB", "node": 0},
        {"size": "1GiB", "access": "shared", "discard": True, "page_size": "2MiB", "host_nodes": "0"},
        {"size": "1GiB", "address": {"dimm": {"slot": 3, "base": "0x100000000"}}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"size"})
    model: ClassVar[str] = "dimm"

    size: Size = Field(examples=["1GiB"])
    """Its size; guests with Linux take memory in blocks of 128MiB."""
    node: CellNumber = Field(0, examples=[0])
    """The guest's NUMA cell that it belongs to."""


class MemoryDeviceSpec(PluggedSpec):
    """Memory of another kind than a DIMM."""

    examples: ClassVar[Sequence[Any]] = (
        {"model": "nvdimm", "size": "1GiB", "path": "/srv/web.nvdimm", "label_size": "128KiB"},
        {"model": "nvdimm", "size": "1GiB", "path": "/dev/dax0.0", "alignment": "2MiB", "pmem": True},
        {"model": "nvdimm", "size": "1GiB", "path": "/srv/ro.nvdimm", "readonly": True, "node": 0},
        {"model": "virtio-pmem", "size": "1GiB", "path": "/srv/web.pmem", "discard": True},
        {"model": "virtio-mem", "size": "1GiB", "block_size": "2MiB", "requested": "512MiB"},
        {"model": "sgx-epc", "size": "64MiB", "page_size": "4KiB", "host_nodes": "0-1"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"model", "size", "path", "block_size"})

    model: Literal["nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc", "dimm"]
    """What it is: an NVDIMM; persistent memory of virtio's; memory that grows and shrinks in blocks; memory
    for enclaves; a DIMM that comes behind one of these, others are `dimms`."""
    size: Size = Field(examples=["1GiB"])
    """Its size."""
    node: CellNumber | None = Field(None, examples=[0])
    """The guest's NUMA cell that it belongs to; 0 when not given. `virtio-pmem` belongs to none."""
    path: HostPath | None = Field(None, examples=["/srv/web.nvdimm"])
    """The file or device of the host that keeps what is in it, of `nvdimm` and `virtio-pmem`."""
    alignment: Size | None = Field(None, examples=["2MiB"])
    """How it is aligned in the host's memory, of `nvdimm`; for device DAX."""
    pmem: bool | None = Field(None, examples=[True])
    """Whether `path` is persistent memory, of `nvdimm`: what is written is then made to last."""
    label_size: Size | None = Field(None, examples=["128KiB"])
    """Room for namespace labels, of `nvdimm`."""
    readonly: bool | None = Field(None, examples=[True])
    """Whether the guest may only read, of `nvdimm`."""
    uuid: Uuid | None = Field(None, examples=["49545eb3-75e1-2d0a-acdd-f0294406c99e"])
    """Its identity, of an `nvdimm` on ppc64le."""
    block_size: Size | None = Field(None, examples=["2MiB"])
    """The blocks in which it grows and shrinks, of `virtio-mem`."""
    requested: Size | None = Field(None, examples=["512MiB"])
    """How much of it the guest is to have now, of `virtio-mem`; nothing, when not given."""

    @property
    def cell(self) -> int | None:
        """The NUMA cell it belongs to; libvirt wants it said of these (9.0)."""
        return 0 if self.node is None and self.model in _DIVIDED else self.node

    @model_validator(mode="after")
    def _fits(self) -> MemoryDeviceSpec:
        if problem := self._contradiction():
            raise PydanticCustomError("memory_device", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        said = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if said & _OF_NVDIMM and self.model != "nvdimm":
            return "`alignment`, `pmem`, `label_size`, `readonly` and `uuid` are of `model: nvdimm`"
        if said & _OF_VIRTIO_MEM and self.model != "virtio-mem":
            return "`block_size` and `requested` are of `model: virtio-mem`"
        if (self.path is not None) != (self.model in _KEPT):
            return "`path` is needed by `nvdimm` and `virtio-pmem`, and the others have none"
        if self.sourced and self.model in _KEPT:
            return "`page_size` and `host_nodes` are of memory that no `path` keeps"
        if self.discard is not None and self.model == "nvdimm":
            return "libvirt takes no `discard` of an `nvdimm`, which lasts"
        if self.model == "virtio-mem" and self.block_size is None:
            return "`virtio-mem` needs a `block_size`, such as the 2MiB of a huge page"
        return None


_OF_NVDIMM = frozenset({"alignment", "pmem", "label_size", "readonly", "uuid"})
_OF_VIRTIO_MEM = frozenset({"block_size", "requested"})
_DIVIDED = ("dimm", "nvdimm", "virtio-mem")
_KEPT = ("nvdimm", "virtio-pmem")
