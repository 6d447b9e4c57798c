"""Devices of the host that are given to the guest, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#usb-pci-scsi-devices and libvirt 9.0's schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.auth import AuthSpec
from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.device_types import PciAddress, addressed
from kvmspec.kinds.domain.virtio_spec import VirtioModel
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text

_USB = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_SCSI = re.compile(r"\d{1,5}(:\d{1,5}){2}:\d{1,20}")


def parse_usb(value: Any) -> str:
    """`1d6b:0002`: vendor and product. Raises PydanticCustomError (`usb`)."""
    if isinstance(value, str) and _USB.fullmatch(value.lower()):
        return value.lower()
    raise PydanticCustomError(
        "usb", 'expected vendor and product as lsusb shows them, in quotes: "1d6b:0002"'
    )


def parse_scsi(value: Any) -> str:
    """`2:0:0:1`: host, bus, target and unit. Raises PydanticCustomError (`scsi`)."""
    if isinstance(value, str) and _SCSI.fullmatch(value):
        return ":".join(str(int(part)) for part in value.split(":"))
    raise PydanticCustomError("scsi", 'expected a SCSI address as lsscsi shows it, in quotes: "2:0:0:1"')


UsbId = Annotated[
    str, *addressed(parse_usb, "1d6b:0002", "USB ID", "vendor and product as lsusb shows them, in quotes")
]
ScsiAddress = Annotated[
    str, *addressed(parse_scsi, "2:0:0:1", "SCSI address", "a SCSI address as lsscsi shows it, in quotes")
]


class UsbPlace(Model):
    """A USB device by where it is, which changes when it is plugged in again."""

    examples: ClassVar[Sequence[Any]] = (
        {"bus": 1, "device": 3},
        {"id": "1d6b:0002", "bus": 1, "device": 3},
    )
    least: ClassVar[frozenset[str]] = frozenset({"bus", "device"})

    id: UsbId | None = None
    """Its vendor and product, where it has to be such a device, too."""

    bus: Annotated[int, Field(ge=0, le=255, strict=True)] = Field(examples=[1])
    """The bus, as lsusb counts."""
    device: Annotated[int, Field(ge=0, le=255, strict=True)] = Field(examples=[3])
    """The device on it."""


class IscsiSpec(Model):
    """A LUN of an iSCSI server, given to the guest as a SCSI device."""

    examples: ClassVar[Sequence[Any]] = (
        {"name": "iqn.1992-01.com.example:storage/1", "host": "san.example.org"},
        {
            "name": "iqn.1992-01.com.example:storage/1",
            "host": "san.example.org",
            "port": 3260,
            "auth": {"username": "web", "secret": "san"},
            "initiator": "iqn.2020-07.com.example:web",
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"name", "host"})

    name: Text = Field(examples=["iqn.1992-01.com.example:storage/1"])
    """The target's name, and after a slash the LUN."""
    host: Text = Field(examples=["san.example.org"])
    """The server."""
    port: Annotated[int, Field(ge=1, le=65535, strict=True)] = Field(3260)
    """Its port."""
    auth: AuthSpec | None = None
    """As whom the host connects."""
    initiator: Text | None = Field(None, examples=["iqn.2020-07.com.example:web"])
    """The name by which the host calls itself."""


class RomSpec(Model):
    """The boot ROM of a PCI device."""

    examples: ClassVar[Sequence[Any]] = (
        {"file": "/usr/share/vgabios.rom"},
        {"bar": False},
        {"enabled": False},
    )

    enabled: bool | None = Field(None, examples=[False])
    """Whether the guest sees one at all."""
    bar: bool | None = Field(None, examples=[False])
    """Whether the guest can read it in the device's memory."""
    file: HostPath | None = Field(None, examples=["/usr/share/vgabios.rom"])
    """A file of the host that is shown as the ROM."""


KINDS = ("pci", "usb", "mdev", "scsi", "iscsi", "scsi_host")
_ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "driver": ("pci",),
    "write_filtering": ("pci",),
    "teaming": ("pci",),
    "rom": ("pci", "mdev"),
    "startup_policy": ("pci", "usb"),
    "guest_reset": ("usb",),
    "model": ("mdev", "scsi_host"),
    "display": ("mdev",),
    "ramfb": ("mdev",),
    "readonly": ("scsi", "iscsi"),
    "shareable": ("scsi", "iscsi"),
    "rawio": ("scsi", "iscsi"),
    "sgio": ("scsi", "iscsi"),
    "boot_order": ("pci", "usb", "scsi", "iscsi"),
}
"""Fields that not every kind has."""
_MODELS: Mapping[str, tuple[str, ...]] = {
    "mdev": ("vfio-pci", "vfio-ccw", "vfio-ap"),
    "scsi_host": ("virtio", "virtio-transitional", "virtio-non-transitional"),
}


