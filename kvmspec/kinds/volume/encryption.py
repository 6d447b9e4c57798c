"""How a volume's data is encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from kvmspec.kinds.auth import SecretName
from kvmspec.manifest.model import Model

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

    secret: SecretName = Field(examples=["pgdata-key"])
    """The secret with the passphrase: by its name in the manifest, by what one of the host is used for, or by
    its UUID."""
    cipher: CipherSpec | None = None
    """The cipher; QEMU's choice when not given."""
    ivgen: IvgenSpec | None = None
    """Where initialisation vectors come from; QEMU's choice when not given."""
