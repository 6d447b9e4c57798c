"""A network filter as the manifest writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.filters import FilterSpec
from kvmspec.kinds.nwfilter.values import BadValue, known, normal
from kvmspec.kinds.parts import Uuid
from kvmspec.manifest.model import Model, Reference
from kvmspec.manifest.types import words

Protocol = Literal[
    "mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6", "tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "all",
    "esp", "ah", "udplite", "tcp-ipv6", "udp-ipv6", "sctp-ipv6", "all-ipv6", "esp-ipv6", "ah-ipv6",
    "udplite-ipv6",
]  # fmt: skip
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


class RuleSpec(Model):
    """What becomes of a packet. Rules are looked at in the order of their priorities."""

    examples: ClassVar[Sequence[Any]] = (
        {"action": "accept", "direction": "in", "protocol": "tcp", "match": {"dstportstart": 443}},
        {"action": "accept", "direction": "out", "protocol": "udp", "match": {"dstportstart": "$PORT"}},
        {"action": "drop", "direction": "out", "protocol": "mac", "except": {"srcmacaddr": "$MAC"}},
        {
            "action": "accept",
            "direction": "inout",
            "priority": 100,
            "protocol": "icmp",
            "match": {"state": "NEW", "comment": "ping"},
            "statematch": False,
        },
        {"action": "drop", "direction": "inout", "priority": 1000, "protocol": "all"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"action", "direction"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {"match": ("protocol",), "except": ("protocol",)}

    action: Literal["accept", "drop", "reject", "return", "continue"]
    """Lets the packet pass, drops it silently or with an answer (`reject`), goes back to the filter that led
    here (`return`), or on to the next rule (`continue`)."""
    direction: Literal["in", "out", "inout"]
    """Seen from the guest: what comes `in`, goes `out`, or both."""
    priority: int | None = Field(None, ge=-1000, le=1000, examples=[100])
    """When it is looked at: lower ones first; 500 when not given."""
    statematch: bool | None = None
    """`false` takes the connection's state out of the rule; libvirt adds it to rules on IP."""
    protocol: Protocol | None = None
    """What the packet is; every packet when not given. Those that end in `-ipv6`, and `icmpv6`, are of
    IPv6."""
    match: dict[str, str | int | bool] = Field(
        default_factory=dict, examples=[{"dstportstart": 80, "dstportend": 88}]
    )
    """What is to be true of it, in libvirt's words, such as srcmacaddr, srcipaddr, srcipmask, dstportstart,
    `connlimit_above`; a value may be a variable, such as $IP. `comment` says what the rule is for."""
    except_: dict[str, str | int | bool] = Field(
        default_factory=dict, alias="except", examples=[{"srcmacaddr": "$MAC"}]
    )
    """What must not be true of it, instead of `match`."""

    @model_validator(mode="after")
    def _known(self) -> RuleSpec:
        if self.match and self.except_:
            raise PydanticCustomError("except", "give either `match` or `except`")
        for name, value in (*self.match.items(), *self.except_.items()):
            self._check(name, value)
        return self

    def _check(self, name: str, value: Any) -> None:
        if self.protocol is None:
            raise PydanticCustomError("protocol", "`match` and `except` need `protocol`")
        if name not in known(self.protocol):
            names = ", ".join(sorted(known(self.protocol)))
            message = "a rule on {protocol} knows no `{name}`; it knows {names}"
            raise PydanticCustomError(
                "match", message, {"protocol": self.protocol, "name": name, "names": names}
            )
        try:
            normal(self.protocol, name, value)
        except BadValue as error:
            raise PydanticCustomError(
                "match", "`{name}`: expected {what}", {"name": name, "what": str(error)}
            ) from None


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
