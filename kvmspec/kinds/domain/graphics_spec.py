"""A display of a VM, as the manifest writes it.

Facts: https://libvirt.org/formatdomain.html#graphical-framebuffers and libvirt 9.0's schema.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.device_types import AudioId
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, Name, Secret, Text, words

_VNC_PASSWORD = 8  # the protocol's limit; libvirt refuses more
_SPICE_PASSWORD = 60  # SPICE_MAX_PASSWORD_LENGTH of the SPICE protocol
_FIRST_VNC = 5900
_SERVERS = ("vnc", "spice", "rdp")
_ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "tls_port": ("spice",),
    "default_mode": ("spice",),
    "channels": ("spice",),
    "compression": ("spice",),
    "streaming": ("spice",),
    "clipboard": ("spice",),
    "mouse": ("spice",),
    "file_transfer": ("spice",),
    "share_policy": ("vnc",),
    "power_control": ("vnc",),
    "websocket": ("vnc",),
    "password": ("vnc", "spice"),
    "keymap": ("vnc", "spice"),
    "connected": ("vnc", "spice"),
    "port": _SERVERS,
    "autoport": _SERVERS,
    "listen": _SERVERS,
    "listen_network": _SERVERS,
    "socket": ("vnc", "spice"),
    "display": ("sdl", "desktop"),
    "xauth": ("sdl",),
    "fullscreen": ("sdl", "desktop"),
    "gl": ("sdl", "spice", "dbus", "egl-headless"),
    "rendernode": ("spice", "dbus", "egl-headless"),
    "audio": ("vnc", "dbus"),
    "address": ("dbus",),
    "p2p": ("dbus",),
    "multi_user": ("rdp",),
    "replace_user": ("rdp",),
}
"""Fields that not every type has."""
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def parse_listen(value: Any) -> str:
    """An IPv4 or IPv6 address, a host's name, or `none`. Raises PydanticCustomError (`listen`)."""
    text = value if isinstance(value, str) else ""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if _HOST.fullmatch(text) and not text.replace(".", "").isdigit():
            return text
        raise PydanticCustomError(
            "listen", "expected an address of the host such as 127.0.0.1 or ::, a name, or `none`"
        ) from None
    return text


Listen = Annotated[
    str,
    BeforeValidator(parse_listen),
    words({"type": "string", "examples": ["0.0.0.0"]}, "address", "an IP address or name, or `none`"),
]


class CompressionSpec(Model):
    """How what SPICE sends is compressed."""

    examples: ClassVar[Sequence[Any]] = (
        {"image": "auto_glz", "jpeg": "auto"},
        {"zlib": "never", "playback": False},
    )

    image: Literal["auto_glz", "auto_lz", "quic", "glz", "lz", "off"] | None = Field(None, examples=["off"])
    """Of pictures."""
    jpeg: Literal["auto", "never", "always"] | None = Field(None, examples=["auto"])
    """Of pictures that may lose something, over slow lines."""
    zlib: Literal["auto", "never", "always"] | None = Field(None, examples=["auto"])
    """Of what is compressed by `glz`, over slow lines."""
    playback: bool | None = Field(None, examples=[True])
    """Of sound."""


SpiceChannel = Literal["main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"]


