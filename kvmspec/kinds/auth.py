"""How the host proves itself to a storage server, and where the secret for it is: of disks and of pools.

Facts: https://libvirt.org/formatsecret.html. libvirt knows a secret by its UUID, or by its kind and usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Name, Text


class SecretSpec(Model):
    """Which of libvirt's secrets: one that the manifest declares, or one that is on the host."""

    short: ClassVar[str | None] = "name"

    examples: ClassVar[Sequence[Any]] = (
        "ceph-key",
        {"usage": "ceph"},
        {"uuid": "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"usage"})

    name: Name | None = None
    """The name it has under `secrets:` in the manifest."""
    usage: Text | None = None
    """What a secret of the host says it is used for."""
    uuid: Uuid | None = None
    """The UUID of a secret of the host."""

    @model_validator(mode="after")
    def _one(self) -> SecretSpec:
        if sum(value is not None for value in (self.name, self.usage, self.uuid)) != 1:
            raise PydanticCustomError(
                "secret", "a secret is told by exactly one of `name`, `usage` or `uuid`"
            )
        return self

    def attributes(self, usages: Mapping[str, str] = {}) -> Iterator[tuple[str, str]]:
        """<secret>'s attributes. `usages` are those of the manifest's secrets; one that is not declared is
        reported by the check."""
        if self.uuid is not None:
            yield "uuid", self.uuid
        else:
            yield "usage", self.usage or usages.get(str(self.name), str(self.name))


class AuthSpec(Model):
    """A user of a storage server."""

    examples: ClassVar[Sequence[Any]] = (
        {"username": "libvirt", "secret": {"usage": "ceph"}},
        {"username": "libvirt", "secret": "ceph-key", "type": "ceph"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"username", "secret"})

    username: Text
    """Its name there."""
    secret: SecretSpec
    """The secret with its password or key."""
    type: Literal["ceph", "iscsi"] | None = None
    """The kind of the secret; that which the protocol asks for when not given: `ceph` for rbd, `iscsi` for
    the others."""

    def kind(self, protocol: str | None) -> str:
        """The kind of its secret for a protocol."""
        return self.type or ("ceph" if protocol == "rbd" else "iscsi")
