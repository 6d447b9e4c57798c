"""Controllers, as the manifest writes them: a list, in which the order gives each its number.

Facts: https://libvirt.org/formatdomain.html#controllers and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString, NamedTuple

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.words import CONTROLLER_DRIVER as DRIVER
from kvmspec.kinds.domain.words import CONTROLLER_TARGET as TARGET
from kvmspec.manifest.types import Size

Number = Annotated[int, Field(ge=0, le=65535, strict=True)]
Byte = Annotated[int, Field(ge=0, le=255, strict=True)]

MODELS: Mapping[str, tuple[str, ...]] = {
    "usb": (
        "qemu-xhci", "nec-xhci", "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3", "ehci",
        "piix3-uhci", "piix4-uhci", "vt82c686b-uhci", "pci-ohci", "qusb1", "qusb2", "none",
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
    **dict.fromkeys(("queues", "cmd_per_lun", "max_sectors", "iothread"), ("scsi",)),
    **dict.fromkeys(("ioeventfd", "iommu", "ats", "packed", "page_per_vq"), ("scsi", "virtio-serial")),
    **dict.fromkeys((*TARGET, "node", "model_name", "pcihole64"), ("pci",)),
    **dict.fromkeys(("max_grant_frames", "max_event_channels"), ("xenbus",)),
}
"""Fields that not every type has."""

ONES = ("master", "chassis", "chassis_nr", "port", "bus_nr", "target_index", "address", "alias", "acpi_index")


class Placed(NamedTuple):
    """A controller and the number by which devices are plugged into it."""

    number: int
    spec: ControllerSpec


class ControllerSpec(Placeable):
    """What devices are plugged into; its type in short."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        {"type": "usb", "model": "qemu-xhci", "ports": 8},
        {"type": "scsi", "model": "virtio-scsi", "queues": 4},
        {"type": "virtio-serial", "ports": 16, "vectors": 4},
        {"type": "usb", "model": "ich9-uhci1", "master": 0},
        {"type": "scsi", "model": "virtio-scsi", "cmd_per_lun": 128, "max_sectors": 512, "iothread": 1},
        {"type": "pci", "model": "pcie-root-port", "index": 1, "chassis": 1, "port": 16, "hotplug": False},
        {"type": "pci", "model": "pcie-expander-bus", "node": 1, "bus_nr": 254},
        {"type": "pci", "model": "pcie-root-port", "count": 8},
        {"type": "pci", "model": "pci-bridge", "chassis_nr": 2},
        {"type": "pci", "model": "pcie-root-port", "model_name": "ioh3420", "address": "00:1c.0"},
        {"type": "pci", "model": "pcie-root", "pcihole64": "1GiB"},
        {"type": "pci", "model": "pci-root", "index": 1, "target_index": 1},
        {"type": "scsi", "model": "virtio-scsi", "ioeventfd": True, "packed": True},
        {"type": "virtio-serial", "iommu": True, "ats": True, "page_per_vq": True},
        {"type": "xenbus", "max_grant_frames": 64, "max_event_channels": 2047},
        "sata",
    )
    least: ClassVar[frozenset[str]] = frozenset({"type", "model"})

    type: Literal["usb", "scsi", "virtio-serial", "ide", "sata", "pci", "fdc", "ccid", "isa", "xenbus"]
    """The bus that it has."""
    model: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] | None = Field(None, examples=["qemu-xhci"])
    """The card the guest sees; libvirt's own choice when not given. A VM has no USB with `none`."""
    index: Number | None = Field(None, examples=[1])
    """Its number among those of its type; that of the one before it, and one more, when not given."""
    count: Annotated[int, Field(ge=1, le=256, strict=True)] | None = Field(None, examples=[8])
    """How many of the same kind there are, each with the next number."""
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
    ioeventfd: bool | None = Field(None, examples=[False])
    """Whether a thread of its own takes the guest's requests, of a virtio one."""
    iommu: bool | None = Field(None, examples=[True])
    """Whether a virtio one is behind the guest's IOMMU."""
    ats: bool | None = Field(None, examples=[True])
    """Whether a virtio one keeps translations of addresses."""
    packed: bool | None = Field(None, examples=[True])
    """Whether a virtio one has packed rings."""
    page_per_vq: bool | None = Field(None, examples=[True])
    """Whether each queue of a virtio one has a page of its own for its notifications."""
    iothread: Annotated[int, Field(ge=1, le=65535, strict=True)] | None = Field(None, examples=[1])
    """The I/O thread that serves it; see `iothreads`."""
    chassis: Byte | None = Field(None, examples=[1])
    """The number of a PCI Express port's slot; libvirt gives it when not given."""
    port: Byte | None = Field(None, examples=[16])
    """The number of a PCI Express port; libvirt gives it when not given."""
    chassis_nr: Byte | None = Field(None, examples=[2])
    """The number of a PCI bridge; libvirt gives it when not given."""
    bus_nr: Byte | None = Field(None, examples=[254])
    """The number of an expander's bus; libvirt gives it when not given."""
    target_index: Byte | None = Field(None, examples=[1])
    """The number of a further host bridge, on pseries."""
    model_name: (
        Literal[
            "pcie-root-port", "ioh3420", "pci-bridge", "pcie-pci-bridge", "i82801b11-bridge",
            "x3130-upstream", "xio3130-downstream", "pxb", "pxb-pcie", "spapr-pci-host-bridge",
        ]
        | None
    ) = Field(None, examples=["ioh3420"])  # fmt: skip
    """QEMU's device for a PCI controller; libvirt's own choice when not given."""
    pcihole64: Size | None = Field(None, examples=["1GiB"])
    """How large the 64-bit hole of a root is, for the memory of PCI devices."""
    max_grant_frames: Number | None = Field(None, examples=[64])
    """How many grant frames a `xenbus` has."""
    max_event_channels: Number | None = Field(None, examples=[2047])
    """How many event channels a `xenbus` has."""
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
        own = [name for name in ONES if getattr(self, name) is not None]
        if self.count is not None and own:
            raise PydanticCustomError(
                "controller", "with `count` there is no `{field}`: each has its own", {"field": own[0]}
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
    def attributes(self) -> Iterator[tuple[str, str | int]]:
        """<controller>'s own, besides its type and number."""
        return self._stated(_ATTRIBUTES)

    @property
    def driver(self) -> Iterator[tuple[str, str | int]]:
        """<driver>'s attributes."""
        return self._stated(DRIVER)

    @property
    def target(self) -> Iterator[tuple[str, str | int]]:
        """<target>'s attributes."""
        return self._stated(TARGET)

    def _stated(self, names: Mapping[str, str]) -> Iterator[tuple[str, str | int]]:
        for field, name in names.items():
            value = getattr(self, field)
            if isinstance(value, bool):
                yield name, "on" if value else "off"
            elif value is not None:
                yield name, f"{value:#x}" if field == "port" else value


_ATTRIBUTES: Mapping[str, str] = {
    "model": "model",
    "ports": "ports",
    "vectors": "vectors",
    "max_grant_frames": "maxGrantFrames",
    "max_event_channels": "maxEventChannels",
}


def next_number(last: int | None, companion: bool) -> int:
    """The number of one that states none, behind one of its type with the number `last`."""
    return max((-1 if last is None else last) + (not companion), 0)


def placed(listed: Sequence[ControllerSpec]) -> list[Placed]:
    """Each with its number: as stated, or the next one of its type."""
    last: dict[str, int] = {}
    found = []
    for spec in listed:
        following = next_number(last.get(spec.type), spec.master is not None)
        index = spec.index if spec.index is not None else following
        several = spec.count or 1
        last[spec.type] = index + several - 1
        found += [Placed(number, spec) for number in range(index, index + several)]
    return found


def name_of(one: Placed) -> str:
    """As canon.shape calls it."""
    port = "" if one.spec.master is None else str(one.spec.master)
    return f"{one.spec.type}/{one.number}/{port}"


def contradiction(listed: Sequence[ControllerSpec]) -> LiteralString | None:
    """Why a list of controllers cannot be."""
    keys = [(one.spec.type, one.number, one.spec.master) for one in placed(listed)]
    if len(set(keys)) != len(keys):
        return "two of `controllers` have the same type and `index`"
    usb = [one for one in listed if one.type == "usb"]
    if len(usb) > 1 and any(one.model == "none" for one in usb):
        return "a VM with a USB controller of model `none` has no other"
    return None
