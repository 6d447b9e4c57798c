"""What the manifest wants of one object on one host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kvmspec.core.address import Address


@dataclass(frozen=True, slots=True)
class Desired:
    """One object as the manifest wants it.

    spec   the kind's validated model
    path   where it is written in the manifest, e.g. ("vms", "web")
    needs  objects of the same manifest that must be there before it (or, deleted, after it)
    owner  the VM an inline volume belongs to
    extra  what the kind itself needs besides
    at_once  how many of those with the same path may be restarted at once; 0 for what never is
    """

    address: Address
    spec: Any
    path: tuple[str | int, ...] = ()
    needs: tuple[Address, ...] = ()
    owner: Address | None = None
    extra: Any = field(default=None, compare=False)
    at_once: int = 0
