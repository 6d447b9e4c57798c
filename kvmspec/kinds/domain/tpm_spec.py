"""A TPM, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#tpm-device and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.types import HostPath

Bank = Literal["sha1", "sha256", "sha384", "sha512"]
_EMULATED = ("version", "encryption", "persistent_state", "pcr_banks")


class TpmSpec(Placeable):
    """A TPM: emulated by swtpm, which has to be on the host; the host's own; or that of another program."""

    short: ClassVar[str | None] = "version"

    examples: ClassVar[Sequence[Any]] = (
        "2.0",
        {"version": "2.0", "model": "tpm-crb", "pcr_banks": ["sha256", "sha384"]},
        {"version": "2.0", "encryption": "6dd3e4a5-1d76-44ce-961f-f119f5aad935", "persistent_state": True},
        {"path": "/dev/tpm0"},
        {"socket": "/run/swtpm.sock"},
    )
    along: ClassVar[Mapping[str, Sequence[str]]] = {"persistent_state": ("version",)}

    version: Literal["1.2", "2.0"] | None = Field(None, examples=["2.0"])
    """Of an emulated one; 2.0 when not given."""
    model: Literal["tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"] | None = Field(
        None, examples=["tpm-crb"]
    )
    """The interface the guest sees; tpm-tis when not given."""
    path: HostPath | None = Field(None, examples=["/dev/tpm0"])
    """The host's own TPM, which one guest at a time can have."""
    socket: HostPath | None = Field(None, examples=["/run/swtpm.sock"])
    """The socket of an emulator that somebody else has started."""
    encryption: Uuid | None = Field(None, examples=["6dd3e4a5-1d76-44ce-961f-f119f5aad935"])
    """The UUID of libvirt's secret that the state of an emulated one is encrypted with."""
    persistent_state: bool | None = Field(None, examples=[True])
    """Whether the state of an emulated one stays when the VM is undefined."""
    pcr_banks: tuple[Bank, ...] | None = Field(None, examples=[["sha256"]])
    """The banks of registers that an emulated 2.0 has; every other is switched off at each start."""

    @model_validator(mode="after")
    def _one(self) -> TpmSpec:
        if self.path is not None and self.socket is not None:
            raise PydanticCustomError(
                "tpm", "a TPM is either the host's (`path`) or another program's (`socket`)"
            )
        for field in _EMULATED:
            if getattr(self, field) is not None and (self.path or self.socket):
                raise PydanticCustomError(
                    "tpm",
                    "`{field}` is of an emulated TPM: leave it out, or `path` and `socket`",
                    {"field": field},
                )
        if self.version == "1.2" and (self.model == "tpm-crb" or self.pcr_banks is not None):
            raise PydanticCustomError("tpm", "`tpm-crb` and `pcr_banks` are of a TPM of version 2.0 only")
        return self

    @property
    def emulated(self) -> bool:
        """Whether swtpm is to make it."""
        return self.path is None and self.socket is None
