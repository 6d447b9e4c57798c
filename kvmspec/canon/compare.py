"""Is what is stated there? And where not?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]


def covers(stated: Any, live: Any) -> bool:
    """Whether every stated leaf is in `live` with an equal value. Cheap: the answer is nearly
    always yes."""
    if type(stated) is not dict:
        return bool(stated == live)
    if type(live) is not dict:
        return False
    for key, value in stated.items():
        if key not in live or not covers(value, live[key]):
            return False
    return True


def uncovered(stated: dict[str, Any], live: dict[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """(path, stated, live or None) of everything in `stated` that `live` does not cover: a leaf
    or a list that differs, or a whole element that is missing.

    deepdiff compares only the subtrees in which the cheap test found a difference.
    """
    for key, value in stated.items():
        if key not in live:
            yield (key,), value, None
        elif not covers(value, live[key]):
            for path in _differing(value, _restricted(live[key], value)):
                full = (key, *path)
                yield full, get(stated, full), get(live, full)


def _differing(stated: Any, live: Any) -> list[Path]:
    from deepdiff import DeepDiff  # 0.1 s to import: only where something differs

    # by itself it takes two maps that share little for one change of everything
    found = DeepDiff(live, stated, view="tree", threshold_to_diff_deeper=0)
    paths = {_names(item.path(output_format="list")) for group in found.values() for item in group}
    return sorted(paths)


def _names(path: list[Any]) -> Path:
    """A path up to the first list: lists have an order that means something, and differ as one."""
    names: list[str] = []
    for part in path:
        if not isinstance(part, str):
            break
        names.append(part)
    return tuple(names)


def _restricted(live: Any, stated: Any) -> Any:
    """Of `live` only what `stated` speaks of."""
    if type(live) is dict and type(stated) is dict:
        return {key: _restricted(live[key], value) for key, value in stated.items() if key in live}
    return live


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf with its path. A list is one leaf; so is an element without content ({})."""
    if type(data) is dict and data:
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, data


def get(data: Any, path: Path) -> Any:
    """The value at `path`, or None."""
    for part in path:
        if type(data) is not dict or part not in data:
            return None
        data = data[part]
    return data


def replaced(data: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """A copy of `data` with another value at `path`; everything else is shared with it."""
    inner = replaced(data.get(path[0], {}), path[1:], value) if len(path) > 1 else value
    return {**data, path[0]: inner}


def put(data: dict[str, Any], path: Path, value: Any) -> None:
    """Set the value at `path`, making the elements on the way."""
    for part in path[:-1]:
        data = data.setdefault(part, {})
    data[path[-1]] = value


def drop(data: Any, path: Path) -> None:
    """Remove what is at `path`, and the elements that are empty then."""
    if type(data) is not dict or path[0] not in data:
        return
    if len(path) > 1:
        drop(data[path[0]], path[1:])
        if data[path[0]] == {}:
            del data[path[0]]
    else:
        del data[path[0]]
