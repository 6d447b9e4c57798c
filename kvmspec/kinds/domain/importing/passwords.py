"""Passwords in a dump made with --security-info: they become variables, and are printed nowhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

_ODD = re.compile(r"[^a-z0-9_]+")


class Passwords:
    """Takes the passwords out of a domain, and puts references in their places in what becomes of it."""

    def __init__(self, name: str, root: ET.Element) -> None:
        self.variables: dict[str, dict[str, Any]] = {}
        self._stands: dict[str, str] = {}
        for node in root.findall("devices/graphics"):
            if node.get("passwd"):
                variable = (
                    _ODD.sub("_", f"{name}_{node.get('type')}_password".lower()).lstrip("0123456789_")
                    or "password"
                )
                stand_in = f"\N{LOCK}pw{len(self._stands)}\N{LOCK}"
                node.set("passwd", stand_in)
                self._stands[stand_in] = f"${{{variable}}}"
                self.variables[variable] = {"env": variable.upper(), "secret": True}

    def restored(self, value: Any) -> Any:
        """Data with references where passwords were, and every other dollar doubled: they mean themselves."""
        if isinstance(value, dict):
            return {key: self.restored(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.restored(inner) for inner in value]
        if not isinstance(value, str):
            return value
        value = value.replace("$", "$$")
        for stand_in, reference in self._stands.items():
            value = value.replace(stand_in, reference)
        return value
