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
