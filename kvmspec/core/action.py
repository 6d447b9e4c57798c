"""The steps a plan is made of: data only, a closed union a kind.

The executor and the reporters are interpreters over these; nothing here does anything. XML in
an action never holds a secret, only its token. Actions with the same fields share them through a
base: a dataclass takes 0.3 ms to make, and every command would make thirty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Literal, get_args

from kvmspec.core.address import Address
from kvmspec.core.live import Call


@dataclass(frozen=True)
class Edit:
    """One change to an XML tree, addressed by canonical path (see canon/edit.py).

    set     path ends in `@attribute` or `#`; value is the raw text to write
    add     path ends in the identity of a new element; value is its XML
    remove  path names an attribute or an element
    merge   the path is empty; value is a fragment of the whole (canon/fragment.py)
    """

    op: Literal["set", "add", "remove", "merge"]
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


@dataclass(frozen=True)
class On:
    """The object an action is done to."""

    address: Address


@dataclass(frozen=True)
class Waiting(On):
    """Waiting for what goes on by itself, for `timeout` seconds; it changes nothing,
    so that a failure undoes nothing, and an interrupt ends it."""

    timeout: int


@dataclass(frozen=True)
class Defining(On):
    """Definition of an object that is not there, from its XML."""

    xml: str


@dataclass(frozen=True)
class Editing(On):
    """Change of a definition that is there, edited in place."""

    edits: tuple[Edit, ...]


# --- networks
class DefineNetwork(Defining):
    """Define the network."""


class EditNetwork(Editing):
    """Redefine the persistent network, edited in place."""


@dataclass(frozen=True)
class UpdateNetwork(On):
    """virNetworkUpdate, on the running network and on its definition separately."""

    changes: tuple[NetworkChange, ...]
    live: bool
    config: bool


class StartNetwork(On):
    """Start the network."""


@dataclass(frozen=True)
class RestartNetwork(On):
    """Stop and start, then re-attach the taps of the running guests named."""

    guests: tuple[str, ...]


class DeleteNetwork(On):
    """Stop and undefine the network."""


# --- secrets
class DefineSecret(Defining):
    """Define the secret, or define it anew: its value stays what it is."""


@dataclass(frozen=True)
class SetSecret(On):
    """Set the value of a secret; `value` is its token, `encoding` how that is written (`text`, `base64`).

    `xml`, where there is one, is defined afterwards: it notes which value a private secret has.
    """

    uuid: str
    value: str
    encoding: str
    xml: str = ""


@dataclass(frozen=True)
class DeleteSecret(On):
    """Undefine the secret, and with it its value."""

    uuid: str


# --- network filters
class DefineNwfilter(Defining):
    """Define the filter, or define it anew: running guests that use it have the new rules at once."""


class DeleteNwfilter(On):
    """Undefine the filter."""


# --- pools
class DefinePool(Defining):
    """Define the pool."""


class EditPool(Editing):
    """Redefine the persistent pool, edited in place."""


class StartPool(On):
    """Start the pool, building its target directory where it is missing."""


class DeletePool(On):
    """Stop and undefine; never virStoragePoolDelete, so its files stay."""


# --- images
@dataclass(frozen=True)
class PlaceImage(On):
    """Fetch the image where it is not in the cache yet, and upload it as the volume `volume` of `pool`.

    `identity` tells its content: when that has changed since the plan, the action fails.
    """

    pool: str
    volume: str
    identity: str


# --- volumes
@dataclass(frozen=True)
class CreateVolume(On):
    """Create the volume. `take_up` is true where the plan could not look into the pool
    (it is not running yet): a fitting volume found then is used with its data. `origin` is the
    volume, `pool/name`, that it is a full copy of. With `blank`, one with data in it is not taken up: an
    installer would write over it. `encrypted` it is, or not."""

    xml: str
    capacity: int
    format: str
    backing: str | None = None
    take_up: bool = False
    origin: str | None = None
    blank: bool = False
    encrypted: bool = False


@dataclass(frozen=True)
class PlaceSeed(On):
    """A volume with the files a guest reads on its first boot, as an ISO image.

    `data` is JSON text, by file name; secrets are in it as tokens.
    """

    data: str


class RemoveSeed(On):
    """Delete a volume that kvmspec made with PlaceSeed; nothing in it is the guest's."""


@dataclass(frozen=True)
class ResizeVolume(On):
    """Grow to `capacity` bytes; never shrinks."""

    capacity: int


class DeleteVolume(On):
    """Delete the volume and its data."""


# --- domains
class DefineDomain(Defining):
    """Define the domain, with its metadata."""


class EditDomain(Editing):
    """Redefine the persistent domain, edited in place."""


@dataclass(frozen=True)
class SetDomainMetadata(On):
    """Title, description, kvmspec's own element and libosinfo's id of the running domain.

    An empty string removes, None leaves alone.
    """

    title: str | None
    description: str | None
    metadata: str | None
    osinfo: str | None = None


@dataclass(frozen=True)
class SetVcpus(On):
    """vCPUs of the running domain."""

    count: int


