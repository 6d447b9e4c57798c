"""How a volume's data is encrypted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kvmspec.kinds import compare
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.section import Manifest
from kvmspec.manifest.types import Text

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Word = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,16}$")]


class CipherSpec(Model):
    """The cipher."""

    examples: ClassVar[Sequence[Any]] = ({"name": "aes", "size": 256, "mode": "xts", "hash": "sha256"},)
    least: ClassVar[frozenset[str]] = frozenset({"name", "size"})

    name: Word = Field(examples=["aes"])
    """Its name."""
    size: Annotated[int, Field(ge=64, le=1024, strict=True)] = Field(examples=[256])
    """Bits of its key."""
    mode: Word | None = Field(None, examples=["xts"])
    """Its mode."""
    hash: Word | None = Field(None, examples=["sha256"])
    """Its hash."""


class IvgenSpec(Model):
    """Where initialisation vectors come from."""

    short = "name"
    examples: ClassVar[Sequence[Any]] = ("plain64", {"name": "essiv", "hash": "sha256"})
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: Word = Field(examples=["plain64"])
    """The generator."""
    hash: Word | None = Field(None, examples=["sha256"])
    """Its hash."""


class VolumeEncryption(Model):
    """How a volume's data is encrypted (LUKS). It is so for life."""

    short = "secret"
    examples: ClassVar[Sequence[Any]] = (
        "pgdata-key",
        {"secret": "pgdata-key", "cipher": {"name": "aes", "size": 256, "mode": "xts"}, "ivgen": "plain64"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"secret"})
    along: ClassVar[dict[str, Sequence[str]]] = {"ivgen": ("cipher",)}

    secret: Annotated[Text, Field(min_length=1, examples=["pgdata-key"])]
    """The secret with the passphrase: by its name in the manifest, by what one of the host is used for, or by
    its UUID."""
    cipher: CipherSpec | None = None
    """The cipher; QEMU's choice when not given."""
    ivgen: IvgenSpec | None = None
    """Where initialisation vectors come from; QEMU's choice when not given."""


def secret_attribute(secret: str, manifest: Manifest) -> tuple[str, str]:
    """Attribute and value by which libvirt knows a secret: that of the manifest, or of the host."""
    declared = compare.specs(manifest).get(("secret", secret))
    if declared is not None:
        return "uuid", str(declared.uuid or derived_uuid(manifest.project, "secret", secret))
    return ("uuid" if _UUID.fullmatch(secret) else "usage"), secret