class GraphicsSpec(Model):
    """A graphical console."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        {"type": "vnc", "listen": "0.0.0.0", "port": 5901, "websocket": 5701},
        {"type": "vnc", "socket": "auto"},
        {"type": "vnc", "listen_network": "front", "power_control": True, "audio": 1},
        {
            "type": "spice",
            "tls_port": 5902,
            "password": "${vnc_password}",
            "password_valid_to": "2030-01-31T12:00:00",
            "connected": "disconnect",
        },
        {"type": "spice", "default_mode": "secure", "channels": {"main": "secure", "record": "insecure"}},
        {"type": "spice", "compression": {"image": "off"}, "streaming": "filter", "clipboard": False},
        {"type": "spice", "mouse": "client", "file_transfer": False},
        {"type": "spice", "listen": "none", "gl": True, "rendernode": "/dev/dri/renderD128"},
        {"type": "sdl", "display": ":0.0", "xauth": "/root/.Xauthority", "fullscreen": True},
        {"type": "dbus", "p2p": True},
        {"type": "dbus", "address": "unix:path=/run/bus"},
        {"type": "rdp", "port": 3389, "multi_user": True, "replace_user": False},
        "egl-headless",
    )
    least: ClassVar[frozenset[str]] = frozenset({"type", "password"})

    type: Literal["vnc", "spice", "sdl", "egl-headless", "dbus", "rdp", "desktop"]
    """The protocol; or where it is shown: a window of the host's (`sdl`), on the bus, or nowhere
    (`egl-headless`, which draws for the others)."""
    listen: Listen | None = None
    """The host's address it listens on; 0.0.0.0 for all. With `none` nobody connects from outside."""
    listen_network: Name | None = Field(None)
    """Of the host's addresses that which it has on a network of libvirt's."""
    socket: Literal["auto"] | HostPath | None = Field(None)
    """A socket in the place of an address; `auto` is one in libvirt's own folder."""
    port: Port | None = None
    """A fixed port."""
    tls_port: Port | None = None
    """A fixed port for encrypted connections, of `spice` only. The host needs a certificate for it."""
    websocket: Annotated[int, Field(ge=-1, le=65535, strict=True)] | None = Field(None)
    """A port for VNC in a browser; -1 for one that is free."""
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
    connected: Literal["keep", "disconnect", "fail"] | None = Field(None)
    """What becomes of those who are connected when the password changes; VNC only keeps them."""
    keymap: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{2,16}$")] | None = Field(None, examples=["de"])
    """The layout of the keyboard in front of it, where its viewer does not send keys as they are."""
    share_policy: Literal["allow-exclusive", "force-shared", "ignore"] | None = Field(
        None, examples=["force-shared"]
    )
    """Whether a viewer may have it alone, of `vnc` only; QEMU lets one that asks for it when not given."""
    power_control: bool | None = Field(None)
    """Whether a viewer may shut down and reset the VM, of `vnc` only."""
    default_mode: Literal["any", "secure", "insecure"] | None = Field(None)
    """Whether SPICE's channels are encrypted; `any` when not given."""
    channels: dict[SpiceChannel, Literal["secure", "insecure"]] | None = Field(None)
    """Of which channels of SPICE's that is otherwise."""
    compression: CompressionSpec | None = None
    """How what SPICE sends is compressed."""
    streaming: Literal["filter", "all", "off"] | None = Field(None)
    """Whether SPICE sends what moves as a video."""
    clipboard: bool | None = Field(None)
    """Whether SPICE's viewer and the guest share a clipboard."""
    mouse: Literal["server", "client"] | None = Field(None)
    """Whose pointer counts with SPICE: the guest's, or the viewer's, which takes the SPICE agent."""
    file_transfer: bool | None = Field(None)
    """Whether SPICE's viewer can send files to the guest."""
    gl: bool | None = Field(None)
    """Whether it is drawn by the host's OpenGL."""
    rendernode: HostPath | None = Field(None)
    """The host's device that draws, with `gl`."""
    audio: AudioId | None = Field(None)
    """The number of the one of `devices.audio` that goes with it."""
    display: Text | None = Field(None)
    """The host's X display it is shown on, of `sdl`."""
    xauth: HostPath | None = Field(None)
    """The file with the right to use that display."""
    fullscreen: bool | None = Field(None)
    """Whether it fills that display."""
    address: Text | None = Field(None)
    """The address of the bus, of `dbus`."""
    p2p: bool | None = Field(None)
    """Whether viewers are connected to it directly, of `dbus`, and not by a bus."""
    multi_user: bool | None = Field(None)
    """Whether several can use it at once, of `rdp`."""
    replace_user: bool | None = Field(None)
    """Whether one who connects takes the place of another, of `rdp`."""

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
        for field, types in _ONLY_OF.items():
            if getattr(self, field) is not None and self.type not in types:
                raise PydanticCustomError(
                    "graphics",
                    "`{field}` goes with `type: {types}` only",
                    {"field": field, "types": "` or `".join(types)},
                )
        if self.type == "vnc" and self.port is not None and self.port < _FIRST_VNC:
            raise PydanticCustomError("graphics", "VNC's ports begin with 5900")
        if self.password_valid_to is not None and self.password is None:
            raise PydanticCustomError("graphics", "`password_valid_to` goes with `password` only")
        if self.autoport is False and self.port is None and self.tls_port is None:
            raise PydanticCustomError("graphics", "`autoport: false` needs a `port`")
        if self.autoport and (self.port is not None or self.tls_port is not None):
            raise PydanticCustomError("graphics", "give either `autoport: true` or a port")
        if sum(value is not None for value in (self.listen, self.listen_network, self.socket)) > 1:
            raise PydanticCustomError(
                "graphics", "it listens at one place: `listen`, `listen_network` or `socket`"
            )
        return self

    @property
    def is_server(self) -> bool:
        """Whether viewers connect to it."""
        return self.type in _SERVERS

    @property
    def has_port(self) -> bool:
        """Whether it has a port: it has none at a socket, or where nobody connects from outside."""
        return self.is_server and self.socket is None and self.listen != "none"
