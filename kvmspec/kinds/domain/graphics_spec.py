"""A display of a VM, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import IPv4, Secret

_VNC_PASSWORD = 8  # the protocol's limit; libvirt refuses more
_SPICE_PASSWORD = 60  # SPICE_MAX_PASSWORD_LENGTH of the SPICE protocol
_ONLY_OF = {"tls_port": "spice", "share_policy": "vnc"}
Port = Annotated[int, Field(ge=5900, le=65535, strict=True)]


class GraphicsSpec(Model):
    """A graphical console."""

    short: ClassVar[str | None] = "type"
    later: ClassVar[frozenset[str]] = frozenset({"websocket", "socket", "gl", "channels", "compression"})

    examples: ClassVar[Sequence[Any]] = (
        {"type": "vnc", "listen": "0.0.0.0", "port": 5901},
        {
            "type": "spice",
            "tls_port": 5902,
            "password": "${vnc_password}",
            "password_valid_to": "2030-01-31T12:00:00",
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"type", "password"})

    type: Literal["vnc", "spice"]
    """The protocol."""
    listen: IPv4 | None = None
    """The host's address it listens on; 0.0.0.0 for all."""
    port: Port | None = None
    """A fixed port."""
    tls_port: Port | None = None
    """A fixed port for encrypted connections, of `spice` only. The host needs a certificate for it."""
    autoport: bool | None = Field(None, examples=[True])
    """Whether the port is one that is free when the VM starts; it is so where no `port` is stated."""
    password: Secret | None = Field(None, examples=["${vnc_password}"])
    """Asked of whoever connects; VNC takes eight characters at the most."""
    password_valid_to: (
        Annotated[
            str,
            Field(
                pattern=r"^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d$",
                json_schema_extra={"x-type": ["time", "a time in UTC"], "examples": ["2030-01-31T12:00:00"]},
            ),
        ]
        | None
    ) = None
    """When the password ends, in UTC; it does not when not given."""
    keymap: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,16}$")] | None = Field(None, examples=["de"])
    """The layout of the keyboard in front of it, where its viewer does not send keys as they are."""
    share_policy: Literal["allow-exclusive", "force-shared", "ignore"] | None = Field(
        None, examples=["force-shared"]
    )
    """Whether a viewer may have it alone, of `vnc` only; QEMU lets one that asks for it when not given."""

    @field_validator("password")
    @classmethod
    def _short(cls, value: str | None, info: ValidationInfo) -> str | None:
        store = (info.context or {}).get("secrets")
        length = len(store.reveal(value) if store and value is not None else value or "")
        if info.data.get("type") != "spice" and length > _VNC_PASSWORD:
            raise PydanticCustomError("password", "a VNC password has at most 8 characters")
        if length > _SPICE_PASSWORD:
            raise PydanticCustomError("password", "a SPICE password has at most 60 characters")
        return value

    @model_validator(mode="after")
    def _fits(self) -> GraphicsSpec:
        for field, kind in _ONLY_OF.items():
            if getattr(self, field) is not None and self.type != kind:
                raise PydanticCustomError(
                    "graphics", "`{field}` goes with `type: {kind}` only", {"field": field, "kind": kind}
                )
        if self.password_valid_to is not None and self.password is None:
            raise PydanticCustomError("graphics", "`password_valid_to` goes with `password` only")
        if self.autoport is False and self.port is None:
            raise PydanticCustomError("graphics", "`autoport: false` needs a `port`")
        if self.autoport and (self.port is not None or self.tls_port is not None):
            raise PydanticCustomError("graphics", "give either `autoport: true` or a port")
        return self
