"""Serial and parallel ports, consoles and channels, as the manifest writes them: what a guest sees as a line,
and where it ends on the host.

Facts: https://libvirt.org/formatdomain.html#consoles-serial-parallel-channel-devices
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.ends_spec import ENDS, EndSpec
from kvmspec.kinds.domain.source_parts import SourceLabelSpec
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import HostPath, parse_ipv4, words

AGENT = "org.qemu.guest_agent.0"
_TAKES: Mapping[str, tuple[str, ...]] = {
    "append": ("file",),
    "labels": ("dev", "file", "pipe", "unix", "pty"),
}
Number = Annotated[int, Field(ge=0, le=255, strict=True)]


class LogSpec(Model):
    """A file of the host's with all that comes out of it."""

    short: ClassVar[str | None] = "file"
    examples: ClassVar[Sequence[Any]] = (
        "/var/log/libvirt/qemu/web.log",
        {"file": "/var/log/libvirt/qemu/web.log", "append": True},
    )
    least: ClassVar[frozenset[str]] = frozenset({"file"})

    file: HostPath = Field(examples=["/var/log/libvirt/qemu/web.log"])
    """Its path."""
    append: bool | None = Field(None, examples=[True])
    """Whether it goes on where it ended the last time; it begins anew when not given."""


class LineSpec(EndSpec, Placeable):
    """A line of the guest's, and where it ends on the host."""

    waits: ClassVar[bool] = True

    mode: Literal["bind", "connect"] | None = Field(None, examples=["connect"])
    """Whether QEMU waits for a program at a `unix` or `tcp` socket, or looks for one there; it waits when not
    given."""
    append: bool | None = Field(None, examples=[True])
    """Whether a `file` goes on where it ended the last time."""
    labels: tuple[SourceLabelSpec, ...] = ()
    """What security drivers of the host's make of its file, device or socket."""
    log: LogSpec | None = None
    """A file of the host's with all that comes out of it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """What it is stands before where it ends, and where it is plugged in behind."""
        own = [name for name in cls.__annotations__ if name in cls.__pydantic_fields__]
        for name in [name for name in cls.__pydantic_fields__ if name not in own]:
            cls.__pydantic_fields__[name] = cls.__pydantic_fields__.pop(name)
        super().__pydantic_init_subclass__()

    @model_validator(mode="after")
    def _fits_line(self) -> LineSpec:
        for field, types in _TAKES.items():
            if getattr(self, field) not in (None, ()) and self.type not in types:
                raise PydanticCustomError(
                    "end",
                    "`{field}` goes with `type: {types}` only",
                    {"field": field, "types": "` or `".join(types)},
                )
        if self.labels and self.type == "pty" and self.path is None:
            raise PydanticCustomError("end", "`labels` of a `pty` need its `path`")
        return self


Ends = Literal[
    "pty", "unix", "tcp", "udp", "file", "dev", "pipe", "null", "stdio", "vc", "spicevmc", "spiceport",
    "dbus",
]  # fmt: skip

TARGETS: Mapping[str, str] = {
    "isa-serial": "isa-serial",
    "usb-serial": "usb-serial",
    "pci-serial": "pci-serial",
    "spapr-vty": "spapr-vio-serial",
    "pl011": "system-serial",
    "16550a": "system-serial",
    "sclpconsole": "sclp-serial",
    "sclplmconsole": "sclp-serial",
    "isa-debugcon": "isa-debug",
}
"""The models of serial ports, and libvirt's type for each."""
TWINS = ("isa-serial", "spapr-vio-serial", "system-serial", "sclp-serial")
"""Of these libvirt makes the first console (virDomainDefAddConsoleCompat)."""


class SerialSpec(LineSpec):
    """A serial port."""

    examples: ClassVar[Sequence[Any]] = (
        "pty",
        {"type": "file", "path": "/var/log/web-serial.log", "append": True},
        {"type": "tcp", "host": "127.0.0.1", "port": 4555, "protocol": "telnet"},
        {"type": "unix", "path": "/run/web-serial.sock", "log": "/var/log/libvirt/qemu/web.log"},
        {"type": "pty", "model": "usb-serial"},
        *ENDS,
    )

    type: Ends = Field("pty", examples=["file"])
    """Where it ends on the host: in a terminal, at a socket, a network connection, a file, a device …"""
    model: Literal[
        "isa-serial", "usb-serial", "pci-serial", "spapr-vty", "pl011", "16550a", "sclpconsole",
        "sclplmconsole", "isa-debugcon",
    ] | None = Field(None, examples=["usb-serial"])  # fmt: skip
    """The card the guest sees; that of its machine when not given."""
    number: Number | None = Field(None, examples=[1])
    """The port's number; that of its place in the list when not given."""

    @property
    def target(self) -> str | None:
        """libvirt's type of its card."""
        return None if self.model is None else TARGETS[self.model]

    @property
    def has_twin(self) -> bool:
        """Whether libvirt makes the first console of it, where it is the first port."""
        return self.target is None or self.target in TWINS


