"""A network filter as the manifest writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import words

if TYPE_CHECKING:
    from kvmspec.kinds.filters import FilterSpec
    from kvmspec.kinds.nwfilter.rule_spec import RuleSpec
else:
    FilterSpec = deferred("kvmspec.kinds.filters", "FilterSpec")
    RuleSpec = deferred("kvmspec.kinds.nwfilter.rule_spec", "RuleSpec")

_CHAIN = re.compile(r"root|(?:mac|stp|arp)[\w.:-]{0,9}|(?:vlan|rarp|ipv4|ipv6)[\w.:-]{0,8}", re.ASCII)
PRIORITIES: Mapping[str, int] = {
    "root": 0, "stp": -810, "mac": -800, "vlan": -750, "ipv4": -700, "ipv6": -600, "arp": -500, "rarp": -400,
}  # fmt: skip
"""Of a chain that states none, by what its name begins with (virNWFilterChainPriority)."""


def _chain(value: Any) -> Any:
    if isinstance(value, str) and _CHAIN.fullmatch(value):
        return value
    raise PydanticCustomError(
        "chain",
        "expected `root`, or a name of at most 12 characters that begins with mac, vlan, stp, arp, rarp, "
        "ipv4 or ipv6",
    )


def chain_priority(chain: str) -> int:
    """The priority of a chain that states none."""
    return next(
        (PRIORITIES[name] for name in sorted(PRIORITIES, key=len, reverse=True) if chain.startswith(name)), 0
    )


class NwfilterSpec(Model):
    """Rules for what interfaces may send and receive; NICs name it as their `filter`."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "filters": ["clean-traffic"],
            "rules": [
                {"action": "accept", "direction": "in", "protocol": "tcp", "match": {"dstportstart": 443}},
                {"action": "drop", "direction": "in", "priority": 1000, "protocol": "all"},
            ],
        },
        {"chain": "ipv4-shop", "priority": -650, "rules": [{"action": "drop", "direction": "in"}]},
    )

    chain: Annotated[
        str,
        BeforeValidator(_chain),
        words({"type": "string", "examples": ["root", "ipv4-shop"]}, "chain", "a chain of network filters"),
    ] = "root"
    """Where its rules stand: `root`, or a chain of their own, whose name begins with the protocol that is led
    into it."""
    priority: int | None = Field(None, ge=-1000, le=1000, examples=[-650])
    """When the chain is looked at: lower ones first. By its name when not given."""
    filters: tuple[FilterSpec, ...] = ()
    """Other filters whose rules it has, too: of the manifest, or of the host (`virsh nwfilter-list`)."""
    rules: tuple[RuleSpec, ...] = ()
    """Its own rules."""
    uuid: Uuid | None = None
    """Adopts the existing filter of this UUID; only stated fields are then compared."""

    def references(self) -> Sequence[Reference]:
        """The filters it names."""
        return [("nwfilter", each.name) for each in self.filters]
