"""Options that every virtio device has, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#virtio-related-options
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from kvmspec.manifest.model import Model

VirtioModel = Literal["virtio", "virtio-transitional", "virtio-non-transitional"]
"""The cards of a virtio device: the usual one, one for older guests as well, one for new guests only."""


class VirtioSpec(Model):
    """How a virtio device reaches the guest's memory."""

    examples: ClassVar[Sequence[Any]] = ({"iommu": True, "ats": True}, {"packed": True, "page_per_vq": False})

    iommu: bool | None = Field(None, examples=[True])
    """Whether it goes through the guest's IOMMU; see `devices.iommu`."""
    ats: bool | None = Field(None, examples=[True])
    """Whether it keeps translations of addresses (PCIe ATS), of a device behind an IOMMU."""
    packed: bool | None = Field(None, examples=[True])
    """Whether its queues are packed, which is faster where the guest knows them."""
    page_per_vq: bool | None = Field(None, examples=[True])
    """Whether each queue has a page of its own for notifications."""
