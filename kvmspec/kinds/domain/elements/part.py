"""One table a device: where in libvirt's XML a field of the manifest stands, and how it is written there.

The same table renders the element, makes the rows of the field table, and is read backwards on import
(importing/tables.py), so that these cannot say different things of a field.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kvmspec.kinds.domain.row import Field, Path
from kvmspec.kinds.domain.rules import Rule
from kvmspec.manifest.types import format_size


class Form(NamedTuple):
    """How a value is written.

    kind   its name, by which importing/tables.py knows how it is read
    write  the manifest's value → libvirt's text
    show   canonical data → what a person reads
    unit   of an element that holds an amount
    words  the manifest's words → libvirt's, where they are not the same
    """

    kind: str
    write: Callable[[Any], str] = str
    show: Callable[[Any], Any] = lambda value: value
    unit: str = ""
    words: Mapping[str, str] = {}


def _switch(on: str, off: str) -> Form:
    known = {on: True, off: False}
    return Form("switch", lambda value: on if value else off, lambda value: known.get(value, value))


def _kib(value: Any) -> str:
    return str(-(-int(value) // 1024))


def _number(value: Any) -> Any:
    return int(value) if value is not None else None


def _kibibytes(value: Any) -> Any:
    return format_size(int(value) * 1024) if value is not None else None


def _bytes(value: Any) -> Any:
    return format_size(int(value)) if value is not None else None


TEXT = Form("text")
NUMBER = Form("number", str, _number)
ON = _switch("on", "off")
YES = _switch("yes", "no")
KIB = Form("kib", _kib, _kibibytes)
"""An attribute in KiB."""
BYTES = Form("size", str, _bytes)
"""An attribute in bytes."""
AMOUNT = Form("size", _kib, _bytes, unit="KiB")
"""An element with a unit (canon/shape.py's sizes)."""
THERE = Form("there", lambda value: "", lambda value: True if value is not None else None)
"""An element that says all by being there."""


def words(**known: str) -> Form:
    """The manifest's words, and libvirt's for them."""
    back = {libvirts: ours for ours, libvirts in known.items()}
    return Form("words", lambda value: known[value], lambda value: back.get(value, value), words=known)


class Part(NamedTuple):
    """A place in an element, written `driver/@iommu`, and the field it is, written `virtio.iommu`.

    usual  what need not be stated on import: it is there anyway (importing/leaf.py)
    quiet  without a row of its own: the device is known by it, or another row tells it
    stays  no longer stated, the VM keeps what it has: the device cannot be without
    """

    place: str
    field: str
    form: Form = TEXT
    usual: Any = None
    quiet: bool = False
    stays: bool = False


Table = tuple[Part, ...]


def element(tag: str, spec: Any, table: Table, **attributes: str) -> ET.Element:
    """The element of a device, with what its specification states."""
    return filled(ET.Element(tag, attributes), spec, table)


def filled(node: ET.Element, spec: Any, table: Table) -> ET.Element:
    """The same, into an element that has something already."""
    for part in table:
        value = valued(spec, part.field)
        if value is not None and (value or part.form is not THERE):
            _place(node, part, value)
    return node


def valued(spec: Any, field: str) -> Any:
    """What a specification states in a field such as `virtio.iommu`; None where it does not."""
    for name in field.split("."):
        if spec is None:
            return None
        spec = getattr(spec, name)
    return spec


def _place(node: ET.Element, part: Part, value: Any) -> None:
    path, _, last = part.place.rpartition("/")
    if last[0] not in "@#":
        path, last = part.place, "#"
    node, text = below(node, path), part.form.write(value)
    if last != "#":
        node.set(last[1:], text)
    elif text:
        node.text = text
    if part.form.unit:
        node.set("unit", part.form.unit)


def below(node: ET.Element, path: str, /, **attributes: str) -> ET.Element:
    """The element at a path in another, made where it is not there, with these attributes."""
    for tag in path.split("/") if path else ():
        found = node.find(tag)
        node = ET.SubElement(node, tag) if found is None else found
    node.attrib.update(attributes)
    return node


def rows(manifest: str, at: Path, table: Iterable[Part], rule: Rule, **more: Any) -> Iterator[Field]:
    """The table's rows of the field table, all with one rule."""
    for part in table:
        if not part.quiet:
            where = (*at, *part.place.split("/"))
            name = f"{manifest}.{part.field}"
            yield Field(name, where, rule, part.form.show, removable=not part.stays, **more)


def refused(spec: Any, table: Iterable[Part]) -> Iterator[Path]:
    """Places of elements that a specification denies with `false`."""
    for part in table:
        if part.form is THERE and valued(spec, part.field) is False:
            yield tuple(part.place.split("/"))


VIRTIO: Table = tuple(
    Part(f"driver/@{name}", f"virtio.{name}", ON) for name in ("iommu", "ats", "packed", "page_per_vq")
)
"""Options of every virtio device (virtio_spec.py)."""
