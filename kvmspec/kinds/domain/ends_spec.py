"""Where a character device ends on the host, as the manifest writes it: a socket, a file, a terminal …

Facts: https://libvirt.org/formatdomain.html#relationship-between-host-interface-and-device and its sections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Text

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "dev": ("path",),
    "file": ("path",),
    "pipe": ("path",),
    "unix": ("path",),
    "tcp": ("host", "port"),
    "udp": ("host", "port"),
    "spiceport": ("channel",),
}
_TAKES: Mapping[str, tuple[str, ...]] = {
    "path": ("dev", "file", "pipe", "unix", "pty"),
    "mode": ("unix", "tcp"),
    "host": ("tcp", "udp"),
    "port": ("tcp", "udp"),
    "bind_host": ("udp",),
    "bind_port": ("udp",),
    "protocol": ("tcp",),
    "tls": ("tcp",),
    "reconnect": ("unix", "tcp"),
    "channel": ("spiceport", "dbus"),
}
Service = Annotated[int, Field(ge=0, le=65535, strict=True)]


ENDS: Sequence[Any] = (
    {"type": "unix", "path": "/run/example.sock", "mode": "connect", "reconnect": 10},
    {"type": "tcp", "host": "127.0.0.1", "port": 4000, "protocol": "telnet"},
    {"type": "tcp", "host": "127.0.0.1", "port": 4000, "tls": True},
    {"type": "udp", "host": "127.0.0.1", "port": 4000, "bind_host": "0.0.0.0", "bind_port": 4001},
    {"type": "spiceport", "channel": "org.example.0"},
)
"""Examples with every field; for the models that are an end and something besides, too."""


class EndSpec(Model):
    """Where it ends on the host. `waits`: whether QEMU makes a socket where `mode` does not say it."""

    short: ClassVar[str | None] = "type"
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = _NEEDS
    waits: ClassVar[bool] = False

    examples: ClassVar[Sequence[Any]] = ("spicevmc", *ENDS)

    type: Literal[
        "spicevmc",
        "unix",
        "tcp",
        "udp",
        "dev",
        "file",
        "pipe",
        "pty",
        "null",
        "stdio",
        "vc",
        "spiceport",
        "dbus",
    ]
    """The SPICE client, a socket, a network connection, a device, a file, a pipe, a terminal, or nothing."""
    path: HostPath | None = Field(None, examples=["/run/example.sock"])
    """The socket, device, file or pipe."""
    mode: Literal["bind", "connect"] | None = Field(None, examples=["connect"])
    """Whether QEMU waits for a program at a `unix` or `tcp` socket, or looks for one there; it looks for one
    when not given."""
    host: Text | None = Field(None, examples=["127.0.0.1"])
    """The address of a `tcp` or `udp` connection."""
    port: Service | None = Field(None, examples=[4000])
    """Its port."""
    bind_host: Text | None = Field(None, examples=["0.0.0.0"])
    """The address that `udp` is received at."""
    bind_port: Service | None = Field(None, examples=[4001])
    """The port that `udp` is received at."""
    protocol: Literal["raw", "telnet", "telnets", "tls"] | None = Field(None, examples=["telnet"])
    """What is spoken over `tcp`; nothing but the data itself when not given."""
    tls: bool | None = Field(None, examples=[True])
    """Whether `tcp` is encrypted, by the host's certificate."""
    reconnect: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = Field(None, examples=[10])
    """After how many seconds a connection that is lost is tried again; 0 is never."""
    channel: Text | None = Field(None, examples=["org.example.0"])
    """The name of a `spiceport`."""

    @model_validator(mode="after")
    def _fits_end(self) -> EndSpec:
        for field, types in _TAKES.items():
            if getattr(self, field) is not None and self.type not in types:
                raise PydanticCustomError(
                    "end",
                    "`{field}` goes with `type: {types}` only",
                    {"field": field, "types": "` or `".join(types)},
                )
        for field in self.needs.get(self.type, ()):
            if getattr(self, field) is None:
                raise PydanticCustomError(
                    "end", "`type: {type}` needs `{field}`", {"field": field, "type": self.type}
                )
        return self
