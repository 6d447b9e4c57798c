"""How the host proves itself to a storage server, and where the secret for it is.

Facts: https://libvirt.org/formatsecret.html. libvirt knows a secret by its UUID, or by what it is used for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SecretName = Annotated[Text, Field(min_length=1, max_length=255, examples=["ceph-key"])]
"""A secret by the name it has in the manifest, by what one of the host is used for, or by its UUID."""


class AuthSpec(Model):
    """A user of a storage server."""

    examples: ClassVar[Sequence[Any]] = (
        {"username": "libvirt", "secret": "ceph-key"},
        {"username": "libvirt", "secret": "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11", "type": "ceph"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"username", "secret"})

    username: Text = Field(examples=["libvirt"])
    """Its name there."""
    secret: SecretName
    """The secret with its password or key: by its name in the manifest, by what one of the host is used for,
    or by its UUID."""
    type: Literal["ceph", "iscsi"] | None = Field(None, examples=["ceph"])
    """The kind of the secret; that which the protocol asks for when not given: `ceph` for rbd, `iscsi` for
    the others."""

    def kind(self, protocol: str | None) -> str:
        """The kind of its secret for a protocol."""
        return self.type or usual_kind(protocol)


def usual_kind(protocol: str | None) -> str:
    """The kind of secret that a protocol asks for."""
    return "ceph" if protocol == "rbd" else "iscsi"


def told(secret: str, usages: Mapping[str, str] = {}) -> tuple[str, str]:
    """How libvirt is told a secret, ("usage", …) or ("uuid", …). `usages` are what the manifest's own ones
    are used for, by name."""
    if secret in usages:
        return "usage", usages[secret]
    return ("uuid" if _UUID.fullmatch(secret) else "usage"), secret
