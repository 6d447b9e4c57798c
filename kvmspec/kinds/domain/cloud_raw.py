"""Texts that go to cloud-init as they are: user-data, vendor-data, network configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from kvmspec.images import user_data
from kvmspec.manifest.files import FileText

_NETWORK_KEYS = frozenset(
    {
        "version", "renderer", "ethernets", "modems", "wifis", "bonds", "bridges", "vlans", "tunnels", "vrfs",
        "dummy-devices", "openvswitch",
    }
)  # fmt: skip
"""Netplan's, of version 2 (https://netplan.readthedocs.io/en/stable/netplan-yaml/)."""


def _raw(value: FileText | None) -> FileText | None:
    """A text that cloud-init understands."""
    if value is None or value.text is None:
        return value
    kind = user_data.kind_of(value.text)
    if kind is None:
        raise PydanticCustomError(
            "user_data",
            "cloud-init would ignore this text; it begins with `#cloud-config`, `#!`, `## template: jinja`, "
            "`#include`, `#cloud-boothook`, or as a MIME message",
        )
    if kind == user_data.MULTIPART and "mime-version:" not in value.text[:4096].lower():
        raise PydanticCustomError("user_data", "a MIME message needs the header `MIME-Version: 1.0`")
    if kind == user_data.CONFIG:
        _understood(user_data.config, value.text)
    return value


def _understood(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except user_data.BadTextError as error:
        message, hint = error.mistake
        raise PydanticCustomError(
            "user_data", "{message}", {"message": f"{message}; {hint}" if hint else message}
        ) from None


RawText = Annotated[FileText, AfterValidator(_raw)]


def netplan(data: Any) -> dict[str, Any]:
    """A network configuration of version 1 or 2, without a `network:` around it.

    Raises PydanticCustomError (`network`).
    """
    if not isinstance(data, Mapping):
        raise PydanticCustomError("network", "a network configuration is a map, with `version: 2`")
    data = data.get("network", data)
    if not isinstance(data, Mapping) or data.get("version") not in (1, 2):
        raise PydanticCustomError("network", "a network configuration has `version: 2`, or 1")
    if data["version"] == 2 and (wrong := sorted(set(data) - _NETWORK_KEYS)):
        raise PydanticCustomError("network", "a network configuration has no `{key}`", {"key": wrong[0]})
    return dict(data)


def _network_text(value: FileText | None) -> FileText | None:
    if value is not None and value.text is not None:
        netplan(_understood(user_data.parse, value.text))
    return value


NetworkText = Annotated[FileText, AfterValidator(_network_text)]
