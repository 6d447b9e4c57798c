"""Rows of the host's folders that a guest sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.live import Call
from kvmspec.kinds.domain.elements import small
from kvmspec.kinds.domain.elements.part import rows
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.row import ANY, Field, present
from kvmspec.kinds.domain.rules import Plug, restart

FOLDER = ("devices", "filesystem", ANY)


def _nine_p(folder: Mapping[str, Any]) -> tuple[str, str] | None:
    """qemuDomainAttachFSDevice: "only virtiofs filesystems can be hotplugged"."""
    if get(folder, ("driver", "@type")) == "virtiofs":
        return None
    return "a folder by 9p cannot be plugged in or out", "one by virtiofs goes live"


def _own_memory(folder: Mapping[str, Any], guest: Guest) -> str:
    """virtiofsd reads and writes the guest's memory."""
    shared = get(guest.active, ("memoryBacking", "access", "@mode")) == "shared"
    return "" if shared else "the running guest does not share its memory with the host"


PLUG = Plug(
    "one by virtiofs is plugged in and out where the guest shares its memory and a PCI port is free",
    refusal=_nine_p,
    lacks=_own_memory,
)
_MOUNTED = restart("the guest may have mounted it")

ROWS: tuple[Field, ...] = (
    Field("filesystems.{key}.driver", (*FOLDER, "driver", "@type"), _MOUNTED),
    *rows("filesystems.{key}", FOLDER, small.FOLDER, _MOUNTED),
    Field("filesystems.{key}", FOLDER, PLUG, present, removable=True, call=Call.PLUG),
)
