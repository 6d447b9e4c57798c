"""Cycles in small graphs of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def find_cycle(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A cycle of `graph` (node → the nodes it needs) as its nodes in order, first = last; else ().

    Nodes that are no key have no edges. Deterministic; a deep graph is no problem.
    """
    done: set[str] = set()
    for start in sorted(graph):
        trail: dict[str, None] = {}  # an ordered set: the way from `start` to here
        stack = [iter([start])]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                if trail:
                    done.add(trail.popitem()[0])
            elif node in trail:
                way = list(trail)
                return (*way[way.index(node) :], node)
            elif node not in done:
                trail[node] = None
                stack.append(iter(sorted(graph.get(node, ()))))
    return ()
