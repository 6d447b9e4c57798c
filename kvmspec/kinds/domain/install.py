"""How a VM is installed, as the manifest writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Duration, Text, parse_name, parse_path, parse_text, words

KINDS = ("preseed", "kickstart", "autoinstall")


def _iso(value: Any) -> str:
    return parse_path(value) if isinstance(value, str) and value.startswith("/") else parse_name(value)


Iso = Annotated[
    str,
    BeforeValidator(_iso),
    words(
        {"type": "string", "examples": ["/srv/isos/debian-12.iso"]},
        "ISO",
        "an image of the manifest, or the absolute path of an ISO on the host",
    ),
]


def _one_line(value: Any) -> str:
    text = parse_text(value)
    if "\n" in text:
        raise PydanticCustomError("cmdline", "the arguments of a kernel are one line")
    return text


Line = Annotated[str, BeforeValidator(_one_line), words({"type": "string"}, "text", "text on one line")]


class UnattendedSpec(Model):
    """A file of answers, relative to the manifest's own file; one of these."""

    examples: ClassVar[Sequence[Any]] = (
        {"preseed": "preseed.cfg"},
        {"kickstart": "ks.cfg"},
        {"autoinstall": "autoinstall.yaml"},
    )

    preseed: Text | None = Field(None, examples=["preseed.cfg"])
    """For Debian's installer."""
    kickstart: Text | None = Field(None, examples=["ks.cfg"])
    """For Anaconda: Fedora, RHEL and its kin."""
    autoinstall: Text | None = Field(None, examples=["autoinstall.yaml"])
    """For Ubuntu's installer: user-data, which starts with `#cloud-config`."""

    @model_validator(mode="after")
    def _one(self) -> UnattendedSpec:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise PydanticCustomError(
                "unattended", "state exactly one of `preseed`, `kickstart` or `autoinstall`"
            )
        return self

    @property
    def kind(self) -> str:
        """Which installer's it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class InstallSpec(Model):
    """A new VM is started from an ISO once, and from its disk ever after."""

    short: ClassVar[str | None] = "iso"

    examples: ClassVar[Sequence[Any]] = (
        "/srv/isos/debian-12.iso",
        {"iso": "debian-12-iso", "unattended": {"preseed": "preseed.cfg"}, "cmdline": "console=ttyS0"},
        {"iso": "/srv/isos/debian-12.iso", "done_when": "agent", "timeout": "1h"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"iso"})

    iso: Iso
    """The installer: an image of kind `iso`, or an ISO file of the host."""
    unattended: UnattendedSpec | None = None
    """Answers to the installer's questions. Needs an ISO that is an image of the manifest."""
    cmdline: Line | None = Field(None, examples=["console=ttyS0"])
    """Further arguments for the installer's kernel. Needs an ISO that is an image of the manifest."""
    done_when: Literal["poweroff", "agent"] = "poweroff"
    """When it is installed: as soon as the installer powers off or reboots, or not before the guest agent
    of the installed system answers."""
    timeout: Duration = Field(7200, json_schema_extra={"default": "2h"})
    """How long an apply waits for it. Then the apply gives up, and the installation goes on."""

    @property
    def is_image(self) -> bool:
        """Whether the ISO is an image of the manifest, which kvmspec can read."""
        return not self.iso.startswith("/")

    @property
    def from_kernel(self) -> bool:
        """Whether the installer's kernel is started directly, not its CD."""
        return self.unattended is not None or self.cmdline is not None

    @model_validator(mode="after")
    def _readable(self) -> InstallSpec:
        if self.from_kernel and not self.is_image:
            raise PydanticCustomError(
                "install",
                "`unattended` and `cmdline` need an ISO that kvmspec can read: declare it under `images:` "
                "with `kind: iso`, and name it here",
            )
        return self