class ParallelSpec(LineSpec):
    """A parallel port."""

    examples: ClassVar[Sequence[Any]] = (
        {"type": "dev", "path": "/dev/parport0"},
        {"type": "unix", "path": "/run/web-printer.sock"},
        {"type": "file", "path": "/srv/web-printed", "append": True},
        *ENDS,
    )

    type: Ends = Field("pty", examples=["dev"])
    """Where it ends on the host: at a device, a socket, a network connection, a file …"""
    number: Number | None = Field(None, examples=[1])
    """The port's number; that of its place in the list when not given."""


class ConsoleSpec(LineSpec):
    """A console that is no serial port."""

    examples: ClassVar[Sequence[Any]] = (
        "pty",
        {"type": "file", "path": "/var/log/web-hvc0.log", "append": True},
        {"type": "pty", "target": "sclp"},
        *ENDS,
    )

    type: Ends = Field("pty", examples=["file"])
    """Where it ends on the host: in a terminal, at a socket, a network connection, a file …"""
    target: Literal["virtio", "sclp", "sclplm", "xen", "lxc", "openvz"] = Field("virtio", examples=["sclp"])
    """What the guest sees: hvc0 and those behind it (`virtio`), one of S/390's, a container's."""


ChannelName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        json_schema_extra={"x-type": ["name", "a name such as org.example.0"], "examples": ["org.example.0"]},
    ),
]
_FORWARD = re.compile(r"([0-9.]+):([0-9]{1,5})")


def parse_forward(value: Any) -> str:
    """`10.0.2.1:4600`. Raises PydanticCustomError (`forward`)."""
    if isinstance(value, str) and (match := _FORWARD.fullmatch(value)) and 0 < int(match[2]) < 65536:
        return f"{parse_ipv4(match[1])}:{int(match[2])}"
    raise PydanticCustomError("forward", "expected an address and a port of the guest's: 10.0.2.1:4600")


Forward = Annotated[
    str,
    BeforeValidator(parse_forward),
    words({"type": "string", "examples": ["10.0.2.1:4600"]}, "address", "an IPv4 address and a port"),
]


class ChannelSpec(LineSpec):
    """A channel between a program in the guest and one on the host."""

    short: ClassVar[str | None] = "name"
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        name: fields for name, fields in EndSpec.needs.items() if name != "unix"
    }

    examples: ClassVar[Sequence[Any]] = (
        "org.example.0",
        {"name": "org.example.1", "path": "/run/example.sock"},
        {"name": "org.example.2", "type": "pty"},
        {"name": "com.redhat.spice.0", "type": "qemu-vdagent", "clipboard": True, "mouse": "client"},
        {"guestfwd": "10.0.2.1:4600", "path": "/run/example.sock"},
        {"name": "org.example.3", "type": "file", "path": "/var/log/example.log", "append": True},
        *({"name": f"org.example.{number}", **end} for number, end in enumerate(ENDS, 4)),
    )

    name: ChannelName | None = None
    """Under this name the guest finds it, in /dev/virtio-ports."""
    guestfwd: Forward | None = None
    """The address and port at which the guest finds it, on an interface of `user`."""
    target: Literal["virtio", "xen"] = Field("virtio", examples=["xen"])
    """What the guest sees, of a channel with a name."""
    type: Ends | Literal["qemu-vdagent"] = Field("unix", examples=["pty"])  # type: ignore[assignment]
    """Where it ends on the host: at a socket, in a terminal, at the SPICE client, a network connection …"""
    path: HostPath | None = Field(None, examples=["/run/example.sock"])
    """The socket, device, file or pipe; a socket in libvirt's own folder when not given."""
    clipboard: bool | None = Field(None, examples=[True])
    """Whether `qemu-vdagent` shares the clipboard of a VNC display."""
    mouse: Literal["server", "client"] | None = Field(None, examples=["client"])
    """Who draws the mouse, of `qemu-vdagent`."""

    @model_validator(mode="after")
    def _known(self) -> ChannelSpec:
        if self.type != "qemu-vdagent" and (self.clipboard, self.mouse) != (None, None):
            raise PydanticCustomError("end", "`clipboard` and `mouse` go with `type: qemu-vdagent` only")
        if self.guestfwd is not None and (self.name is not None or self.target != "virtio"):
            raise PydanticCustomError("channel", "a channel has either a `name` or `guestfwd`")
        if self.name == AGENT and self.type == "unix":
            raise PydanticCustomError("channel", "this channel is the guest agent's: state `guest_agent`")
        return self

    @property
    def key(self) -> str | None:
        """By what the guest knows it."""
        return self.guestfwd or self.name


class AgentSpec(Placeable):
    """The channel of the QEMU guest agent."""

    short: ClassVar[str | None] = "path"
    examples: ClassVar[Sequence[Any]] = ("/run/web-agent.sock", {"address": {"virtio_serial": "0:0:3"}})

    path: HostPath | None = Field(None, examples=["/run/web-agent.sock"])
    """Its socket on the host; one in libvirt's own folder when not given."""
