"""libvirt's XML of a domain → its entry in the manifest.

What has a typed field is stated in the manifest's own words, and proved by rendering it with what `apply`
would create it with. What is left over stands under `xml:`, so nothing is lost however odd a machine is.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.canon.shape import OSINFO
from kvmspec.kinds.domain.importing.back import proved
from kvmspec.kinds.domain.importing.draft import draft
from kvmspec.kinds.domain.importing.memory import held_back
from kvmspec.kinds.domain.importing.passwords import Passwords
from kvmspec.kinds.domain.importing.usual import plain
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.importing.naming import named
from kvmspec.kinds.importing.prove import parsed
from kvmspec.kinds.importing.short import shortened

__all__ = ["Imported", "import_domain"]

Data = dict[str, Any]


class Imported(NamedTuple):
    """A VM as a manifest has it. `variables` are those it needs: name → declaration; secret all of them."""

    name: str
    entry: Data
    variables: dict[str, Data]


def import_domain(xml: str, renderer: Renderer, state: str | None = None) -> Imported:
    """One domain, from libvirt's dump of it. `state`: as it is to be stated; without it a dump of a running
    guest is told by its id, and of another the state is left as it is.

    Raises xml.etree.ElementTree.ParseError on broken XML, ValueError on what is no domain, or has
    no name that a manifest can have.
    """
    root = parsed(xml)
    name = named(root, "domain", remedy="; `virsh domrename` gives it another one")
    passwords = Passwords(name, root)
    running = "id" in root.attrib
    root = plain(root)
    first = _in_order(held_back(draft(read(root)), root), root)
    result = proved(name, first, root, renderer)
    entry: Data = shortened(VmSpec, _told(result.draft))
    entry["state"] = state or ("running" if running else "any")
    if entry["state"] == "running":
        del entry["state"]
    if result.fragment:
        entry["xml"] = result.fragment
    return Imported(name, passwords.restored(entry), passwords.variables)


def _in_order(draft: Data, root: ET.Element) -> Data:
    """libosinfo's element is written first; where another is, it stays among what others wrote."""
    system = root.find(f"metadata/{OSINFO}libosinfo")
    if system is None or root.find("metadata/*") is system:
        return draft
    return {field: value for field, value in draft.items() if field != "osinfo"}


def _told(draft: Data) -> Data:
    """Words that say a whole device."""
    for path, value, told in _WORDS:
        holder = get(draft, path[:-1])
        if holder is not None and holder.get(path[-1]) == value:
            holder[path[-1]] = told
    devices = draft.get("devices", {})
    lent = devices.get("redirdevs", ())
    if lent and all(place == {"type": "spicevmc"} for place in lent):
        devices["redirdevs"] = len(lent)
    audio = devices.get("audio", ())
    if audio and [backend.get("id") for backend in audio] == list(range(1, len(audio) + 1)):
        devices["audio"] = [{name: value for name, value in one.items() if name != "id"} for one in audio]
    return draft


_WORDS: tuple[tuple[tuple[str, ...], Any, Any], ...] = (
    (("devices", "rng"), [{"source": "/dev/urandom"}], True),
    (("devices", "balloon"), {"model": "none"}, False),
    (("devices", "balloon"), {}, True),
    (("devices", "panic"), {"model": "isa"}, True),
    (("devices", "video"), {"model": "none"}, False),
)
