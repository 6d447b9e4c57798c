"""Names of libvirt's that a manifest can have."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import parse_name


def named(root: ET.Element, kind: str, *places: str, remedy: str = "") -> str:
    """The name of what is a `kind` of libvirt's, from the first of the places that has one.

    Raises ValueError where it is no such thing, has no name, or one that stands in no manifest; with `remedy`
    as what is to be done about that.
    """
    name = next((text for place in places or ("name",) if (text := root.findtext(place))), "").strip()
    if root.tag != kind or not name:
        raise ValueError(f"this is not the XML of a libvirt {kind} with a name")
    try:
        return parse_name(name)
    except PydanticCustomError as error:
        raise ValueError(f"the name `{name}` cannot stand in a manifest: {error.message()}{remedy}") from None
