"""The fields that tables of cases have. Objects with the same fields are one: an address is, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.nodes import Node, Schema, resolved
from kvmspec.manifest.schema import marked_schema


class Place(NamedTuple):
    """A field of a VM, and its path; below an object that stands in many places, from one of them on."""

    node: Node
    name: str


class VmFields:
    """The fields of VMs by their paths."""

    def __init__(self) -> None:
        schema = marked_schema(SECTIONS)
        self._names: dict[frozenset[str], str] = {}
        vms = resolved(schema["properties"]["vms"], schema)
        assert vms.inner is not None
        self._vm = Place(vms.inner, "vms")
        self._every = set(self._all())

    def every(self) -> set[str]:
        """All there are, but for those that this version does not build."""
        return self._every

    def _all(self) -> Iterator[str]:
        seen, ahead = set[str](), [self._vm]
        while ahead:
            place = ahead.pop(0)
            for model in _models(place.node):
                inside = self._inside(place, model)
                new = {field: inner for field, inner in inside.items() if inner.name not in seen}
                seen |= {inner.name for inner in new.values()}
                ahead += new.values()
                yield from (
                    inner.name for field, inner in new.items() if field not in (model.get("x-later") or ())
                )

    def stated(self, vms: Iterable[dict[str, Any]]) -> set[str]:
        """Those that these VMs have."""
        return {name for vm in vms for name in self._within(self._vm, vm)}

    def _within(self, place: Place, value: Any) -> Iterator[str]:
        inner = place.node.inner
        if isinstance(value, list) and inner is not None:
            for entry in value:
                yield from self._within(Place(inner, place.name), entry)
        elif isinstance(value, dict) and place.node.is_map and inner is not None:
            for entry in value.values():
                yield from self._within(Place(inner, place.name), entry)
        else:
            for model in _models(place.node):
                yield from self._of(place, model, value)

    def _of(self, place: Place, model: Schema, value: Any) -> Iterator[str]:
        """A bare value is that of the field it stands for."""
        short = model.get("x-short")
        if not isinstance(value, dict):
            value = {short: value} if short and value is not None and not isinstance(value, bool) else {}
        inside = self._inside(place, model)
        for field in value.keys() & inside.keys():
            yield inside[field].name
            yield from self._within(inside[field], value[field])

    def _inside(self, place: Place, model: Schema) -> dict[str, Place]:
        above = self._names.setdefault(frozenset(model["properties"]), place.name)
        return {
            field: Place(resolved(schema, place.node.root), f"{above}.{field}")
            for field, schema in model["properties"].items()
        }


def _models(node: Node) -> list[Schema]:
    """What has fields among what a field may be, itself or by entry."""
    if node.inner is not None:
        return _models(node.inner)
    return [option for option in node.options if "properties" in option]
