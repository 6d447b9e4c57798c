"""What a raw user-data text is to cloud-init, and the data of a `#cloud-config`.

The marks are those of https://cloudinit.readthedocs.io/en/latest/explanation/format.html.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any, NamedTuple

CONFIG = "text/cloud-config"
MULTIPART = "multipart/mixed"
MAX_NODES = 100_000
MAX_DEPTH = 64
_MARKS = {
    "## template: jinja": "text/jinja2",
    "#cloud-config-archive": "text/cloud-config-archive",
    "#cloud-config-jsonp": "text/cloud-config-jsonp",
    "#cloud-config": CONFIG,
    "#cloud-boothook": "text/cloud-boothook",
    "#include-once": "text/x-include-once-url",
    "#include": "text/x-include-url",
    "#part-handler": "text/part-handler",
    "#!": "text/x-shellscript",
    "content-type: multipart/": MULTIPART,
    "mime-version:": MULTIPART,
}
"""How a text begins, in lower case → its MIME type; a longer mark before one that begins it."""

BINARY = "kvmspec:binary"
"""The one key of a map that stands for bytes, as base64: JSON has no bytes, YAML's `!!binary` has."""


class Mistake(NamedTuple):
    """What is wrong with a text, and what to do."""

    message: str
    hint: str = ""


class BadTextError(Exception):
    """A text that cloud-init would not understand."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mistake = Mistake(message, hint)


def kind_of(text: str) -> str | None:
    """The MIME type that cloud-init gives the text, by how it begins; None where it would ignore it."""
    start = text.lstrip()[:64].lower()
    return next((mime for mark, mime in _MARKS.items() if start.startswith(mark)), None)


@lru_cache(maxsize=256)
def parse(text: str) -> Any:
    """The data of a YAML text as cloud-init reads it (YAML 1.1, PyYAML), but plain enough for JSON.

    Dates stay text; binary values are maps with the key BINARY. Shared between callers: do not change.
    Raises BadTextError, with the line in the text.
    """
    import yaml

    try:
        data = yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise BadTextError(f"not YAML: {error.problem or error.context}{line}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadTextError(f"not YAML: {getattr(error, 'reason', None) or error}") from None
    return _Plain().value(data, 0)


@lru_cache(maxsize=1)
def _loader() -> Any:
    """PyYAML's safe loader, libyaml's where it is built in, without its dates."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {})
    loader.add_constructor("tag:yaml.org,2002:timestamp", loader.construct_yaml_str)
    return loader


class _Plain:
    """Copies data, and refuses what JSON cannot hold. `left` bounds what aliases may repeat."""

    left = MAX_NODES

    def value(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise BadTextError("this is too much data", "write fewer aliases of aliases")
        if isinstance(value, dict):
            return {self.key(key): self.value(child, depth + 1) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(child, depth + 1) for child in value]
        if isinstance(value, set):
            return {self.key(key): None for key in value}
        if isinstance(value, bytes):
            return {BINARY: base64.b64encode(value).decode()}
        return value

    def key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise BadTextError(f"the key `{str(key)[:40]}` is not text", "put it in quotes")
        return key


def config(text: str) -> dict[str, Any]:
    """The data of a `#cloud-config`; empty where there is none. Raises BadTextError."""
    data = parse(text)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadTextError("a `#cloud-config` is a map of cloud-init's keys", "as in `packages: [nginx]`")
    return data


def merge(base: Any, over: Any) -> Any:
    """`over` on `base`: maps deeply, lists one after the other, else what is over wins. Changes neither."""
    if isinstance(base, dict) and isinstance(over, dict):
        result = dict(base)
        for key, value in over.items():
            result[key] = merge(base[key], value) if key in base else value
        return result
    if isinstance(base, list) and isinstance(over, list):
        return [*base, *over]
    return over
