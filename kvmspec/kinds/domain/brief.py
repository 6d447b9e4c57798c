"""Of a definition only what matters: this is done for every VM of a plan."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from kvmspec.canon.read import read
from kvmspec.core.observed import Observed
from kvmspec.kinds import records

NEVER_STATED = frozenset(
    {"address", "alias", "clock", "controller", "emulator", "on_crash", "on_poweroff"}
    | {"on_reboot", "pm", "resource", "seclabel"}
)
"""Elements that are not compared unless a manifest states them, which are most of a definition: few manifests
do. Of an address none does; but that of a device of the host, which is all that the device is known by
(canon.identities)."""

_DEVICES = "\n  <devices>\n"
_CONTROLLER = re.compile(r"\n    <controller\b[^\n]*(?:(?:\n      [^\n]*)*\n    </controller>)?")


_NONE: frozenset[str] = frozenset()


def asked_for(fields: frozenset[str] | set[str], applied: Mapping[str, Any]) -> frozenset[str]:
    """Which of NEVER_STATED has to be read of a VM whose manifest states these fields, or stated what was
    applied last."""
    asked = {_ELEMENTS.get(name, name) for name in fields}
    return NEVER_STATED & {*asked, *applied, *applied.get("devices", ())}


_ELEMENTS = {"controllers": "controller", "seclabels": "seclabel"}


def brief(xml: str, asked: frozenset[str] = _NONE) -> dict[str, Any]:
    """Canonical data of a domain as libvirt dumps it, without what its manifest does not state; `asked` is
    what it states of NEVER_STATED.

    The controllers, which are half of the text, are not even parsed. libvirt always indents alike,
    and below the last <devices> nothing stands that is not its own (in <metadata> it might); of
    text that looks otherwise nothing is cut.
    """
    skipped = NEVER_STATED - asked
    head, devices, rest = xml.rpartition(_DEVICES)
    if devices and "controller" in skipped:
        xml = head + devices + _CONTROLLER.sub("", rest)
    return read(xml, skipped)


def fingerprint(observed: Observed) -> str:
    """Digest of the definition without its metadata, of its state, and of how often its disks were made
    anew, which only the metadata knows.

    Of the text: libvirt writes a definition in the same words as long as it is the same.
    """
    before, found, after = observed.xml.partition("\n  <metadata>\n")
    text = before + after.rpartition("\n  </metadata>\n")[2] if found else observed.xml
    state = (observed.state, observed.autostart, observed.managed_save)
    record = records.read(observed.xml, observed.uuid)
    renewed = dict(sorted(record.renewed.items())) if record and record.renewed else ""
    return hashlib.blake2b(f"{text}{state}{renewed}".encode(), digest_size=16).hexdigest()
