"""Objects that many fields have, such as a device's address: the reference tells their fields once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from kvmspec.manifest.nodes import Node

_FEW = 3
"""So many fields are repeated: a person reads them faster than they follow a link."""


@dataclass(frozen=True)
class Shared:
    """Where each object's fields are told.

    places  id of a model's schema → the path there
    own     paths at which more is said of a field than its model says
    """

    places: Mapping[int, str]
    own: Collection[str]

    @classmethod
    def found(cls, roots: Mapping[str, Node], own: Collection[str]) -> Shared:
        """Of the fields below `roots`, level by level: an object is told where it is found first, and on one
        level where its name is the shortest (`disks.source` before `firmware.nvram_source`)."""
        places: dict[int, str] = {}
        level = [*roots.items()]
        while level:
            for path, node in sorted(level, key=lambda found: len(found[0].rpartition(".")[2])):
                places.setdefault(id(node.object), path)
            level = [
                (f"{path}.{name}", inner)
                for path, node in level
                for name, inner in node.fields.items()
                if inner.object is not None and places[id(node.object)] == path
            ]
        return cls(places, own)

    def like(self, path: str, node: Node) -> str:
        """Where the fields in it are told, if that is elsewhere; else nothing."""
        place = self.places.get(id(node.object), path)
        if place == path or _count(node) <= _FEW or any(each.startswith(f"{path}.") for each in self.own):
            return ""
        return place


def _count(node: Node) -> int:
    """The fields in it, and in these."""
    return sum(1 + _count(inner) for inner in node.fields.values())
