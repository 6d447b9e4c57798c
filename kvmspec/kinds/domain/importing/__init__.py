"""libvirt's XML of a domain → its entry in the manifest.

What has a typed field is stated in the manifest's own words, and proved by rendering it with what `apply`
would create it with. What is left over stands under `xml:`, so nothing is lost however odd a machine is.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.compare import get
from kvmspec.canon.read import read
from kvmspec.kinds.domain.importing.back import proved
from kvmspec.kinds.domain.importing.draft import draft
from kvmspec.kinds.domain.importing.memory import held_back
from kvmspec.kinds.domain.importing.passwords import Passwords
from kvmspec.kinds.domain.importing.usual import plain
from kvmspec.kinds.domain.spec import VmSpec
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

    Raises xml.etree.ElementTree.ParseError on broken XML, ValueError on what is no domain, or has no name.
    """
    root = parsed(xml)
    name = (root.findtext("name") or "").strip()
    if root.tag != "domain" or not name:
        raise ValueError("this is not the XML of a libvirt domain with a name")
    passwords = Passwords(name, root)
    running = "id" in root.attrib
    root = plain(root)
    first = held_back(draft(read(root)), root)
    result = proved(name, first, root, renderer)
    entry: Data = shortened(VmSpec, _told(result.draft))
    entry["state"] = state or ("running" if running else "any")
    if entry["state"] == "running":
        del entry["state"]
    if result.fragment:
        entry["xml"] = result.fragment
    return Imported(name, passwords.restored(entry), passwords.variables)


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
