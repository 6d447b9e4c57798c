"""The steps of formatting, and the proof that nothing but the layout changed."""

from __future__ import annotations

import re
from typing import Any

from yaml import YAMLError

from kvmspec.manifest import yaml
from kvmspec.manifest.layout.blanks import tidied
from kvmspec.manifest.layout.indent import indented
from kvmspec.manifest.layout.order import Shape
from kvmspec.manifest.layout.reorder import reordered, reordered_flow
from kvmspec.manifest.layout.text import Text

_FOREIGN = re.compile("[\x85\u2028\u2029]")
_HEADER = re.compile(r"([|>])[+]?([0-9]*)[+]?(?=\s*$|\s+#)")


class LayoutError(Exception):
    """Formatting would have changed more than the layout; a fault of ours."""


def formatted(text: str, file: str, shape: Shape) -> str:
    """`text` in canonical layout; what it says and all its comments stay.

    A text with explicit keys (`? key`), or with line ends of Unicode's, stays as it is. `file` is what
    an error calls it.

    Raises YamlError where the text is not strict YAML, LayoutError where the result would not mean
    the same.
    """
    data = yaml.parse(text, file)
    if _FOREIGN.search(text) or (before := Text(_ended(re.sub("\r\n?", "\n", text)))).explicit:
        return text
    try:
        after = _stepped(before, shape)
        read = yaml.parse(after.joined(), file)
    except (YAMLError, yaml.YamlError) as error:
        raise LayoutError(f"{file}: formatting would break it: {error}") from error
    if not same(data, read):
        raise LayoutError(f"{file}: formatting would change what it says")
    if before.comments() != after.comments():
        raise LayoutError(f"{file}: formatting would change a comment")
    return after.joined("\r\n" if "\r\n" in text else "\n")


def _stepped(text: Text, shape: Shape) -> Text:
    """`text` after all steps; looked at anew only where a step changed something."""
    for step in (reordered_flow, reordered, indented, tidied):
        lines = step(text, shape)
        if lines != text.lines:
            text = Text("".join(f"{line}\n" for line in lines))
    return text


def _ended(text: str) -> str:
    """`text` with a line break at its end. A scalar that ends there takes none in."""
    if not text or text.endswith("\n"):
        return text
    found = Text(text)
    for node in found.root.all() if found.root else ():
        if node.body and node.body.last == len(found.lines) - 1 >= node.body.first:
            header = node.body.first - 1
            found.lines[header] = _HEADER.sub(r"\1\2-", found.lines[header], count=1)
            text = "\n".join(found.lines)
    return text + "\n"


def same(one: Any, other: Any) -> bool:
    """Whether two pieces of data are equal, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or one != one  # the second is .nan
