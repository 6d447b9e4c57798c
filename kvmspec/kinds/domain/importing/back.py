"""A draft proved by rendering it: what comes out otherwise than it was is taken back out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any, NamedTuple

from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.compare import get, uncovered
from kvmspec.canon.fragment import leftover, merge
from kvmspec.canon.read import read
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import render
from kvmspec.kinds.domain.devices import DiskSpec
from kvmspec.kinds.domain.importing.accept import Place, accepted, without
from kvmspec.kinds.domain.importing.leaf import Data, Path
from kvmspec.kinds.domain.importing.owners import owner
from kvmspec.kinds.domain.keys import allocate, final
from kvmspec.kinds.domain.sources import Source, outside
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap

_UNORDERED = frozenset({"controller", "disk"})
"""Devices that libvirt sorts itself, or whose order means nothing."""


class Proved(NamedTuple):
    """A draft that renders to what was there, with what is left over as a fragment."""

    draft: Data
    spec: VmSpec
    fragment: str


def proved(name: str, draft: Data, original: ET.Element, renderer: Renderer) -> Proved:
    """The most of a draft that renders back exactly, and the fragment that restores the rest."""
    wanted = read(original)
    while True:
        draft, spec = accepted(draft)
        xml, keys = _rendered(name, spec, renderer)
        made = read(xml)
        wrong = _wrong(made, wanted, draft, spec, keys)
        if wrong is None:
            fragment = leftover(ET.tostring(original, encoding="unicode"), xml)
            wrong = _misplaced(merge(xml, fragment) if fragment else xml, made, wanted, draft, spec, keys)
            if wrong is None:
                return Proved(_without_needless(name, draft, made, renderer), spec, fragment)
        draft = without(draft, wrong)


def _rendered(name: str, spec: VmSpec, renderer: Renderer) -> tuple[str, KeyMap]:
    """As create.creation_xml does it, without what a manifest knows besides."""
    sources = tuple(_source(disk) for disk in spec.disks)
    keys = _keys(name, spec)
    return render.created(
        renderer, name, str(spec.uuid or ""), spec, sources, keys, HostFacts(kvm=True)
    ), keys


def _without_targets(name: str, draft: Data) -> Data:
    """Targets are stated only where a disk would be given another one."""
    keys = _keys(name, VmSpec.model_validate(draft))
    for number, disk in enumerate(draft.get("disks", ())):
        less = without(draft, ("disks", number, "target"))
        if "target" in disk and _keys(name, VmSpec.model_validate(less)) == keys:
            draft = less
    return draft


def _without_needless(name: str, draft: Data, made: Data, renderer: Renderer) -> Data:
    """Without what a new VM gets anyway: a SCSI controller, and the places of disks on it that is a wide one
    (kinds.domain.controllers, render)."""
    draft = _without_targets(name, draft)
    last = len(draft.get("controllers", ())) - 1
    places: list[Place] = [("disks", n, "address") for n, disk in enumerate(draft.get("disks", ()))
                           if disk.get("bus", "scsi") == "scsi" and "address" in disk]  # fmt: skip
    if last >= 0 and draft["controllers"][last].get("type") == "scsi":
        places.append(("controllers", last))
    for place in places:
        less = without(draft, place)
        try:
            same = read(_rendered(name, VmSpec.model_validate(less), renderer)[0]) == made
        except ValidationError:
            continue
        draft = less if same else draft
    return draft


def _keys(name: str, spec: VmSpec) -> KeyMap:
    known = [_source(disk).identity for disk in spec.disks]
    return final(spec, allocate("", name, spec, None, {}, known), {})


def _source(disk: DiskSpec) -> Source:
    """Where its data lies; nothing that is imported is a volume."""
    return outside(disk) or Source(None)


def _wrong(made: Data, wanted: Data, draft: Data, spec: VmSpec, keys: KeyMap) -> Place | None:
    """A part of the draft that is rendered otherwise than it was, or was not there at all."""
    for path, value, before in uncovered(made, wanted):
        for inner in _devices(path, value, before):
            place = owner(inner, made, draft, spec, keys)
            if place is not None:
                return place
    return None


def _devices(path: Path, value: Any, before: Any) -> list[Path]:
    """Of a group of devices each, of what else is missing each part."""
    if before is None and isinstance(value, dict) and not (path[0] == "devices" and len(path) > 2):
        return [inner for name in value for inner in _devices((*path, name), value[name], None)] or [path]
    return [path]


def _misplaced(
    merged: str, made: Data, wanted: Data, draft: Data, spec: VmSpec, keys: KeyMap
) -> Place | None:
    """A device of the draft that would stand before one of the fragment, and stood behind it."""
    devices = read(merged).get("devices", {})
    for tag, group in devices.items():
        before = list(get(wanted, ("devices", tag)) or {})
        if tag in _UNORDERED or not isinstance(group, dict) or list(group) == before:
            continue
        first = next((n for n, (a, b) in enumerate(zip(group, before, strict=False)) if a != b), 0)
        for key in [*group][first:]:
            place = owner(("devices", tag, key), made, draft, spec, keys)
            if place is not None and get(made, ("devices", tag, key)) is not None:
                return place
    return None
