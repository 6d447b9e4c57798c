"""The steps a plan is made of: data only, a closed union a kind.

The executor and the reporters are interpreters over these; nothing here does anything. XML in
an action never holds a secret, only its token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, get_args

from kvmspec.core.address import Address


@dataclass(frozen=True)
class Edit:
    """One change to an XML tree, addressed by canonical path (see canon/edit.py).

    set     path ends in `@attribute` or `#`; value is the raw text to write
    add     path ends in the identity of a new element; value is its XML
    remove  path names an attribute or an element
    """

    op: Literal["set", "add", "remove"]
    path: tuple[str, ...]
    value: str = ""


@dataclass(frozen=True)
class NetworkChange:
    """One virNetworkUpdate call. command and section are libvirt's own words
    (`add-last`, `modify`, `delete`; `ip-dhcp-host`, `ip-dhcp-range`, `dns-host` …)."""

    command: Literal["add-last", "modify", "delete"]
    section: str
    xml: str
    parent: int = -1


# --- networks
@dataclass(frozen=True)
class DefineNetwork:
    address: Address
    xml: str


@dataclass(frozen=True)
class EditNetwork:
    """Redefine the persistent network, edited in place."""

    address: Address
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class UpdateNetwork:
    """virNetworkUpdate, on the running network and on its definition separately."""

    address: Address
    changes: tuple[NetworkChange, ...]
    live: bool
    config: bool


@dataclass(frozen=True)
class StartNetwork:
    address: Address


@dataclass(frozen=True)
class RestartNetwork:
    """Stop and start, then re-attach the taps of the running guests named."""

    address: Address
    guests: tuple[str, ...]


@dataclass(frozen=True)
class DeleteNetwork:
    address: Address


# --- pools
@dataclass(frozen=True)
class DefinePool:
    address: Address
    xml: str


@dataclass(frozen=True)
class EditPool:
    address: Address
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class StartPool:
    """Start the pool, building its target directory where it is missing."""

    address: Address


@dataclass(frozen=True)
class DeletePool:
    """Stop and undefine; never virStoragePoolDelete, so its files stay."""

    address: Address


# --- volumes
@dataclass(frozen=True)
class CreateVolume:
    """Create the volume. `take_up` is true where the plan could not look into the pool
    (it is not running yet): a fitting volume found then is used with its data."""

    address: Address
    xml: str
    capacity: int
    format: str
    backing: str | None = None
    take_up: bool = False


@dataclass(frozen=True)
class ResizeVolume:
    """Grow to `capacity` bytes; never shrinks."""

    address: Address
    capacity: int


@dataclass(frozen=True)
class DeleteVolume:
    address: Address


# --- domains
@dataclass(frozen=True)
class DefineDomain:
    address: Address
    xml: str


@dataclass(frozen=True)
class EditDomain:
    """Redefine the persistent domain, edited in place."""

    address: Address
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class SetDomainMetadata:
    """Title, description and kvmspec's own element of the running domain.

    An empty string removes, None leaves alone.
    """

    address: Address
    title: str | None
    description: str | None
    metadata: str | None


@dataclass(frozen=True)
class SetVcpus:
    address: Address
    count: int


@dataclass(frozen=True)
class SetMemory:
    """Balloon target of the running domain, in bytes."""

    address: Address
    size: int


@dataclass(frozen=True)
class GrowDisk:
    """virDomainBlockResize of a running domain's disk, in bytes; never shrinks."""

    address: Address
    target: str
    capacity: int


@dataclass(frozen=True)
class StartDomain:
    address: Address


@dataclass(frozen=True)
class ShutdownDomain:
    """Ask the guest to shut down (agent, then ACPI, again and again) for `timeout` seconds.

    With `force_off` a guest that ignores it is powered off; else it is left running and the
    action fails.
    """

    address: Address
    timeout: int
    force_off: bool = False


@dataclass(frozen=True)
class PowerOffDomain:
    """Power off a domain that is about to be deleted."""

    address: Address


@dataclass(frozen=True)
class RenameDomain:
    """address carries the old name."""

    address: Address
    new_name: str


@dataclass(frozen=True)
class ReleaseDomain:
    """Remove kvmspec's metadata and nothing else."""

    address: Address


@dataclass(frozen=True)
class UndefineDomain:
    """Undefine a stopped domain with its NVRAM, TPM state and managed save; not its volumes."""

    address: Address


# --- every kind
@dataclass(frozen=True)
class SetAutostart:
    address: Address
    enabled: bool


NetworkAction = (
    DefineNetwork | EditNetwork | UpdateNetwork | StartNetwork | RestartNetwork | DeleteNetwork | SetAutostart
)
PoolAction = DefinePool | EditPool | StartPool | DeletePool | SetAutostart
VolumeAction = CreateVolume | ResizeVolume | DeleteVolume
DomainAction = (
    DefineDomain
    | EditDomain
    | SetDomainMetadata
    | SetVcpus
    | SetMemory
    | GrowDisk
    | StartDomain
    | ShutdownDomain
    | PowerOffDomain
    | RenameDomain
    | ReleaseDomain
    | UndefineDomain
    | SetAutostart
)
Action = NetworkAction | PoolAction | VolumeAction | DomainAction


def to_data(value: Any) -> Any:
    """Actions (and what they hold) as JSON data; an action gets its class name as `type`."""
    match value:
        case Address():
            return str(value)
        case Enum():
            return value.value
        case tuple() | list():
            return [to_data(item) for item in value]
        case _ if is_dataclass(value):
            data = {field.name: to_data(getattr(value, field.name)) for field in fields(value)}
            return {"type": type(value).__name__, **data} if "address" in data else data
        case _:
            return value


def from_data(data: Mapping[str, Any]) -> Action:
    """The action that `to_data` made `data` of. Raises ValueError, KeyError or TypeError on other data."""
    made = {action.__name__: action for action in get_args(Action)}[data["type"]]
    values = {field.name: _value(field.name, data[field.name]) for field in fields(made)}
    return made(**values)  # type: ignore[no-any-return]  # mypy does not see through get_args


def _value(name: str, value: Any) -> Any:
    match name:
        case "address":
            return Address.parse(value)
        case "edits":
            return tuple(Edit(item["op"], tuple(item["path"]), item["value"]) for item in value)
        case "changes":
            return tuple(NetworkChange(**item) for item in value)
        case _:
            return tuple(value) if isinstance(value, list) else value
