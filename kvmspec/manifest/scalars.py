"""Plain YAML scalars as YAML 1.2's core schema reads them (https://yaml.org/spec/1.2.2/#103-core-schema).

Two readings are narrower than the core schema: a number with leading zeros stays text (`012` is
ten to some and twelve to others), and so does nothing else that YAML 1.1 would guess at:
`yes`, dates, `12:30:45`, `1_000`.
"""

from __future__ import annotations

import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_BASES = {"0x": 16, "0o": 8}
_NUMBER = re.compile(
    r"(?P<int>[-+]?(?:0|[1-9][0-9]*))|(?P<base>0x[0-9a-fA-F]+|0o[0-7]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?)"
)
_FIRST = frozenset("0123456789+-.")
_LONGEST = 400  # digits; int() itself refuses beyond 4300
_LIMIT = 2**64


class TooLargeError(ValueError):
    """A plain number beyond 64 bits: a mistake, or text that lacks its quotes."""


def resolve(text: str) -> Scalar:
    """The value of the plain scalar `text`. Raises TooLargeError."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or (match := _NUMBER.fullmatch(text)) is None:
        return text
    if len(text) > _LONGEST:
        raise TooLargeError
    number = float(text) if match["float"] else int(text) if match["int"] else int(text[2:], _BASES[text[:2]])
    if abs(number) >= _LIMIT:
        raise TooLargeError
    return number


class Plain(dict[str, Scalar]):
    """Resolves each distinct plain scalar once: `plain["2"]` is 2."""

    def __missing__(self, text: str) -> Scalar:
        value = self[text] = resolve(text)
        return value


TAGGED: dict[str, tuple[type, ...]] = {
    "tag:yaml.org,2002:str": (str,),
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:float": (float, int),
    "tag:yaml.org,2002:null": (type(None),),
}


def resolve_tagged(tag: str, text: str) -> Scalar:
    """`!!int "2"` as 2. Raises KeyError on a tag outside the core schema, ValueError on a misfit."""
    types = TAGGED[tag]
    if types == (str,):
        return text
    value = resolve(text)
    if type(value) not in types:
        raise ValueError(text)
    return float(value) if float in types and value is not None else value
