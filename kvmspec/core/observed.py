"""What libvirt says is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Observed:
    """One live object, as libvirt describes it.

    xml         the persistent definition (inactive; for domains with SECURE)
    active_xml  the running one, where it runs and was asked for
    state       `running`, `stopped`, `paused`, `crashed`, …; pools and networks: running | stopped
    snapshots   XML of its snapshots, where it has any; checkpoints: likewise
    jobs        (target, kind) of the block jobs that run on its disks, where it was asked for them: its XML
                shows only copies and commits of the active layer (`kinds.holds` reads those)
    persistent  false for a transient object, which can only be foreign
    ended       how the last run of a stopped domain that was being installed ended: `shutdown`, `destroyed`,
                `crashed`, …; "" where libvirt does not know any more
    saved_xml   of a domain with a managed save: the configuration it will run with when it is started
    """

    kind: str
    name: str
    uuid: str
    xml: str
    state: str = "stopped"
    autostart: bool = False
    persistent: bool = True
    active_xml: str | None = None
    managed_save: bool = False
    snapshots: tuple[str, ...] = ()
    ended: str = ""
    checkpoints: tuple[str, ...] = ()
    jobs: tuple[tuple[str, str], ...] = ()
    saved_xml: str | None = None

    @property
    def running(self) -> bool:
        return self.state not in ("stopped", "crashed")


@dataclass(frozen=True, slots=True)
class ObservedVolume:
    """A storage volume. capacity is in bytes, `backing` the path it overlays; allocation, the bytes it
    takes on the host, changes with all that a guest writes and makes no two volumes differ.

    `format` is libvirt's word: `qcow2`, `raw`, `iso` …
    """

    pool: str
    name: str
    path: str
    capacity: int
    format: str = ""
    backing: str | None = None
    allocation: int = field(default=0, compare=False)
    encrypted: bool = False

    @property
    def has_data(self) -> bool:
        """Whether something was written into it; a qcow2 file that is just made takes some 200 KiB."""
        return self.allocation >= 1 << 20


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What creating a VM depends on."""

    arch: str = "x86_64"
    kvm: bool = False
    driver: str = "QEMU"

    @property
    def hotplugs(self) -> bool:
        """Whether devices of a running domain can be changed; libvirt's own test driver cannot do that."""
        return self.driver != "TEST"


class ObservedImage(NamedTuple):
    """What is known of an image of the manifest.

    identity  digest that tells its content from others; "" where nobody has looked yet
    format    `qcow2`, `raw` or `iso`; "" where no disk is to be made from it now
    capacity  bytes a guest sees; 0 where that is known only after the download
    download  bytes that are still to be fetched
    problem   why it cannot be had, where it is not known whether it is needed
    """

    identity: str = ""
    format: str = ""
    capacity: int = 0
    download: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HostView:
    """One look at one host: a listing a kind. Maps are keyed by name; volumes by `pool/name`.

    A host that could not be read has `unknown` set and is never treated as empty.
    `pools_read` are the pools whose volumes are in `volumes` (running ones). `unfinished` are volumes
    into which an upload was cut off; `images` what is known of the manifest's images, by name. `beyond` are
    the volumes of all other running pools, read only where a volume is to be deleted: one may rest on it.
    Secrets of the project are called as in the manifest, others by their UUID; see kinds.secrets for their
    `state`. Of network filters that no project has on the host the XML is empty.
    """

    host: str
    uri: str
    unknown: str = ""
    hint: str = ""
    facts: HostFacts = field(default_factory=HostFacts)
    networks: Mapping[str, Observed] = field(default_factory=dict)
    pools: Mapping[str, Observed] = field(default_factory=dict)
    volumes: Mapping[str, ObservedVolume] = field(default_factory=dict)
    domains: Mapping[str, Observed] = field(default_factory=dict)
    pools_read: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    images: Mapping[str, ObservedImage] = field(default_factory=dict)
    beyond: Mapping[str, ObservedVolume] = field(default_factory=dict)
    secrets: Mapping[str, Observed] = field(default_factory=dict)
    nwfilters: Mapping[str, Observed] = field(default_factory=dict)
