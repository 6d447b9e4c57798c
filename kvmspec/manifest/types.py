"""Value types of the manifest: sizes, durations, names, MACs. Each knows its JSON Schema."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from kvmspec.manifest.secrets import SecretStore, is_token

_UNITS = {
    "B": 1,
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTPE", 1)},
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGTPE", 1)},
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]i?B|B)")
_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}")
_MAC = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}")
_MAX_SIZE = 2**63 - 1
_NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


def parse_size(value: Any) -> int:
    """`512MiB`, `20GB`, `1.5TiB` as bytes.

    Raises PydanticCustomError (`size`) on a bare number, an unknown unit or an absurd amount.
    """
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        number, unit = match.groups()
        whole, _, fraction = number.partition(".")
        factor = _UNITS[unit]
        size: int = int(whole) * factor + (int(fraction) * factor // 10 ** len(fraction) if fraction else 0)
        if 0 < size <= _MAX_SIZE:
            return size
        raise PydanticCustomError("size", "a size must be above zero and below 8EiB")
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise PydanticCustomError(
            "size", "a size needs a unit, such as {number}MiB or {number}GiB", {"number": value}
        )
    raise PydanticCustomError("size", "expected a size with a unit, such as 512MiB or 20GiB")


def format_size(size: int) -> str:
    """Bytes as the shortest exact size with a binary unit: 2147483648 → `2GiB`."""
    for letter, power in zip("EPTGMK", range(6, 0, -1), strict=True):
        if size and size % 1024**power == 0:
            return f"{size // 1024**power}{letter}iB"
    return f"{size}B"


def parse_duration(value: Any) -> int:
    """`90s`, `5m`, `12h`, `7d` as seconds. Raises PydanticCustomError (`duration`)."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return int(match[1]) * _SECONDS[match[2]]
    raise PydanticCustomError("duration", "expected a duration with a unit, such as 90s, 5m or 12h")


def parse_name(value: Any) -> str:
    """A name libvirt takes, and that cannot leave a directory or an XML element."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise PydanticCustomError(
        "name",
        "a name is 1 to 63 letters, digits, `_`, `.`, `+` or `-`, and starts with a letter, digit or `_`",
    )


def parse_mac(value: Any) -> str:
    """A unicast MAC in lower case. Raises PydanticCustomError (`mac`)."""
    if not isinstance(value, str) or not _MAC.fullmatch(value):
        raise PydanticCustomError("mac", "expected a MAC address such as 52:54:00:12:34:56")
    if int(value[:2], 16) & 1:
        raise PydanticCustomError(
            "mac", "this is a multicast address; the first byte of a NIC's MAC must be even"
        )
    return value.lower()


def parse_ipv4(value: Any) -> str:
    """A dotted IPv4 address. Raises PydanticCustomError (`ipv4`)."""
    try:
        return str(ipaddress.IPv4Address(value if isinstance(value, str) else "?"))
    except ValueError:
        raise PydanticCustomError("ipv4", "expected an IPv4 address such as 192.168.150.10") from None


def parse_subnet(value: Any) -> str:
    """An IPv4 subnet in CIDR form, host bits zero. Raises PydanticCustomError (`subnet`)."""
    try:
        return str(ipaddress.IPv4Network(value if isinstance(value, str) and "/" in value else "?"))
    except ValueError as error:
        why = "; the host bits must be zero" if "host bits" in str(error) else ""
        raise PydanticCustomError(
            "subnet", "expected an IPv4 subnet such as 192.168.150.0/24{why}", {"why": why}
        ) from None


def parse_path(value: Any) -> str:
    """An absolute path on the host, without `..`. Raises PydanticCustomError (`path`)."""
    if not isinstance(value, str) or not value.startswith("/") or any(ord(char) < 32 for char in value):
        raise PydanticCustomError("path", "expected an absolute path on the host, such as /srv/vms")
    if ".." in value.split("/"):
        raise PydanticCustomError("path", "a path must not contain `..`")
    return normalised(value)


def normalised(path: str) -> str:
    """A path without `//`, `/./` and a last slash, so that equal paths are equal texts."""
    return "/" + posixpath.normpath(path).lstrip("/")


def parse_text(value: Any) -> str:
    """Text that XML can hold. Raises PydanticCustomError (`text`)."""
    if not isinstance(value, str):
        raise PydanticCustomError("text", "expected text; put it in quotes")
    if _NOT_IN_XML.search(value):
        raise PydanticCustomError("text", "this text has a control character that XML cannot hold")
    return value


class SecretMark:
    """Marks a field whose value is kept secret, and may be given by a secret variable."""


def parse_secret(value: Any, info: ValidationInfo) -> str:
    """A secret as one token of the SecretStore in the context's `secrets`; without a context, as it is.

    Raises PydanticCustomError (`secret`), never with the value.
    """
    if not isinstance(value, str):
        raise PydanticCustomError("secret", "expected text; put it in quotes")
    if info.context:
        info.context["used"] = True  # tells the loader that there is something to conceal
    store = info.context.get("secrets") if info.context else None
    if not isinstance(store, SecretStore) or is_token(value):
        return value
    return store.token(store.reveal(value))


class TokenMark:
    """Marks a field whose text is shown, and in which a secret variable may stand all the same."""


def parse_loose_text(value: Any) -> str:
    """Text that UTF-8 can hold, control characters and all. Raises PydanticCustomError (`text`)."""
    if not isinstance(value, str):
        raise PydanticCustomError("text", "expected text; put it in quotes")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "this text has a character that UTF-8 cannot hold") from None
    return value


def words(schema: dict[str, Any], brief: str, text: str) -> WithJsonSchema:
    """A type's JSON Schema, and its name for people: in a word, and in full."""
    return WithJsonSchema({**schema, "x-type": [brief, text]})


