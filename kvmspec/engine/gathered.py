"""What is imported, as the text of a manifest: in one file, or in several that are loaded together."""

from __future__ import annotations

import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kvmspec.core.errors import KvmspecError
from kvmspec.images.yaml_text import dump
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.layout import formatted
from kvmspec.manifest.layout.order import root_shape

Data = dict[str, Any]
_SHARED = ("secrets", "nwfilters", "networks", "pools", "volumes")
_OF_ALL = ("preset", "arch", "accel")
"""What VMs of one host mostly have in common: said once, where all of them do."""
_WIDTH = 100


@dataclass
class Gathered:
    """The sections of a manifest; the variables that are to be set; what a person should look at, by
    section and name.

    own  volume → the VM that is the only one that has it
    """

    project: str
    sections: dict[str, Data] = field(default_factory=lambda: {name: {} for name in (*_SHARED, "vms")})
    variables: dict[str, Data] = field(default_factory=dict)
    remarks: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)

    def add(self, section: str, name: str, entry: Data, remarks: Iterable[str] = ()) -> None:
        """Raises KvmspecError where there is one of that name already."""
        if name in self.sections[section]:
            raise KvmspecError(
                f"two of the {_WORDS[section]} are called {name}", hint="import one of them at a time"
            )
        self.sections[section][name] = entry
        if "xml" in entry:
            self.remark(
                section, name, f"No field says what stands under `xml:`: {', '.join(_said(entry['xml']))}."
            )
        for remark in remarks:
            self.remark(section, name, remark)

    def remark(self, section: str, name: str, text: str) -> None:
        """Something a person should look at; it becomes a comment."""
        self.remarks.setdefault((section, name), []).append(text)

    # --- as text
    def text(self) -> str:
        """The whole manifest."""
        return self._formatted(self._head() + self._written(self.sections))

    def files(self) -> dict[str, str]:
        """The same as files: `kvmspec.yaml` with what VMs share, and one a VM, each in a folder `vms`."""
        shared = {
            section: {name: entry for name, entry in self.sections[section].items() if name not in self.own}
            for section in _SHARED
        }
        found = {"kvmspec.yaml": self._formatted(self._head() + self._written(shared))}
        for name, entry in self.sections["vms"].items():
            mine = {volume: self.sections["volumes"][volume] for volume, vm in self.own.items() if vm == name}
            file = f"vms/{'vm' if name[0] in '_.' else ''}{name}.yaml"  # the loader skips _ and .
            found[file] = self._formatted(self._written({"volumes": mine, "vms": {name: entry}}))
        return found

    def _head(self) -> str:
        data: Data = {"kvmspec": 1, "project": self.project}
        if self.variables:
            data["variables"] = self.variables
        if self._same:
            data["defaults"] = {"vms": self._same}
        return dump(data)

    @cached_property
    def _same(self) -> Data:
        """The values of `_OF_ALL` that every VM has, of several, once all are there."""
        vms: list[Data] = list(self.sections["vms"].values())
        if len(vms) < 2:
            return {}
        shared = (name for name in _OF_ALL if name in vms[0])
        return {name: vms[0][name] for name in shared if all(vm.get(name) == vms[0][name] for vm in vms)}

    def _written(self, sections: Mapping[str, Data]) -> str:
        return "".join(
            f"{section}:\n" + "".join(self._entry(section, name, entry) for name, entry in entries.items())
            for section, entries in sections.items()
            if entries
        )

    def _entry(self, section: str, name: str, entry: Data) -> str:
        remarks = self.remarks.get((section, name), ())
        if section == "vms":
            entry = {key: value for key, value in entry.items() if key not in self._same}
        comments = [line for remark in remarks for line in textwrap.wrap(remark, _WIDTH)]
        return "".join(f"  # {line}\n" for line in comments) + textwrap.indent(dump({name: entry}), "  ")

    def _formatted(self, text: str) -> str:
        return formatted(text, "the manifest", root_shape(SECTIONS))


_WORDS = {"vms": "machines", "nwfilters": "filters"} | {
    name: name for name in ("secrets", "networks", "pools", "volumes")
}


def _said(fragment: str) -> list[str]:
    """The elements a fragment speaks of: `<devices/hub>`."""
    root = ET.fromstring(fragment.replace("$$", "$"))
    found = [f"@{name}" for name in root.attrib]
    for node in root:
        inner = [child.tag for child in node] if node.tag == "devices" else []
        found += [f"devices/{tag}" for tag in inner] or [node.tag]
    return list(dict.fromkeys(name.rpartition("}")[2] for name in found))
