"""What libvirt makes of a machine that does not say all: a rehearsal of its own rules, without one at hand.

It knows the controllers and addresses that libvirt 9.0 gives an x86 machine of the families i440fx and q35
(the rules are older than that, and have not changed since). Where something is not sure it says so by
raising Unsure, and whoever asks has to state everything.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from copy import deepcopy

from kvmspec.kinds.domain.rehearsal import controllers, pci, ports
from kvmspec.kinds.domain.rehearsal.buses import Unsure

__all__ = ["Unsure", "defined", "family"]


def family(root: ET.Element) -> str:
    """`q35`, `pc`, or "" for a machine that is not known here."""
    kind = root.find("os/type")
    if kind is None or kind.get("arch") not in ("x86_64", "i686"):
        return ""
    machine = kind.get("machine") or ""
    if machine == "q35" or machine.startswith("pc-q35-"):
        return "q35"
    return "pc" if machine == "pc" or machine.startswith(("pc-i440fx-", "pc-0.", "pc-1.")) else ""


def defined(root: ET.Element) -> ET.Element:
    """The <devices> that libvirt would dump once this domain is defined, as far as controllers and addresses
    go. `root` is left as it is; its devices say their models. Raises Unsure."""
    kind, found = family(root), root.find("devices")
    if not kind or found is None:
        raise Unsure("not a machine that is known")
    devices, q35 = deepcopy(found), kind == "q35"
    try:
        controllers.sort(devices)
        ports.draw_drives(devices)
        controllers.add_for_hostdevs(devices)
        controllers.add_default(devices, q35)
        ports.draw_readers(devices)
        controllers.add_implied(devices)
        ports.draw_serial(devices)
        pci.draw(devices, q35)
        ports.draw_usb(devices)
        ports.draw_memory(root, devices)
        controllers.settle_expanders(devices)
    except (ValueError, StopIteration, KeyError, IndexError) as error:
        raise Unsure(str(error)) from error
    return devices