class HostdevSpec(Placeable):
    """A device of the host that is given to the guest: exactly one of `pci`, `usb`, `mdev`, `scsi`, `iscsi`
    and `scsi_host`."""

    examples: ClassVar[Sequence[Any]] = (
        {"pci": "0000:41:00.0", "boot_order": 1},
        {"pci": "0000:41:00.1", "driver": "vfio", "rom": {"bar": False}, "write_filtering": False},
        {"usb": "1d6b:0002", "startup_policy": "optional", "guest_reset": "off"},
        {"usb": {"bus": 1, "device": 3}},
        {"mdev": "c2177883-f1bb-47f0-914d-32a22e3a8804", "model": "vfio-pci", "display": True,
         "ramfb": True},
        {"scsi": "2:0:0:1", "readonly": True, "shareable": True, "rawio": True, "sgio": "filtered"},
        {"iscsi": {"name": "iqn.1992-01.com.example:storage/1", "host": "san.example.org"}},
        {"scsi_host": "naa.5123456789abcde0"},
    )  # fmt: skip

    pci: PciAddress | None = None
    """A PCI device, by its address."""
    usb: UsbId | UsbPlace | None = None
    """A USB device, by vendor and product, or by where it is."""
    mdev: Uuid | None = None
    """A mediated device, by its UUID."""
    scsi: ScsiAddress | None = None
    """A SCSI device, by its address."""
    iscsi: IscsiSpec | None = None
    """A LUN of an iSCSI server."""
    scsi_host: Annotated[str, Field(pattern=r"^naa\.[0-9a-fA-F]{16}$")] | None = Field(
        None, examples=["naa.5123456789abcde0"]
    )
    """A SCSI target of the host's kernel (vhost-scsi), by its WWPN."""
    managed: bool | None = Field(None, examples=[False])
    """Whether libvirt takes a PCI device from the host's driver, and gives it back; it does when not
    given."""
    driver: Literal["vfio", "kvm", "xen"] | None = Field(None, examples=["vfio"])
    """How a PCI device is given to the guest; by `vfio` when not given."""
    model: Literal["vfio-pci", "vfio-ccw", "vfio-ap"] | VirtioModel | None = Field(None)
    """The card of a mediated device, `vfio-pci` when not given; or of a `scsi_host`."""
    display: bool | None = Field(None)
    """Whether a mediated device draws on the VM's display."""
    ramfb: bool | None = Field(None)
    """Whether a mediated device with `display` shows something before the guest's driver is there."""
    boot_order: Annotated[int, Field(ge=1, le=64, strict=True)] | None = Field(None, examples=[1])
    """Its place among the devices that are started from."""
    rom: RomSpec | None = None
    """The boot ROM of a PCI device."""
    readonly: bool | None = Field(None)
    """Whether the guest may only read a SCSI device."""
    shareable: bool | None = Field(None)
    """Whether other VMs may have the SCSI device, too."""
    rawio: bool | None = Field(None)
    """Whether QEMU gets the right to send a SCSI device any command."""
    sgio: Literal["filtered"] | None = Field(None)
    """That the kernel filters a SCSI device's commands, as it always does; libvirt 9.0 takes nothing else."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = Field(None, examples=["optional"])
    """What becomes of a start when the device is missing: it fails, or with `optional` goes without."""
    guest_reset: Literal["off", "uninitialized", "on"] | None = Field(None)
    """Whether the guest may reset a USB device."""
    write_filtering: bool | None = Field(None, examples=[False])
    """Whether the guest's writes to a PCI device's settings are filtered; of Xen's."""
    teaming: Text | None = Field(None, examples=["ua-backup0"])
    """Of a network card: the alias of the interface that stays when the card is taken out for a migration."""

    @model_validator(mode="after")
    def _one(self) -> HostdevSpec:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise PydanticCustomError(
                "hostdev",
                "a host device is exactly one of `pci`, `usb`, `mdev`, `scsi`, `iscsi` or `scsi_host`",
            )
        for field, kinds in _ONLY_OF.items():
            if getattr(self, field) is not None and self.kind not in kinds:
                raise PydanticCustomError(
                    "hostdev",
                    "`{field}` goes with `{kinds}` only",
                    {"field": field, "kinds": "` or `".join(kinds)},
                )
        if self.model is not None and self.model not in _MODELS[self.kind]:
            raise PydanticCustomError(
                "hostdev",
                "the models of `{kind}` are {models}",
                {"kind": self.kind, "models": ", ".join(_MODELS[self.kind])},
            )
        if self.ramfb and not self.display:
            raise PydanticCustomError("hostdev", "`ramfb` goes with `display: true` only")
        return self

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def is_managed(self) -> bool:
        """A PCI device is, unless the manifest says otherwise."""
        return self.kind == "pci" if self.managed is None else self.managed

    @property
    def parts(self) -> list[str]:
        """The numbers of a PCI, SCSI or USB device's address or ID, in their order."""
        return re.split("[:.]", str(getattr(self, self.kind)))
