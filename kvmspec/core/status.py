"""What `status` shows of a VM, and what `render` yields of an object."""

from __future__ import annotations

from dataclasses import dataclass

from kvmspec.core.address import Address
from kvmspec.core.guest import GuestAddress


@dataclass(frozen=True)
class VmStatus:
    """One row of `kvmspec status`.

    wanted and actual are states (`running`, `stopped`, `absent`, `unknown` …); addresses the
    guest's IP addresses, each with who says so; pending and drift manifest paths; note a sentence,
    such as why the host is unknown.
    """

    address: Address
    wanted: str
    actual: str
    addresses: tuple[GuestAddress, ...]
    pending: tuple[str, ...]
    drift: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Rendered:
    """The XML of one object, as it would be handed to libvirt, secrets as tokens."""

    kind: str
    name: str
    xml: str
