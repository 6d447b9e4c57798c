"""Strict YAML: libyaml's events into plain data, with an error for everything that could be misread.

No Loader, no constructors: nothing in a manifest can name a Python object. Marks are not kept;
`kvmspec.manifest.places` composes the text again when there is an error to place.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import MarkedYAMLError, YAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from kvmspec.core.problem import Problem, Where
from kvmspec.manifest import places
from kvmspec.manifest.scalars import Plain, Scalar, TooLargeError, resolve_tagged

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 64
SPARE_NODES = 200_000  # an alias may repeat this many nodes beyond ten times those written
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_WORDS = {  # libyaml's words → ours, and what to do
    "mapping values are not allowed in this context": (
        "a `key: value` is not possible here", "put text that holds `: ` in quotes, and check the indentation"
    ),
    "found character that cannot start any token": (
        "this character cannot start a value", "put such text in quotes; indent with spaces, not tabs"
    ),
    "could not find expected ':'": ("this key has no `:`", "check the indentation and the lines above"),
    "did not find expected key": ("expected a key here", "check the indentation and the lines above"),
    "did not find expected '-' indicator": ("expected `- ` here", "check the indentation"),
    "did not find expected ',' or '}'": ("expected `,` or `}`", "is a brace or a quote missing?"),
    "did not find expected ',' or ']'": ("expected `,` or `]`", "is a bracket or a quote missing?"),
    "did not find expected node content": ("expected a value here", "is a bracket, brace or quote missing?"),
    "did not find expected <document start>": ("expected a single document", "check the indentation"),
}  # fmt: skip
_FLOW_HINT = 'inside `{…}` and `[…]` a `${…}` needs quotes: "${name}"'


class YamlError(Exception):
    """The text is not strict YAML; carries what is wrong with it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def decode(data: bytes, file: str) -> str:
    """UTF-8 `data` as text without a byte order mark. Raises YamlError."""
    if len(data) > MAX_BYTES:
        raise YamlError(Problem(f"the file is larger than {MAX_BYTES >> 20} MiB", Where(file, 1, 1)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        where = places.at_index(before, len(before), file)
        raise YamlError(Problem("this is not UTF-8 text", where, hint="save the file as UTF-8")) from None
    if found := _CONTROL.search(text):
        code = ord(found[0])
        where = places.at_index(text, found.start(), file)
        hint = "in double quotes it can be written as an escape" if code else ""
        raise YamlError(Problem(f"the control character U+{code:04X} is not allowed", where, hint=hint))
    return text


def parse(text: str, file: str) -> Any:
    """The plain data of the one document in `text`; None if it is empty. Raises YamlError.

    Maps and lists reached through an alias are shared: whoever changes data copies it first.
    """
    try:
        return _Builder(text, file).document()
    except MarkedYAMLError as error:
        raise YamlError(_translate(error, text, file)) from None
    except YAMLError as error:
        raise YamlError(Problem(f"not YAML: {getattr(error, 'reason', error)}", Where(file, 1, 1))) from None


def _translate(error: MarkedYAMLError, text: str, file: str) -> Problem:
    """libyaml's complaint, in our words where we have better ones."""
    mark = error.problem_mark or error.context_mark
    words = error.problem or error.context or "this is not YAML"
    message, hint = _WORDS.get(words, (words, ""))
    if mark is None:
        return Problem(message, Where(file, 1, 1), hint=hint)
    where = places.at_mark(text, mark, file)
    if not text[mark.index :].strip():  # the end of the file is nobody's fault
        where = places.at_index(text, len(text.rstrip()), file)
        opening = text[error.context_mark.index :][:1] if error.context_mark else ""
        if opening and opening in "[{'\"":
            message, where = (
                f"this `{opening}` is never closed",
                places.at_mark(text, error.context_mark, file),
            )
    start = error.context_mark.index if error.context_mark and "flow" in (error.context or "") else mark.index
    if text[mark.index - 1 : mark.index + 1] == "${" or "${" in text[start : mark.index + 1]:
        hint = _FLOW_HINT
    return Problem(message, where, hint=hint)


class _Builder:
    """One document's events as data. `size` counts nodes as they would be without aliases."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.next: Any = CParser(text).get_event
        self.plain = Plain()
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.size = self.written = 0
        self.merged = False

    def document(self) -> Any:
        """The data of the only document. Raises YamlError, yaml.YAMLError."""
        assert type(self.next()) is StreamStartEvent
        event = self.next()
        if type(event) is StreamEndEvent:
            return None
        assert type(event) is DocumentStartEvent
        data = self.node(self.next(), 0)
        self.next()
        if type(after := self.next()) is not StreamEndEvent:
            raise self.error(after, "a file holds one document", "split the file at `---`")
        return data

    def error(self, event: Event, message: str, hint: str = "") -> YamlError:
        """A YamlError at `event`."""
        return YamlError(Problem(message, places.at_mark(self.text, event.start_mark, self.file), hint=hint))

    def node(self, event: Any, depth: int) -> Any:
        """Any node: the slow way, with anchors and tags; `map` and `list` shorten it for plain scalars."""
        if type(event) is AliasEvent:
            return self.alias(event)
        before = self.size
        self.size += 1
        self.written += 1
        if depth > MAX_DEPTH:
            raise self.error(event, f"nested more than {MAX_DEPTH} levels deep")
        if event.anchor is not None:
            if event.anchor in self.anchors:
                raise self.error(event, f"the anchor `&{event.anchor}` is already in this file")
            self.anchors[event.anchor] = (..., 0)  # until it is complete; an alias inside would be endless
        value: Any
        if type(event) is ScalarEvent:
            value = self.scalar(event)
        elif event.tag is not None and event.tag != (_MAP if type(event) is MappingStartEvent else _SEQ):
            raise self.bad_tag(event)
        elif type(event) is MappingStartEvent:
            value = self.map(event, depth + 1)
        else:
            assert type(event) is SequenceStartEvent
            value = self.list(depth + 1)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.size - before)
        return value

    def alias(self, event: Any) -> Any:
        """What the alias stands for, its size counted as if it were written out."""
        if event.anchor not in self.anchors:
            raise self.error(event, f"there is no anchor `&{event.anchor}` above this alias")
        value, size = self.anchors[event.anchor]
        if value is ...:
            raise self.error(event, f"the alias `*{event.anchor}` is inside its own anchor")
        self.size += size or 1
        self.written += 1
        if self.size > 10 * self.written + SPARE_NODES:
            raise self.error(event, "aliases expand to too much data", "write fewer aliases of aliases")
        return value

    def scalar(self, event: Any) -> Scalar:
        """A scalar's value by its tag, its quotes or its look."""
        try:
            if event.tag is not None:
                return resolve_tagged(event.tag, event.value)
            return self.plain[event.value] if event.implicit[0] else event.value
        except TooLargeError:
            raise self.error(event, "this number is too large", "put it in quotes if it is text") from None
        except KeyError:
            raise self.bad_tag(event) from None
        except ValueError:
            raise self.error(event, f"this is not a value of !!{event.tag.rpartition(':')[2]}") from None

    def bad_tag(self, event: Any) -> YamlError:
        """A tag that is not one of the core schema, or on the wrong sort of node."""
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        return self.error(
            event, f"the tag `{tag}` is not allowed here", "a manifest needs no tags; remove it"
        )

    def map(self, start: Event, depth: int) -> dict[str, Any]:
        """A mapping with its merge keys applied. Keys are text as written."""
        result: dict[str, Any] = {}
        merges: list[tuple[Event, Any]] = []
        get = self.next
        entries = 0
        while type(key := get()) is not MappingEndEvent:
            if type(key) is not ScalarEvent:
                raise self.error(key, "a key must be plain text")
            if key.anchor is not None or key.tag is not None:
                self.node(key, depth)
            event = get()
            if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
                value: Any = self.scalar(event)
            else:
                value = self.node(event, depth)
            if key.value == "<<" and key.implicit[0]:
                merges.append((event, value))
            else:
                result[key.value] = value
                entries += 1
        self.size += entries
        self.written += entries
        if len(result) != entries or len(merges) > 1:
            raise YamlError(*places.duplicate_keys(self.text, self.file))
        return self.merge(result, merges[0]) if merges else result

    def list(self, depth: int) -> list[Any]:
        """A sequence."""
        result = []
        while type(event := self.next()) is not SequenceEndEvent:
            result.append(self.node(event, depth))
        return result

    def merge(self, own: dict[str, Any], merge: tuple[Event, Any]) -> dict[str, Any]:
        """`<<`: the own keys win, then the first of the maps that has a key (yaml.org/type/merge.html)."""
        event, value = merge
        maps = value if isinstance(value, list) else [value]
        result = dict(own)
        for each in maps:
            if not isinstance(each, dict):
                raise self.error(event, "`<<` takes a map, or a list of maps", "as in `<<: *base`")
            for key in each.keys() - result.keys():
                result[key] = each[key]
        self.size += len(result)
        return result
