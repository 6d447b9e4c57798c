"""Controllers, as the manifest writes them: a list, in which the order gives each its number.

Facts: https://libvirt.org/formatdomain.html#controllers and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model

Number = Annotated[int, Field(ge=0, le=65535, strict=True)]
Byte = Annotated[int, Field(ge=0, le=255, strict=True)]

MODELS: Mapping[str, tuple[str, ...]] = {
    "usb": (
        "qemu-xhci", "nec-xhci", "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3", "ehci",
        "piix3-uhci", "piix4-uhci", "vt82c686b-uhci", "pci-ohci", "none",
    ),
    "scsi": (
        "virtio-scsi", "virtio-transitional", "virtio-non-transitional", "lsilogic", "lsisas1068",
        "lsisas1078", "vmpvscsi", "buslogic", "ibmvscsi", "ncr53c90", "dc390", "am53c974", "auto",
    ),
    "virtio-serial": ("virtio", "virtio-transitional", "virtio-non-transitional"),
    "ide": ("piix3", "piix4", "ich6"),
    "pci": (
        "pcie-root", "pcie-root-port", "pcie-to-pci-bridge", "pcie-switch-upstream-port",
        "pcie-switch-downstream-port", "pcie-expander-bus", "pci-root", "pci-bridge", "dmi-to-pci-bridge",
        "pci-expander-bus",
    ),
}  # fmt: skip
"""The models that each type has; the others have none."""
_OF: Mapping[str, tuple[str, ...]] = {
    "ports": ("usb", "virtio-serial"),
    "vectors": ("virtio-serial",),
    "master": ("usb",),
    "queues": ("scsi",),
    "cmd_per_lun": ("scsi",),
    "max_sectors": ("scsi",),
    "iothread": ("scsi",),
    "chassis": ("pci",),
    "port": ("pci",),
    "node": ("pci",),
    "hotplug": ("pci",),
}
"""Fields that not every type has."""


class Placed(NamedTuple):
    """A controller and the number by which devices are plugged into it."""

    number: int
    spec: ControllerSpec


class ControllerSpec(Model):
    """What devices are plugged into; its type in short."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        {"type": "usb", "model": "qemu-xhci", "ports": 8},
        {"type": "scsi", "model": "virtio-scsi", "queues": 4},
        {"type": "virtio-serial", "ports": 16, "vectors": 4},
        {"type": "usb", "model": "ich9-uhci1", "master": 0},
        {"type": "scsi", "model": "virtio-scsi", "cmd_per_lun": 128, "max_sectors": 512, "iothread": 1},
        {"type": "pci", "model": "pcie-root-port", "index": 1, "chassis": 1, "port": 16, "hotplug": False},
        {"type": "pci", "model": "pcie-expander-bus", "node": 1},
        "sata",
    )
    least: ClassVar[frozenset[str]] = frozenset({"type", "model"})

    type: Literal["usb", "scsi", "virtio-serial", "ide", "sata", "pci", "fdc", "ccid", "isa"]
    """The bus that it has."""
    model: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] | None = Field(None, examples=["qemu-xhci"])
    """The card the guest sees; libvirt's own choice when not given. A VM has no USB with `none`."""
    index: Number | None = Field(None, examples=[1])
    """Its number among those of its type; that of the one before it, and one more, when not given."""
    ports: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[8])
    """How many devices can be plugged in."""
    vectors: Number | None = Field(None, examples=[4])
    """How many interrupts a `virtio-serial` has."""
    master: Number | None = Field(None, examples=[0])
    """Of a USB companion: the first port of its master, whose number it shares."""
    queues: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[4])
    """How many queues a `virtio-scsi` has."""
    cmd_per_lun: Number | None = Field(None, examples=[128])
    """How many commands can wait for a device."""
    max_sectors: Number | None = Field(None, examples=[512])
    """How many sectors one command can be of."""
    iothread: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[1])
    """The I/O thread that serves it; see `iothreads`."""
    chassis: Byte | None = Field(None, examples=[1])
    """The number of a PCI Express port's slot; libvirt gives it when not given."""
    port: Byte | None = Field(None, examples=[16])
    """The number of a PCI Express port; libvirt gives it when not given."""
    node: Byte | None = Field(None, examples=[1])
    """The guest's NUMA node that an expander bus belongs to."""
    hotplug: bool | None = Field(None, examples=[False])
    """Whether something can be plugged into a PCI Express port while the guest runs."""

    @model_validator(mode="after")
    def _fits(self) -> ControllerSpec:
        for name, types in _OF.items():
            if getattr(self, name) is not None and self.type not in types:
                raise PydanticCustomError(
                    "controller",
                    "`{field}` is of a controller of type {types} only",
                    {"field": name, "types": " or ".join(types)},
                )
        known = MODELS.get(self.type, ())
        if self.model is not None and self.model not in known:
            raise PydanticCustomError(
                "controller",
                "a controller of type {type} has these models: {known}",
                {"type": self.type, "known": ", ".join(known) or "none"},
            )
        if self.type == "pci" and self.model is None:
            raise PydanticCustomError("controller", "a controller of type pci needs its `model`")
        return self

    @property
    def driver(self) -> Iterator[tuple[str, int]]:
        """<driver>'s attributes."""
        for name in ("queues", "cmd_per_lun", "max_sectors", "iothread"):
            if (value := getattr(self, name)) is not None:
                yield name, value

    @property
    def target(self) -> Iterator[tuple[str, str | int]]:
        """<target>'s attributes."""
        if self.chassis is not None:
            yield "chassis", self.chassis
        if self.port is not None:
            yield "port", f"{self.port:#x}"
        if self.hotplug is not None:
            yield "hotplug", "on" if self.hotplug else "off"


def placed(listed: Sequence[ControllerSpec]) -> list[Placed]:
    """Each with its number: as stated, or the next one of its type."""
    last: dict[str, int] = {}
    found = []
    for spec in listed:
        before = last.get(spec.type, -1)
        index = spec.index if spec.index is not None else max(before + (spec.master is None), 0)
        last[spec.type] = index
        found.append(Placed(index, spec))
    return found


def contradiction(listed: Sequence[ControllerSpec]) -> LiteralString | None:
    """Why a list of controllers cannot be."""
    keys = [(one.spec.type, one.number, one.spec.master) for one in placed(listed)]
    if len(set(keys)) != len(keys):
        return "two of `controllers` have the same type and `index`"
    usb = [one for one in listed if one.type == "usb"]
    if len(usb) > 1 and any(one.model == "none" for one in usb):
        return "a VM with a USB controller of model `none` has no other"
    return None
