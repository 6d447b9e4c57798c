"""Validation against libvirt's own RELAX NG schemas."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

SCHEMA_DIR = Path("/usr/share/libvirt/schemas")
_FILES = {
    "domain": "domain.rng",
    "network": "network.rng",
    "pool": "storagepool.rng",
    "volume": "storagevol.rng",
    "secret": "secret.rng",
    "filter": "nwfilter.rng",
}


@cache
def _schema(kind: str) -> Any:
    return etree.RelaxNG(etree.parse(str(SCHEMA_DIR / _FILES[kind])))


def errors(xml: str) -> list[str]:
    """What libvirt's schema has against `xml`; empty when it is valid.

    Raises OSError where libvirt's schemas are not installed.
    """
    root = etree.fromstring(xml.encode())
    schema = _schema(root.tag)
    return [] if schema.validate(root) else [str(entry.message) for entry in schema.error_log]


def culprit(xml: str) -> str:
    """The start of the one element without which `xml` would be valid, the innermost; "" where there is none:
    libxml2 says no more than that something is wrong with a whole <devices>.

    Raises OSError where libvirt's schemas are not installed.
    """
    root = etree.fromstring(xml.encode())
    schema: Any = _schema(root.tag)
    found: Any = None
    inside = root
    while (guilty := next((child for child in inside if _valid_without(child, schema)), None)) is not None:
        found = inside = guilty
    if found is None:
        return ""
    words = [str(found.tag), *(f'{name!s}="{value!s}"' for name, value in sorted(found.items()))]
    return f"<{' '.join(words)}>"


def _valid_without(node: Any, schema: Any) -> bool:
    parent = node.getparent()
    place = parent.index(node)
    parent.remove(node)
    valid = bool(schema.validate(parent.getroottree()))
    parent.insert(place, node)
    return valid
