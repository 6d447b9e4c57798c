"""Passwords in a dump made with --security-info: they become variables, and are printed nowhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import count
from typing import Any

_ODD = re.compile(r"[^a-z0-9_]+")


class Passwords:
    """Takes the passwords out of a domain, and puts references in their places in what becomes of it."""

    def __init__(self, name: str, root: ET.Element) -> None:
        self.variables: dict[str, dict[str, Any]] = {}
        self._stands: dict[str, str] = {}
        self._values: dict[str, str | None] = {}
        for node in root.findall("devices/graphics"):
            if node.get("passwd"):
                node.set("passwd", self._kept(f"{name}_{node.get('type')}_password", node.get("passwd")))
        for node in root.iterfind("devices/disk//cookie"):  # shown with --security-info only, as passwords
            node.text = self._kept(f"{name}_cookie_{node.get('name')}", node.text)

    def _kept(self, wanted: str, value: str | None) -> str:
        """What stands for a secret from now on. One of the same name and value is the same variable."""
        first = _ODD.sub("_", wanted.lower()).strip("0123456789_") or "password"
        names = (first if n == 1 else f"{first}_{n}" for n in count(1))
        variable = next(name for name in names if self._values.get(name, value) == value)
        if variable not in self._values:
            self._values[variable] = value
            self._stands[f"\N{LOCK}pw{len(self._stands)}\N{LOCK}"] = f"${{{variable}}}"
            self.variables[variable] = {"env": variable.upper(), "secret": True}
        return next(text for text, reference in self._stands.items() if reference == f"${{{variable}}}")

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