@dataclass(frozen=True)
class SetMemory(On):
    """Balloon target of the running domain, in bytes."""

    size: int


@dataclass(frozen=True)
class AttachDevice(On):
    """Plug a device into the running domain, and write it into its definition, with the address that it
    got. `path` is its canonical path."""

    path: tuple[str, ...]
    xml: str


@dataclass(frozen=True)
class DetachDevice(On):
    """Take a device out of the definition, then ask the guest for it, again and again, for `timeout`
    seconds; a guest that does not let go of it makes the action fail."""

    path: tuple[str, ...]
    timeout: int


@dataclass(frozen=True)
class UpdateDevice(On):
    """virDomainUpdateDeviceFlags of a running domain's device, as the edits make it."""

    path: tuple[str, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Tune(On):
    """What a running domain may have of its host, by one of libvirt's functions, in its own words.

    at      which vCPU, I/O thread or disk it is about; "" for the domain
    values  pairs of a parameter and its value; sizes in bytes
    """

    call: Call
    at: str
    values: tuple[tuple[str, int | str], ...]


@dataclass(frozen=True)
class GrowDisk(On):
    """virDomainBlockResize of a running domain's disk, in bytes; never shrinks."""

    target: str
    capacity: int


class StartDomain(On):
    """Start the domain."""


@dataclass(frozen=True)
class WaitForGuest(Waiting):
    """Wait until a guest that was started can be used, for `timeout` seconds at the most.

    ip          it has an address
    agent       its guest agent answers
    ssh         an SSH server answers on port 22
    ports       TCP ports that take connections
    cloud_init  cloud-init has finished, without errors
    """

    ip: bool
    agent: bool
    ssh: bool
    ports: tuple[int, ...]
    cloud_init: bool


@dataclass(frozen=True)
class ShutdownDomain(On):
    """Ask the guest to shut down (agent, then ACPI, again and again) for `timeout` seconds.

    With `force_off` a guest that ignores it is powered off; else it is left running and the
    action fails.
    """

    timeout: int
    force_off: bool = False


class PowerOffDomain(On):
    """Power off a domain that is about to be deleted."""


@dataclass(frozen=True)
class RenameDomain(On):
    """address carries the old name."""

    new_name: str


class ReleaseDomain(On):
    """Remove kvmspec's metadata and nothing else."""


@dataclass(frozen=True)
class InstallDomain(On):
    """Start the domain once with an installer's ISO, otherwise than its definition says; one that is
    about to be is continued.

    iso         path on the host; it goes into the drive `target`
    image       the image of the manifest that it is, with its digest in `identity`; "" for none
    pool        where the installer's own kernel and initrd go, to be started directly with `cmdline`
                and the answers of `file`, in the pool's folder `folder`; "" to start from the CD
    unattended  whose answers they are: `preseed`, `kickstart`, `autoinstall`, or ""
    """

    iso: str
    target: str
    image: str = ""
    identity: str = ""
    pool: str = ""
    folder: str = ""
    unattended: str = ""
    file: str = ""
    cmdline: str = ""


class AwaitInstall(Waiting):
    """Wait until the installer has powered off, or wants to reboot."""


class AwaitAgent(Waiting):
    """Wait until the guest agent answers."""


@dataclass(frozen=True)
class FinishInstall(On):
    """Remove what only the installer needed, the volumes `pool/name`; with `record`, note in the domain
    that it is installed."""

    volumes: tuple[str, ...] = ()
    record: bool = True


class UndefineDomain(On):
    """Undefine a stopped domain with its NVRAM, TPM state and managed save; not its volumes."""


# --- every kind
@dataclass(frozen=True)
class SetAutostart(On):
    """Start it with the host, or no longer."""

    enabled: bool


SecretAction = DefineSecret | SetSecret | DeleteSecret
NwfilterAction = DefineNwfilter | DeleteNwfilter
NetworkAction = (
    DefineNetwork | EditNetwork | UpdateNetwork | StartNetwork | RestartNetwork | DeleteNetwork | SetAutostart
)
PoolAction = DefinePool | EditPool | StartPool | DeletePool | SetAutostart
ImageAction = PlaceImage
VolumeAction = CreateVolume | PlaceSeed | RemoveSeed | ResizeVolume | DeleteVolume
DomainAction = (
    DefineDomain
    | EditDomain
    | SetDomainMetadata
    | SetVcpus
    | SetMemory
    | AttachDevice
    | DetachDevice
    | UpdateDevice
    | Tune
    | GrowDisk
    | StartDomain
    | WaitForGuest
    | ShutdownDomain
    | PowerOffDomain
    | RenameDomain
    | ReleaseDomain
    | InstallDomain
    | AwaitInstall
    | AwaitAgent
    | FinishInstall
    | UndefineDomain
    | SetAutostart
)
Action = (
    SecretAction | NwfilterAction | NetworkAction | PoolAction | ImageAction | VolumeAction | DomainAction
)


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
        case "call":
            return Call(value)
        case "values":
            return tuple((key, item) for key, item in value)
        case "changes":
            return tuple(NetworkChange(**item) for item in value)
        case _:
            return tuple(value) if isinstance(value, list) else value
