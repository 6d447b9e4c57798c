"""Values that only the guest understands: names of users, SSH keys, paths, hostnames."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import normalised, parse_loose_text, words

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_OWNER = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_.-]+)?")
_KEY = re.compile(
    r"(?:^|\s)(?P<type>(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com|ssh-ed448"
    r")(?:-cert-v01@openssh\.com)?)\s+(?P<blob>[A-Za-z0-9+/]+={0,2})(?:\s|$)"
)


def parse_hostname(value: Any) -> str:
    """A hostname (RFC 1123), with or without a domain. Raises PydanticCustomError (`hostname`)."""
    if isinstance(value, str) and len(value) <= 253 and _HOSTNAME.fullmatch(value):
        return value
    raise PydanticCustomError(
        "hostname", "a hostname is letters, digits and `-`, not at either end; up to 63 between its dots"
    )


def parse_fqdn(value: Any) -> str:
    """A hostname with its domain. Raises PydanticCustomError (`hostname`)."""
    if "." not in parse_hostname(value):
        raise PydanticCustomError("hostname", "expected a name with its domain, such as web.shop.lan")
    return str(value)


def hostname_of(name: str) -> str:
    """A hostname made of a VM's name, which may have `_` and `+`."""
    labels = [re.sub(r"[^A-Za-z0-9-]", "-", label).strip("-") for label in name.split(".")]
    return ".".join(label for label in labels if label) or "vm"


def parse_user(value: Any) -> str:
    """The name of a user or a group, as useradd(8) takes it. Raises PydanticCustomError (`user`)."""
    if isinstance(value, str) and _USER.fullmatch(value):
        return value
    raise PydanticCustomError(
        "user", "a user or group is 1 to 32 lower-case letters, digits, `_` or `-`, first a letter or `_`"
    )


def parse_owner(value: Any) -> str:
    """`user` or `user:group`. Raises PydanticCustomError (`owner`)."""
    if isinstance(value, str) and _OWNER.fullmatch(value):
        return value
    raise PydanticCustomError("owner", "expected an owner such as `www-data` or `www-data:www-data`")


def parse_permissions(value: Any) -> str:
    """Octal permissions as text, `0644`. Raises PydanticCustomError (`permissions`)."""
    if isinstance(value, str) and re.fullmatch(r"0?[0-7]{3,4}", value):
        return value.zfill(4)
    if isinstance(value, int) and not isinstance(value, bool):
        raise PydanticCustomError("permissions", 'put permissions in quotes, with a zero first: "0644"')
    raise PydanticCustomError("permissions", 'expected octal permissions in quotes, such as "0644"')


def parse_guest_path(value: Any) -> str:
    """An absolute path in the guest. Raises PydanticCustomError (`path`)."""
    if not isinstance(value, str) or not value.startswith("/") or any(ord(char) < 32 for char in value):
        raise PydanticCustomError("path", "expected an absolute path in the guest, such as /etc/motd")
    if ".." in value.split("/"):
        raise PydanticCustomError("path", "a path must not contain `..`")
    return normalised(value)


def parse_keys(value: Any) -> str:
    """SSH public keys, one a line, as in a .pub file or an authorized_keys; comments go.

    Raises PydanticCustomError (`ssh_key`), never with the text: it may be a private key.
    """
    text = parse_loose_text(value)
    if "PRIVATE KEY" in text:
        raise PydanticCustomError(
            "ssh_key", "this is a private key, which nobody else may have; give the .pub file beside it"
        )
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise PydanticCustomError("ssh_key", "there is no SSH key in this text")
    for key in keys:
        _check_key(key)
    return "\n".join(keys)


def _check_key(line: str) -> None:
    match = _KEY.search(line)
    if match is None:
        raise PydanticCustomError(
            "ssh_key", "this is not an SSH public key; one looks like `ssh-ed25519 AAAA… name`"
        )
    if not _whole(match["type"], match["blob"]):
        raise PydanticCustomError(
            "ssh_key", "this SSH key is cut short or damaged; copy the .pub file's whole line"
        )


def _whole(kind: str, blob: str) -> bool:
    """Whether a key's data are fields with their lengths, to the last byte, the first its type (RFC 4253,
    6.6). A certificate has fields of other forms: only its type is looked at."""
    try:
        data = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return False
    fields: list[bytes] = []
    position = 0
    while position + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        fields.append(data[position + 4 : position + 4 + length])
        position += 4 + length
        if "-cert-" in kind:
            return fields == [kind.encode()]
    return position == len(data) and len(fields) > 1 and fields[0] == kind.encode()


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDSS1MFOTNs9t3gWARP9VRWAv9aFyynzDkE3HHsj6GEz ops@desk"
"""An example."""


def _words(example: str, brief: str, text: str) -> WithJsonSchema:
    return words({"type": "string", "examples": [example]}, brief, text)


Hostname = Annotated[str, BeforeValidator(parse_hostname), _words("web-1", "hostname", "a hostname")]
Fqdn = Annotated[
    str, BeforeValidator(parse_fqdn), _words("web-1.shop.lan", "hostname", "a hostname with its domain")
]
UserName = Annotated[
    str, BeforeValidator(parse_user), _words("ops", "name", "the name of a user or a group in the guest")
]
Owner = Annotated[
    str, BeforeValidator(parse_owner), _words("www-data:www-data", "owner", "a user, or user:group")
]
Permissions = Annotated[
    str, BeforeValidator(parse_permissions), _words("0644", "permissions", "octal permissions, in quotes")
]
GuestPath = Annotated[
    str, BeforeValidator(parse_guest_path), _words("/etc/motd", "path", "an absolute path in the guest")
]
SshKeys = Annotated[
    str, BeforeValidator(parse_keys), _words(KEY, "SSH key", "an SSH public key, or several, one a line")
]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


KeyList = Annotated[tuple[SshKeys, ...], BeforeValidator(_listed)]
"""Keys; a single text, such as a variable with a .pub file in it, is a list of one."""
