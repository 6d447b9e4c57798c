"""What keeps a guest and its host apart, as the manifest writes it: labels, encrypted memory, keys, ids.

Facts: https://libvirt.org/formatdomain.html#security-label, #launch-security, #key-wrap, and libvirt 9.0's
schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.tables.security import NUMBERS, SWITCHES, TEXTS
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Text, words

_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_Id = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]


def parse_policy(value: Any) -> int:
    """`0x0001`, or the same as a number. Raises PydanticCustomError (`policy`)."""
    if isinstance(value, str) and _HEX.fullmatch(value.strip()):
        return int(value.strip(), 16)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise PydanticCustomError("policy", "expected a hexadecimal number such as 0x0001")


Policy = Annotated[
    int,
    BeforeValidator(parse_policy),
    PlainSerializer(hex),
    words(
        {
            "anyOf": [
                {"type": "string", "pattern": "^0x[0-9a-fA-F]{1,16}$"},
                {"type": "integer", "minimum": 0},
            ]
        },
        "hexadecimal number",
        "a hexadecimal number such as 0x0001",
    ),
]


class SeclabelSpec(Model):
    """How one of the host's security drivers (SELinux, AppArmor, DAC) confines the VM."""

    examples: ClassVar[Sequence[Any]] = (
        {"model": "dac", "type": "none"},
        {
            "model": "selinux",
            "type": "static",
            "label": "system_u:system_r:svirt_t:s0:c1,c2",
            "relabel": True,
        },
        {"model": "selinux", "baselabel": "system_u:system_r:svirt_custom_t:s0"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"model"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"label": ["type"]}

    model: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = Field(None, examples=["dac"])
    """The security driver; the host's first when not given."""
    type: Literal["dynamic", "static", "none"] = "dynamic"
    """Whether libvirt makes up a label at each start, `label` is taken, or the VM is not confined."""
    relabel: bool | None = Field(None, examples=[True])
    """Whether the VM's files get its label, too; so it is with `dynamic`, and not with `static`."""
    label: Text | None = Field(None, examples=["system_u:system_r:svirt_t:s0:c1,c2"])
    """The label of `type: static`."""
    baselabel: Text | None = Field(None, examples=["system_u:system_r:svirt_custom_t:s0"])
    """What a `dynamic` label is made from."""

    @model_validator(mode="after")
    def _fits(self) -> SeclabelSpec:
        if problem := self._contradiction():
            raise PydanticCustomError("seclabel", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        if (self.label is not None) != (self.type == "static"):
            return "`type: static` and `label` go together"
        if self.baselabel is not None and self.type != "dynamic":
            return "`baselabel` goes with `type: dynamic`"
        if (
            self.relabel is not None
            and self.relabel is not (self.type == "dynamic")
            and self.type != "static"
        ):
            return "files are always relabelled with `type: dynamic`, and never with `none`"
        return None

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """<seclabel>'s attributes."""
        yield "type", self.type
        if self.model is not None:
            yield "model", self.model
        if self.relabel is not None:
            yield "relabel", "yes" if self.relabel else "no"


class LaunchSecuritySpec(Model):
    """Memory that the host cannot read: AMD's SEV and SEV-SNP, or protected virtualization on IBM Z."""

    short: ClassVar[str | None] = "type"

    examples: ClassVar[Sequence[Any]] = (
        "s390-pv",
        {"type": "sev", "policy": "0x0003", "cbitpos": 47, "reduced_phys_bits": 1, "kernel_hashes": True},
        {"type": "sev", "policy": "0x0001", "dh_cert": "AAAAAA==", "session": "BBBBBB=="},
        {
            "type": "sev-snp",
            "policy": "0x30000",
            "author_key": True,
            "vcek": True,
            "guest_visible_workarounds": "AAAA",
            "id_block": "AAAA",
            "id_auth": "AAAA",
            "host_data": "AAAA",
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"type", "policy"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"session": ["dh_cert"], "dh_cert": ["session"]}

    type: Literal["sev", "sev-snp", "s390-pv"]
    """The host's technique. `sev-snp` takes libvirt 10.5."""
    policy: Policy | None = Field(None, examples=["0x0003"])
    """What the owner of the guest allows, in bits."""
    cbitpos: Annotated[int, Field(ge=0, le=63, strict=True)] | None = Field(None, examples=[47])
    """The bit of an address that tells encrypted memory; the host's own when not given."""
    reduced_phys_bits: Annotated[int, Field(ge=0, le=63, strict=True)] | None = Field(None, examples=[1])
    """By how many bits addresses get shorter; the host's own when not given."""
    dh_cert: Text | None = Field(None, examples=["AAAAAA=="])
    """The guest owner's certificate, in base64 (SEV)."""
    session: Text | None = Field(None, examples=["BBBBBB=="])
    """The guest owner's session, in base64 (SEV)."""
    kernel_hashes: bool | None = Field(None, examples=[True])
    """Whether hashes of kernel, initrd and command line are measured, too."""
    author_key: bool | None = Field(None, examples=[True])
    """Whether `id_auth` has the author's key in it (SEV-SNP)."""
    vcek: bool | None = Field(None, examples=[True])
    """Whether the host's own key signs, and not one of AMD's (SEV-SNP)."""
    guest_visible_workarounds: Text | None = Field(None, examples=["AAAA"])
    """Of the hypervisor's, in base64 (SEV-SNP)."""
    id_block: Text | None = Field(None, examples=["AAAA"])
    """The guest's identity, in base64 (SEV-SNP)."""
    id_auth: Text | None = Field(None, examples=["AAAA"])
    """What proves `id_block`, in base64 (SEV-SNP)."""
    host_data: Text | None = Field(None, examples=["AAAA"])
    """What the host tells the guest, in base64 (SEV-SNP)."""

    @model_validator(mode="after")
    def _fits(self) -> LaunchSecuritySpec:
        stated = self.model_fields_set - {"type"}
        if self.type == "s390-pv" and stated:
            raise PydanticCustomError("launch_security", "of `s390-pv` nothing else is stated")
        if self.type != "s390-pv" and self.policy is None:
            raise PydanticCustomError("launch_security", "`sev` and `sev-snp` take a `policy`")
        if self.type == "sev" and not stated.isdisjoint(_SNP):
            raise PydanticCustomError("launch_security", "this is of `sev-snp` only: " + ", ".join(_SNP))
        if self.type == "sev-snp" and (self.dh_cert or self.session):
            raise PydanticCustomError("launch_security", "`dh_cert` and `session` are of `sev` only")
        return self

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """<launchSecurity>'s attributes."""
        yield "type", self.type
        for name, tag in SWITCHES.items():
            if (on := getattr(self, name)) is not None:
                yield tag, "yes" if on else "no"

    @property
    def inside(self) -> Iterator[tuple[str, str]]:
        """Elements in it, with their text."""
        for name, tag in NUMBERS.items():
            if (value := getattr(self, name)) is not None:
                yield tag, str(value)
        if self.policy is not None:  # as libvirt writes it
            yield "policy", f"0x{self.policy:04x}" if self.type == "sev" else f"0x{self.policy:08x}"
        for name, tag in TEXTS.items():
            if (value := getattr(self, name)) is not None:
                yield tag, value


_SNP = ("author_key", "vcek", "guest_visible_workarounds", "id_block", "id_auth", "host_data")


class IdRangeSpec(Model):
    """Ids in the guest, and what they are on the host."""

    examples: ClassVar[Sequence[Any]] = ({"start": 0, "target": 1000, "count": 10},)
    least: ClassVar[frozenset[str]] = frozenset({"start", "target", "count"})

    start: _Id = Field(examples=[0])
    """The first in the guest."""
    target: _Id = Field(examples=[1000])
    """The first on the host."""
    count: _Id = Field(examples=[10])
    """How many."""


class IdMapSpec(Model):
    """Users and groups of the guest, and which they are on the host."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "uid": [{"start": 0, "target": 1000, "count": 10}],
            "gid": [{"start": 0, "target": 1000, "count": 10}],
        },
    )
    least: ClassVar[frozenset[str]] = frozenset({"uid", "gid"})

    uid: tuple[IdRangeSpec, ...] = Field(examples=[[{"start": 0, "target": 1000, "count": 10}]], min_length=1)
    """Of users."""
    gid: tuple[IdRangeSpec, ...] = Field(examples=[[{"start": 0, "target": 1000, "count": 10}]], min_length=1)
    """Of groups; libvirt takes neither without the other."""
