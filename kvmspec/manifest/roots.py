"""What the manifest says at its root beside the maps of objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.model import Model
from kvmspec.manifest.placement import Draft
from kvmspec.manifest.section import Path
from kvmspec.manifest.types import Name, Text, parse_name, words
from kvmspec.manifest.validate import Subject, Validator

FORMAT = 1


def parse_format(value: Any) -> int:
    """The format version. Raises PydanticCustomError (`format`)."""
    if type(value) is int and value == FORMAT:
        return value
    raise PydanticCustomError("format", "this kvmspec reads format version 1: write `kvmspec: 1`")


def parse_vm(value: Any) -> str:
    """`vm/web` as `web`. Raises PydanticCustomError (`vm`)."""
    kind, _, name = value.partition("/") if isinstance(value, str) else ("", "", "")
    if kind != "vm":
        raise PydanticCustomError("vm", "expected a VM's address, such as vm/web")
    return parse_name(name)


VmAddress = Annotated[
    str,
    BeforeValidator(parse_vm),
    words(
        {"type": "string", "pattern": "^vm/", "examples": ["vm/web"]}, "VM", "a VM's address, such as vm/web"
    ),
]


class HeadSpec(Model):
    """What every manifest has once."""

    kvmspec: Annotated[int, BeforeValidator(parse_format), WithJsonSchema({"const": FORMAT})]
    """The version of this format."""
    project: Name = Field(examples=["shop"])
    """The project: it owns what it creates."""
    id: Annotated[Text, Field(min_length=1, max_length=100)] | None = Field(None, examples=["7c1e9f40b2d8"])
    """A random id that guards against another repository with the same project name."""


class MovedSpec(Model):
    """A VM's new name: a rename, not a new VM with blank disks."""

    model_config = ConfigDict(populate_by_name=False)
    examples: ClassVar[Sequence[Any]] = ({"from": "vm/web", "to": "vm/frontend"},)
    least: ClassVar[frozenset[str]] = frozenset({"from", "to"})

    source: VmAddress = Field(alias="from")
    """The name the VM had."""
    to: VmAddress
    """The name it has in this manifest."""


class ReleasedSpec(Model):
    """A VM to let go of without deleting it."""

    short = "vm"
    examples: ClassVar[Sequence[Any]] = ("vm/handed-over",)

    vm: VmAddress
    """The VM's address."""


class RemovedSpec(Model):
    """A standalone volume to delete."""

    examples: ClassVar[Sequence[Any]] = ({"volume": "scratch", "pool": "vms"},)
    least: ClassVar[frozenset[str]] = frozenset({"volume", "pool"})

    volume: Name
    """The volume's name."""
    pool: Name
    """Its pool."""


ENTRIES: Mapping[str, type[Model]] = {"moved": MovedSpec, "released": ReleasedSpec, "removed": RemovedSpec}


class Root(NamedTuple):
    """The validated root; lists as (subject, spec), without those that are invalid."""

    head: HeadSpec | None
    moved: list[tuple[Subject, MovedSpec]]
    released: list[tuple[Subject, ReleasedSpec]]
    removed: list[tuple[Subject, RemovedSpec]]


def read_root(validator: Validator) -> Root:
    """Validate the root keys; what is wrong is noted."""
    data = validator.sources.data
    fields = {key: data[key] for key in HeadSpec.model_fields if key in data}
    subject = Subject((), fields, models=(HeadSpec,))
    head = validator.model(HeadSpec, subject) if validator.plain(subject) else None
    return Root(
        head,
        list(_entries(validator, "moved", MovedSpec)),
        list(_entries(validator, "released", ReleasedSpec)),
        list(_entries(validator, "removed", RemovedSpec)),
    )


def _entries(validator: Validator, key: str, model: Any) -> Iterator[tuple[Subject, Any]]:
    for index, entry in enumerate(validator.sources.data.get(key) or []):
        subject = Subject((key, index), entry, models=(model,))
        if isinstance(entry, Broken) or not validator.plain(subject):
            continue
        if (spec := validator.model(model, subject)) is not None:
            yield subject, spec


def check_root(
    root: Root, declared: Mapping[tuple[str, str], Path], drafts: list[Draft], validator: Validator
) -> None:
    """Note what the lists say against the declared objects, or against each other."""
    used: dict[tuple[str, str], None] = {}
    for subject, move in root.moved:
        if ("vm", move.to) not in declared:
            validator.note(subject, f"there is no VM `{move.to}` in the manifest", ("to",))
        if ("vm", move.source) in declared:
            hint = "a VM moves from a name that is no longer declared"
            validator.note(subject, f"the VM `{move.source}` is still declared", ("from",), hint=hint)
        for end, name in (("from", move.source), ("to", move.to)):
            if (end, name) in used:
                validator.note(subject, f"`vm/{name}` is already in `moved`", (end,))
            used[end, name] = None
    gone = {move.source for _, move in root.moved}
    for subject, release in root.released:
        if ("vm", release.vm) in declared:
            validator.note(
                subject, f"the VM `{release.vm}` is still declared", hint="remove it from `vms`, or from here"
            )
        elif release.vm in gone:
            validator.note(subject, f"`vm/{release.vm}` is in `moved` too")
    volumes = {(draft.name, getattr(draft.spec, "pool", None)) for draft in drafts if draft.kind == "volume"}
    for subject, gone_volume in root.removed:
        if {(gone_volume.volume, gone_volume.pool), (gone_volume.volume, None)} & volumes:
            message = f"the volume `{gone_volume.volume}` is still declared"
            validator.note(subject, message, hint="remove it from `volumes`, or from here")
