"""JSON Schema of the keys that are the loader's own and in no model, with their words and examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.manifest.items import MAX_COUNT

OWNED: Mapping[str, dict[str, Any]] = {
    "profile": {
        "type": "string",
        "x-type": ["profile", "the name of a profile"],
        "description": "The profile that is merged under this VM; what the VM states itself wins.",
        "examples": ["base"],
    },
    "extends": {
        "type": "string",
        "x-type": ["profile", "the name of a profile"],
        "description": "The profile that this one is merged on; what this one states wins.",
        "examples": ["base"],
    },
    "host": {
        "type": "string",
        "x-type": ["host", "the name of a host"],
        "description": "The host it is on; the manifest's only one when not given.",
        "examples": ["hv1"],
    },
    "hosts": {
        "type": "array",
        "items": {"type": "string", "x-type": ["host", "the name of a host"]},
        "description": "Hosts to have this on in any case; it is also on every host with a VM that uses it.",
        "examples": [["hv1", "hv2"]],
    },
    "count": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_COUNT,
        "description": "Makes so many VMs of this one: name-1, name-2 and so on; `${index}` is 1, 2.",
        "examples": [2],
    },
}
PROFILES: Mapping[str, Any] = {
    "base": {"cpus": 1, "memory": "1GiB"},
    "big": {"extends": "base", "memory": "8GiB"},
}
"""An example of profiles."""
LISTS: Mapping[str, str] = {
    "moved": "New names of VMs: renames, not new VMs with blank disks.",
    "released": "VMs to let go of without deleting them.",
    "removed": "Standalone volumes to delete, with --allow data-loss.",
}
"""What the root's lists are for."""
VARIANTS: Mapping[bool, Mapping[str, tuple[str, ...]]] = {
    True: {
        "Entry": ("profile", "count", "host"),
        "Defaults": ("profile", "host"),
        "Profile": ("extends", "host"),
    },
    False: {"Entry": ("hosts",), "Defaults": ("hosts",)},
}
"""What a section with profiles, or without, adds to its model, and where."""
