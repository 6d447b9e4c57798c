"""What one network filter cannot know of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kvmspec.kinds.nwfilter.spec import NwfilterSpec
from kvmspec.manifest.section import Finding, Item, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Filters that lead to themselves: libvirt refuses them."""
    items = {item.name: item for item in manifest.of("nwfilter")}
    for item in items.values():
        if circle := _circle(item.name, items):
            yield Finding(
                (*item.path, "filters"),
                f"filter {item.name} leads to itself: {' > '.join(circle)}",
                "take one of them out",
            )


def _circle(name: str, items: Mapping[str, Item]) -> list[str]:
    """The way from a filter back to it; empty where there is none."""
    ways, seen = [[name]], set()
    while ways:
        way = ways.pop()
        spec = items[way[-1]].spec
        assert isinstance(spec, NwfilterSpec)
        for each in spec.filters:
            if each.name == name:
                return [*way, name]
            if each.name in items and each.name not in seen:
                seen.add(each.name)
                ways.append([*way, each.name])
    return []
