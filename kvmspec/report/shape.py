"""The shape of the JSON that kvmspec prints: plans, saved plans, events. The published schemas are
made of these types, and mypy holds report/json.py to them.

Key names are Terraform's where the meaning is the same, so that policies (conftest, OPA) carry over.
Within one `format_version` keys are only added, never renamed or removed.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

_CLOSED = ConfigDict(extra="forbid", use_attribute_docstrings=True)
_OPEN = ConfigDict(extra="allow", use_attribute_docstrings=True)

ImpactName = Literal["none", "live", "next-start", "restart", "delete", "replace", "data-loss"]
PermissionName = Literal["restart", "delete", "replace", "data-loss"]
KindName = Literal["vm", "network", "nwfilter", "pool", "volume", "image", "secret"]
ActionName = Literal["no-op", "adopt", "create", "update", "delete"]
StatusName = Literal["done", "failed", "skipped", "not-started", "undone"]


@with_config(_CLOSED)
class ProblemData(TypedDict):
    """Something a user has to put right, or should know."""

    severity: Literal["error", "warning"]
    file: str | None
    """The manifest file; null where the problem has no place."""
    line: int | None
    """Counts from 1."""
    column: int | None
    """Counts from 1."""
    path: str
    """Manifest path, such as vms.web.memory; may be empty."""
    message: str
    hint: str
    """What to do; may be empty."""


@with_config(_CLOSED)
class HostData(TypedDict):
    """A host as the plan saw it."""

    name: str
    uri: str
    """The libvirt URI."""
    unknown: str | None
    """Why the host could not be read; null where it was."""
    hint: str | None
    """What to do about that."""


@with_config(_CLOSED)
class FieldData(TypedDict):
    """One field that differs."""

    path: str
    """Manifest path below the object, such as disks.root.size."""
    before: Any
    """As a user writes it; null where there is none, (secret) where it is sensitive."""
    after: Any
    impact: ImpactName
    reason: str
    """Why it costs that; may be empty."""
    avoid: str
    """What could be stated instead to do without the restart; empty where nothing could."""
    sensitive: bool
    drift: bool
    """Whether it was changed outside kvmspec since the last apply."""


@with_config(_CLOSED)
class ChangeData(TypedDict):
    """What happens to an object as a whole, as in Terraform's plan JSON."""

    actions: list[ActionName]
    """One of [no-op], [adopt], [create], [update], [delete], [delete, create]."""
    before: Any
    """The object, or as much of it as changes; null before a creation."""
    after: Any
    """The object, or as much of it as changes; null after a deletion."""
    before_sensitive: bool | dict[str, Any]
    """true at the paths of hidden values; false where there are none."""
    after_sensitive: bool | dict[str, Any]


@with_config(_CLOSED)
class IdentityData(TypedDict):
    """Which object."""

    address: str
    """host/kind/name; a volume's name is pool/volume."""
    host: str
    kind: KindName
    name: str


@with_config(_CLOSED)
class ResourceData(IdentityData):
    """An object of the manifest, or one that is to go. No-ops are kept."""

    change: ChangeData
    impact: ImpactName
    """The worst of the fields' impacts, and of the object's own."""
    restart: str
    """Of a restart: which guest, why, and whether it can be avoided; else empty."""
    changes: list[FieldData]
    notes: list[str]
    """What a reviewer should know, such as volumes that stay."""
    label: str
    """The object in a few words; may be empty."""
    permitted: list[PermissionName]
    """What the manifest itself allows (lifecycle.restart: allowed)."""
    refusals: list[ProblemData]
    """Why nothing may be done because of this object."""


@with_config(_CLOSED)
class FieldsData(IdentityData):
    """An object and some of its fields."""

    changes: list[FieldData]


@with_config(_CLOSED)
class UnmanagedData(IdentityData):
    """Something on an object that the manifest does not name; it stays."""

    text: str


@with_config(_OPEN)
class StepData(TypedDict):
    """One action of the ordered plan, with whatever its type needs besides (xml, capacity …)."""

    number: int
    """Counts from 1, in the order of execution."""
    after: list[int]
    """The numbers of the steps that must have succeeded before."""
    text: str
    """What it does, in a few words."""
    subject: str
    """The address of the object that it is a step of: a VM, for growing one of its disks."""
    type: str
    """The action, such as CreateVolume, EditDomain or StartDomain."""
    address: str
    """What it acts on."""


@with_config(_CLOSED)
class LinkData(TypedDict):
    """One object refers to another."""

    source: str
    """The address of the object that refers."""
    target: str
    """The address that it refers to, which the manifest may not manage."""


