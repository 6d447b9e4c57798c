"""Live changes of a guest taken back, when a later step of the same VM fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.compare import get
from kvmspec.canon.edit import select
from kvmspec.canon.read import read
from kvmspec.core.action import (
    Action,
    AttachDevice,
    DetachDevice,
    SetDomainMetadata,
    SetMemory,
    Tune,
    UpdateDevice,
)
from kvmspec.kinds.domain import dimms, plugging, tuning
from kvmspec.kinds.domain.tables.security import OSINFO

LIVE = (AttachDevice, DetachDevice, UpdateDevice, SetMemory, SetDomainMetadata, Tune)
"""Actions that can be taken back. A vCPU that was plugged in and a disk that has grown cannot."""

_TIMEOUT = 10  # seconds for a guest to let go of what it was just given


def undo(action: Action, host: Host, before: str, report: Callable[[str], None]) -> None:
    """Bring the running guest back to what it was, of what `action` did; `before` is its active XML then,
    and its definition is put back already. Raises LibvirtFailure."""
    name = action.address.name
    match action:
        case AttachDevice(path=path):
            plugging.detach(DetachDevice(action.address, path, _TIMEOUT), host, report)
        case DetachDevice(path=path) if get(read(before), path) is None:
            pass  # it was in the definition only
        case DetachDevice(path=path):
            plugging.attach(AttachDevice(action.address, path, select(before, path)), host, report)
        case UpdateDevice(path=path):
            host.devices.update(name, plugging.as_stated(select(before, path)))
        case Tune():
            tuning.undo(action, host, before)
        case SetMemory():
            had = read(before)
            host.domains.set_memory(name, int(had["currentMemory"]["#"]) + dimms.plugged(had, "dimm"))
        case SetDomainMetadata():
            root = ET.fromstring(before)
            host.domains.set_metadata(
                name,
                title=root.findtext("title") or "",
                description=root.findtext("description") or "",
                metadata=_record(before),
                osinfo=get(read(before), (*OSINFO, "@id")) or "",
            )


def _record(xml: str) -> str:
    """The record that a guest had; "" where it had none."""
    found = _RECORD.search(xml)
    return found[0] if found else ""


_RECORD = re.compile(r"<kvmspec:vm\b.*?</kvmspec:vm>", re.S)
