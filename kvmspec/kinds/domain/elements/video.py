"""The table of video cards."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.part import (
    KIB,
    NUMBER,
    ON,
    VIRTIO,
    YES,
    Part,
    Table,
    below,
    element,
)

if TYPE_CHECKING:
    from kvmspec.kinds.domain.video_spec import VideoSpec

VIDEO: Table = (
    Part("driver/@name", "backend", usual="qemu"),
    *VIRTIO,
    Part("model/@type", "model", stays=True),
    Part("model/@ram", "ram", KIB),
    Part("model/@heads", "heads", NUMBER, usual=1),
    Part("model/@vram", "vram", KIB),
    Part("model/@vram64", "vram64", KIB),
    Part("model/@vgamem", "vgamem", KIB),
    Part("model/@primary", "primary", YES),
    Part("model/@blob", "blob", ON),
    Part("model/acceleration/@accel3d", "accel3d", YES),
    Part("model/acceleration/@rendernode", "rendernode"),
)


def video(card: VideoSpec) -> ET.Element:
    """A video card."""
    node = element("video", card, VIDEO)
    if card.size is not None:
        below(node, "model/resolution", x=card.size[0], y=card.size[1])
    return node
