"""A secret of libvirt as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Secret, Text


class SecretSpec(Model):
    """A key or passphrase that libvirt keeps for pools, disks, volumes and TPMs. Its value is never shown."""

    examples: ClassVar[Sequence[Any]] = (
        {"usage": "ceph", "value": "${env:CEPH_KEY}"},
        {"usage": "iscsi", "usage_id": "san.shop.lan", "value": "${env:CHAP_PASSWORD}"},
        {
            "usage": "volume",
            "usage_id": "/srv/vms/pgdata.luks",
            "value": "${env:PGDATA_KEY}",
            "private": True,
        },
        {"usage": "tls", "description": "of the key of the migration's certificate", "ephemeral": True},
        {"usage": "vtpm", "value": "c2VjcmV0", "encoding": "base64"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"usage"})
    along: ClassVar[dict[str, Sequence[str]]] = {"encoding": ("value",), "private": ("usage_id",)}

    usage: Literal["ceph", "iscsi", "volume", "tls", "vtpm", "none"]
    """What it is for: the key of a Ceph user, the password of an iSCSI target, the passphrase of an encrypted
    `volume`, of a `tls` key, of a TPM's state (`vtpm`), or `none`. It cannot change."""
    usage_id: Annotated[Text, Field(min_length=1, max_length=255, examples=["client.libvirt"])] | None = None
    """What others may name it by, unique among those of the same usage: a name, of `iscsi` the target, of
    `volume` the volume's path. The secret's name in the manifest when not given. It cannot change."""
    value: Secret | None = None
    """Its value; without one nothing is set (`virsh secret-set-value` does so). On the host it is kept
    readable for root alone; `kvmspec` compares it and shows it nowhere."""
    encoding: Literal["text", "base64"] | None = None
    """How `value` is written: `text` is taken as it is; `base64`, for values that are no text. The keys of
    `ceph` are written in base64, and taken so when this is not given."""
    ephemeral: bool | None = None
    """Whether it is kept in memory alone: the host forgets the value when its libvirtd ends, and the next
    apply sets it again; of one that is `private` as well nobody can see that it is gone."""
    private: bool | None = None
    """Whether libvirt never gives the value away again. A salted digest in the description then tells
    whether it is the one that is stated. A private secret stays so."""
    description: Annotated[Text, Field(max_length=1000, examples=["of the pool ceph"])] | None = None
    """What it is, for people. What kvmspec adds in brackets says whose the secret is."""
    uuid: Uuid | None = None
    """Adopts the existing secret of this UUID; only stated fields are then compared."""

    @model_validator(mode="after")
    def _fitting(self) -> SecretSpec:
        if self.usage == "volume" and not (self.usage_id or "").startswith("/"):
            raise PydanticCustomError(
                "usage_id", "a secret of a volume needs `usage_id`, the path of that volume on the host"
            )
        if self.usage == "none" and self.usage_id is not None:
            raise PydanticCustomError("usage_id", "with `usage: none` there is nothing it is named by")
        if self.encoding is not None and self.value is None:
            raise PydanticCustomError("encoding", "`encoding` goes with `value`")
        return self

    def of(self, name: str) -> str:
        """The usage's id of the secret that the manifest calls `name`."""
        return self.usage_id or name

    @property
    def written(self) -> str:
        """How the value is written: `text` or `base64`."""
        return self.encoding or ("base64" if self.usage == "ceph" else "text")
