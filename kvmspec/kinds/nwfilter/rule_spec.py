"""A rule of a network filter as the manifest writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.nwfilter.values import BadValue, known, normal
from kvmspec.manifest.model import Model

Protocol = Literal[
    "mac", "vlan", "stp", "arp", "rarp", "ip", "ipv6", "tcp", "udp", "sctp", "icmp", "icmpv6", "igmp", "all",
    "esp", "ah", "udplite", "tcp-ipv6", "udp-ipv6", "sctp-ipv6", "all-ipv6", "esp-ipv6", "ah-ipv6",
    "udplite-ipv6",
]  # fmt: skip


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
