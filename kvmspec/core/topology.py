"""What there is to draw: the objects of the hosts, and what refers to what."""

from __future__ import annotations

from dataclasses import dataclass

from kvmspec.core.address import Address
from kvmspec.core.plan import HostSummary, Plan


@dataclass(frozen=True, slots=True)
class Thing:
    """One object.

    about    a few words: `2 CPUs, 1GiB`
    entry    where it is written: `vms.web`, the same for all VMs of one `count`; empty for what is not
             in the manifest (any more)
    owner    the VM that a volume belongs to
    managed  False for what is only referred to
    """

    address: Address
    about: str = ""
    entry: str = ""
    owner: Address | None = None
    managed: bool = True


@dataclass(frozen=True, slots=True)
class Topology:
    """The things of the hosts in the order of hosts and kinds; each link from what refers to what it
    refers to. The plan is None where no host was asked."""

    project: str
    hosts: tuple[HostSummary, ...]
    things: tuple[Thing, ...]
    links: tuple[tuple[Address, Address], ...]
    plan: Plan | None = None
