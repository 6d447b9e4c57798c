"""`${…}` in values: variables, the environment, files, and what differs from VM to VM.

One pass replaces everything that is known for the whole manifest. A text that needs a VM's index,
name or host becomes a Late, rendered when the VM is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvmspec.core.problem import Where
from kvmspec.manifest.problems import Problems, nearest
from kvmspec.manifest.section import Path as Place
from kvmspec.manifest.variables import RESERVED, Variables, read_text, resolve_path

MAX_TEXT = 2**20
MAX_TOTAL = 64 * 2**20
_REFERENCE = re.compile(r"\$(?:\$|\{(?P<name>[^{}]*)(?P<end>\})?)")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPE = "for a literal dollar sign write `$$`"


class Broken(str):
    """A text whose references failed and were noted; whatever else is wrong with it is not news."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference that only a VM can fill in: `index`, `name` or `host`."""

    name: str


@dataclass(frozen=True, slots=True)
class Late:
    """A text with references that only a VM can fill in."""

    parts: tuple[str | Reference, ...]

    def render(self, values: Mapping[str, Any]) -> Any:
        """The value in one VM. Raises KeyError with the name of a reference it does not have."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Reference):
            return values[self.parts[0].name]
        return "".join(part if isinstance(part, str) else str(values[part.name]) for part in self.parts)


class ReferenceFailure(Exception):
    """A reference that cannot be resolved: message and hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass
class Interpolator:
    """Interpolates one entry of the manifest at a time.

    late  whether the last entry has anything left for a VM to fill in
    """

    variables: Variables
    problems: Problems
    total: int = 0
    late: bool = False

    def entry(self, value: Any, path: Place, folder: Path, *, in_vm: bool) -> Any:
        """`value`, written at `path`, with its references replaced; the same object when it has none."""
        self.late = False
        self._in_vm, self._folder, self._path = in_vm, folder, list(path)
        return self._text(value) if type(value) is str else self._walk(value)

    def _walk(self, value: Any) -> Any:
        if type(value) is dict:
            return self._map(value)
        return self._list(value) if type(value) is list else value

    def _map(self, value: dict[str, Any]) -> dict[str, Any]:
        result = value
        for key, child in value.items():
            if "${" in key:
                self._note("a key cannot hold a reference", key, "only values are interpolated", at_key=key)
            if (new := self._child(key, child)) is not child:
                result = dict(value) if result is value else result
                result[key] = new
        return result

    def _list(self, value: list[Any]) -> list[Any]:
        result = value
        for index, child in enumerate(value):
            if (new := self._child(index, child)) is not child:
                result = list(value) if result is value else result
                result[index] = new
        return result

    def _child(self, step: str | int, child: Any) -> Any:
        if type(child) is str:
            if "$" not in child:
                return child
        elif type(child) is not dict and type(child) is not list:
            return child
        self._path.append(step)
        new = self._text(child) if type(child) is str else self._walk(child)
        self._path.pop()
        return new

    def _text(self, text: str) -> Any:
        """One scalar: the value itself when it is nothing but a reference."""
        parts: list[Any] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            try:
                parts.append("$" if match[0] == "$$" else self._value(match))
            except ReferenceFailure as failure:
                self._note(failure.message, match[0], failure.hint)
                return Broken(text)
        parts = [part for part in (*parts, text[end:]) if part != ""] or [""]
        if any(isinstance(part, Broken) for part in parts):
            return Broken(text)
        if len(parts) == 1 and not isinstance(parts[0], Reference):
            return parts[0]
        return self._join(text, parts)

    def _join(self, text: str, parts: list[Any]) -> Any:
        """Several parts as one text, or as a Late."""
        if any(isinstance(part, list | dict) for part in parts):
            self._note("a list cannot be part of a text", text, "use the reference alone, as the whole value")
            return Broken(text)
        pieces = [part if isinstance(part, Reference) else _written(part) for part in parts]
        size = sum(len(piece) for piece in pieces if isinstance(piece, str))
        self.total += size
        if size > MAX_TEXT or self.total > MAX_TOTAL:
            self._note("the interpolated text is too large", text)
            return Broken(text)
        if any(isinstance(piece, Reference) for piece in pieces):
            self.late = True
            return Late(tuple(pieces))
        return "".join(piece for piece in pieces if isinstance(piece, str))

    def _value(self, match: re.Match[str]) -> Any:
        """What one `${…}` stands for. Raises ReferenceFailure."""
        name = match["name"]
        if match["end"] is None:
            raise ReferenceFailure("this `${` has no `}`", _ESCAPE)
        scheme, colon, rest = name.partition(":")
        if colon and scheme in _SCHEMES:
            return _SCHEMES[scheme](self, rest)
        if name in RESERVED:
            if not self._in_vm:
                raise ReferenceFailure(
                    f"`${{{name}}}` has a value only inside a VM", "declare a variable instead"
                )
            return Reference(name)
        if name not in self.variables.specs:
            raise ReferenceFailure(*self._unknown(name))
        try:
            value = self.variables.get(name)
        except LookupError as error:
            raise ReferenceFailure(f"the variable `{name}` has no value", str(error.args[0])) from None
        return Broken(match[0]) if value is None else value

    def _unknown(self, name: str) -> tuple[str, str]:
        if not VARIABLE.fullmatch(name):
            return f"`${{{name[:60]}}}` is not a reference", _ESCAPE
        hint = nearest(name, self.variables.specs) or "declare it in `variables:`; " + _ESCAPE
        return f"there is no variable `{name}`", hint

    def _env(self, name: str) -> str:
        if name not in self.variables.environ:
            raise ReferenceFailure(f"the environment variable `{name}` is not set", f"export {name}=…")
        return self.variables.environ[name]

    def _file(self, text: str) -> str:
        try:
            return read_text(resolve_path(text, self._folder, self.variables.environ))
        except ValueError as error:
            raise ReferenceFailure(str(error), "the path is relative to the manifest's folder") from None

    def _note(self, message: str, needle: str, hint: str = "", at_key: str = "") -> None:
        path = (*self._path, at_key) if at_key else tuple(self._path)
        where: Where = self.variables.sources.where(path, key=bool(at_key), needle=needle)
        self.problems.add(
            message,
            where,
            path="".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip("."),
            hint=hint,
        )


def _written(value: Any) -> str:
    """A value inside a text, as YAML would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_SCHEMES: Mapping[str, Callable[[Interpolator, str], str]] = {
    "env": Interpolator._env,
    "file": Interpolator._file,
}


def has_late(value: Any) -> bool:
    """Whether anything in `value` waits for a VM."""
    if isinstance(value, dict):
        return any(map(has_late, value.values()))
    return any(map(has_late, value)) if isinstance(value, list) else isinstance(value, Late)


def render(
    value: Any, values: Mapping[str, Any], missing: Callable[[Place, str], None], path: Place = ()
) -> Any:
    """`value` with every Late filled in; `missing` is told of a reference that has no value here."""
    if isinstance(value, Late):
        try:
            return value.render(values)
        except KeyError as error:
            missing(path, str(error.args[0]))
            return Broken("")
    if isinstance(value, dict):
        return {key: render(child, values, missing, (*path, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [render(child, values, missing, (*path, index)) for index, child in enumerate(value)]
    return value
