"""Secrets: listing, definitions, values. A value goes in and never comes out: it is only compared here."""

from __future__ import annotations

import base64
import binascii
import builtins
from collections.abc import Collection
from contextlib import suppress
from html import escape
from typing import Any

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.validating import flag
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.observed import Observed
from kvmspec.manifest.secrets import SecretStore

_USAGES = {
    libvirt.VIR_SECRET_USAGE_TYPE_VOLUME: ("volume", "volume"),
    libvirt.VIR_SECRET_USAGE_TYPE_CEPH: ("ceph", "name"),
    libvirt.VIR_SECRET_USAGE_TYPE_ISCSI: ("iscsi", "target"),
    libvirt.VIR_SECRET_USAGE_TYPE_TLS: ("tls", "name"),
    libvirt.VIR_SECRET_USAGE_TYPE_VTPM: ("vtpm", "name"),
}
_MADE = "5"
"""The version of the UUIDs that kvmspec makes; libvirt's own are of version 4."""


class Secrets:
    """The secrets of one host, by their UUID: they have no name."""

    def __init__(self, conn: Any, store: SecretStore) -> None:
        self._conn, self._store = conn, store

    # --- looking
    def list(self, stated: Collection[str] = ()) -> builtins.list[Observed]:
        """All secrets; a host whose driver has none (libvirt's test driver) has an empty list. Of those
        that kvmspec cannot have made, and whose UUID is not `stated`, only the usage is told: it costs no
        call."""
        try:
            handles = self._conn.listAllSecrets()
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
                return []
            raise failure("list the secrets", error) from error
        found = [self._observe(handle, stated) for handle in handles]
        return [observed for observed in found if observed is not None]

    def _observe(self, handle: Any, stated: Collection[str]) -> Observed | None:
        uuid = handle.UUIDString()
        if uuid[14] != _MADE and uuid not in stated:
            return Observed("secret", uuid, uuid, _usage_alone(handle))
        try:
            return Observed("secret", uuid, uuid, handle.XMLDesc())
        except libvirt.libvirtError as error:
            problem = failure(f"read the secret {uuid}", error)
            if isinstance(problem, Absent):
                return None
            raise problem from error

    def holds(self, uuid: str, value: str, encoding: str) -> str:
        """Whether a secret has this value (a token): `same`, `other`; `unset` where it has none, `private`
        where libvirt does not tell."""
        try:
            with translated(f"look at the secret {uuid}"):
                kept = self._conn.secretLookupByUUIDString(uuid).value()
        except Absent:  # of a secret without a value libvirt says the same as of none
            return "unset"
        except LibvirtFailure as error:
            if error.code == libvirt.VIR_ERR_INVALID_SECRET:
                return "private"
            raise
        return "same" if kept == self._bytes(value, encoding) else "other"

    # --- changing
    def define(self, xml: str) -> None:
        """Define or redefine; a value stays."""
        with translated("define the secret"):
            self._conn.secretDefineXML(xml, flag(self._conn, "VIR_SECRET_DEFINE_VALIDATE"))

    def set_value(self, uuid: str, value: str, encoding: str) -> None:
        """Set the value that a token stands for. Raises LibvirtFailure, which does not show it."""
        with translated(f"set the value of the secret {uuid}"):
            self._conn.secretLookupByUUIDString(uuid).setValue(self._bytes(value, encoding), 0)

    def delete(self, uuid: str) -> None:
        """Undefine, with its value; one that is gone already is left so."""
        with suppress(Absent), translated(f"undefine the secret {uuid}"):
            self._conn.secretLookupByUUIDString(uuid).undefine()

    def _bytes(self, value: str, encoding: str) -> bytes:
        return decoded(self._store.reveal(value), encoding)


def decoded(value: str, encoding: str) -> bytes:
    """The bytes of a value as the manifest writes it. Raises LibvirtFailure where it is not base64."""
    if encoding != "base64":
        return value.encode()
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise LibvirtFailure(
            "the value is not base64", hint="give it as base64, or `encoding: text`"
        ) from None


def _usage_alone(handle: Any) -> str:
    kind, tag = _USAGES.get(handle.usageType(), ("none", ""))
    usage = f"<usage type='{kind}'><{tag}>{escape(handle.usageID())}</{tag}></usage>" if tag else ""
    return f"<secret><uuid>{handle.UUIDString()}</uuid>{usage}</secret>"