def _string(pattern: str, example: str, brief: str, text: str) -> WithJsonSchema:
    return words({"type": "string", "pattern": pattern, "examples": [example]}, brief, text)


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size),
    _string(
        r"^\d+(\.\d+)?\s*([KMGTPE]i?B|B)$", "20GiB", "size", "a size with its unit, such as 512MiB or 20GB"
    ),
]
Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda value: f"{value}s"),
    _string(r"^\d+[smhd]$", "5m", "duration", "a duration with its unit, such as 90s, 5m, 12h or 7d"),
]
Name = Annotated[
    str,
    BeforeValidator(parse_name),
    _string(
        r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}$",
        "web",
        "name",
        "a name: 1 to 63 letters, digits, `_`, `.`, `+` or `-`",
    ),
]
Mac = Annotated[
    str,
    BeforeValidator(parse_mac),
    _string(r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$", "52:54:00:12:34:56", "MAC", "a MAC address"),
]
IPv4 = Annotated[
    str,
    BeforeValidator(parse_ipv4),
    _string(r"^\d+(\.\d+){3}$", "192.168.150.10", "IPv4 address", "an IPv4 address"),
]
Subnet = Annotated[
    str,
    BeforeValidator(parse_subnet),
    _string(
        r"^\d+(\.\d+){3}/\d+$", "192.168.150.0/24", "IPv4 subnet", "an IPv4 subnet, such as 192.168.150.0/24"
    ),
]
HostPath = Annotated[
    str,
    BeforeValidator(parse_path),
    _string(r"^/", "/srv/vms", "path", "an absolute path on the host"),
]
Text = Annotated[str, BeforeValidator(parse_text), WithJsonSchema({"type": "string"})]
Secret = Annotated[
    str,
    SecretMark(),
    BeforeValidator(parse_secret),
    words({"type": "string", "examples": ["${env:PASSWORD}"]}, "text", "text that no output shows"),
]
"""A value that no output shows: a token wherever it travels (see secrets.py)."""
SecretText = Annotated[
    str,
    TokenMark(),
    BeforeValidator(parse_loose_text),
    words({"type": "string"}, "text", "text, in which secrets may stand"),
]
"""A text that is shown, but for the secret variables in it, which stay tokens."""