@with_config(_CLOSED)
class SummaryData(TypedDict):
    """How many objects are touched in which way."""

    create: int
    change: int
    delete: int
    adopt: int
    restart: int
    """VMs and networks that are restarted."""
    next_start: int
    """VMs of which something is put off to their next start."""
    data_loss: int
    """Volumes whose data is lost."""
    no_op: int


@with_config(_CLOSED)
class SavedData(TypedDict):
    """What a saved plan rests on: how it was asked for, and what was read for it."""

    version: Literal[1]
    """Of this section."""
    directory: str
    """The folder the plan was made in; the paths are relative to it."""
    paths: list[str]
    variables: dict[str, str]
    """What --var gave, without what is secret."""
    var_files: list[str]
    connect: str | None
    hosts: list[str]
    """What --host named."""
    targets: list[str]
    """What --target named."""
    replaced: list[str]
    """What --replace named."""
    no_restart: NotRequired[bool]
    """Whether it was made with --no-restart."""
    manifest: dict[str, str]
    """A digest of each object of the resolved manifest, and of the rest under ""."""
    secrets: dict[str, list[str]]
    """A salted scrypt digest of each secret, by the object it is in."""
    fingerprints: dict[str, str]
    """A digest of each live object that was read, by address; "" for what was not there."""


@with_config(_CLOSED)
class PlanData(TypedDict):
    """A plan: what apply would do, and why. With `saved` and `digest` it is one that apply takes."""

    format_version: Literal["1.0"]
    kvmspec_version: str
    project: str
    created_at: str
    """ISO 8601, UTC."""
    hosts: list[HostData]
    unknown_hosts: list[str]
    """The hosts that could not be read; nothing is planned for them."""
    resource_changes: list[ResourceData]
    resource_drift: list[FieldsData]
    """What was changed outside kvmspec since the last apply."""
    unmanaged: list[UnmanagedData]
    pending: list[FieldsData]
    """Fields that a running guest has not booted with yet, nor one that was saved (managed save): of impact
    restart what is defined already; of impact next-start what this plan defines without a restart."""
    actions: list[StepData]
    """The ordered steps: all that apply would do."""
    links: list[LinkData]
    """The topology: what refers to what."""
    summary: SummaryData
    required_permissions: list[PermissionName]
    """Without these, as --allow names them, nothing is done."""
    granted_permissions: list[PermissionName]
    refusals: list[ProblemData]
    """Why nothing may be done at all."""
    warnings: list[ProblemData]
    saved: NotRequired[SavedData]
    digest: NotRequired[str]
    """sha256 over all the rest; an edited plan is refused."""


@with_config(_CLOSED)
class OutcomeData(TypedDict):
    """What became of one step."""

    number: int
    address: str
    text: str
    status: StatusName
    seconds: float
    error: str
    hint: str


@with_config(_CLOSED)
class PlannedEvent(TypedDict):
    """The first line: the whole plan. It comes again where it is another after another apply was waited
    for; then that one is carried out."""

    type: Literal["planned"]
    time: str
    plan: PlanData


@with_config(_CLOSED)
class WaitingEvent(TypedDict):
    """Another apply holds a host, and is waited for (--lock-timeout). Told at once, when the lock changes
    hands, and every 30 seconds."""

    type: Literal["waiting"]
    time: str
    """ISO 8601, UTC."""
    host: str
    holder: str
    """Who it is: user, machine, process, and since when."""
    seconds_left: float
    """How long it is waited for yet."""


@with_config(_CLOSED)
class StepEvent(TypedDict):
    """Something about one step."""

    type: Literal["started", "progress", "done", "failed", "skipped", "not-started", "undone"]
    time: str
    """ISO 8601, UTC."""
    number: int
    address: str
    subject: str
    text: str
    seconds: float
    error: str
    hint: str
    note: str
    """What only doing it could tell, such as a NIC that was reconnected."""


@with_config(_CLOSED)
class SummaryEvent(TypedDict):
    """The last line, always."""

    type: Literal["summary"]
    time: str
    ok: bool
    """Whether everything is as planned now."""
    exit_code: int
    seconds: float
    interrupted: bool
    counts: dict[StatusName, int]
    """How many steps ended in which way."""
    outcomes: list[OutcomeData]
    remaining: list[FieldsData]
    """What still differs after a last look, although every step succeeded."""
    unverified: list[str]
    """Hosts that could not be looked at again."""
    refused: list[ProblemData]
    """Why nothing was done."""


EventData = PlannedEvent | WaitingEvent | StepEvent | SummaryEvent
