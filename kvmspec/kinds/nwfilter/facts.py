"""A network filter in one form, be it the manifest's or libvirt's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, NamedTuple

from kvmspec.kinds.nwfilter.spec import NwfilterSpec, chain_priority
from kvmspec.kinds.nwfilter.values import PROTOCOLS, BadValue, known, normal

if TYPE_CHECKING:
    from kvmspec.kinds.nwfilter.rule_spec import RuleSpec

Pairs = tuple[tuple[str, str], ...]
PRIORITY = 500
"""Of a rule that states none."""


class Rule(NamedTuple):
    """One rule. `matches` tells whether a packet has to be like `match`, or unlike it."""

    action: str
    direction: str
    priority: int = PRIORITY
    statematch: bool = True
    protocol: str = ""
    matches: bool = True
    match: Pairs = ()

    def __str__(self) -> str:
        """`accept in tcp dstportstart=443`"""
        words = [self.action, self.direction, self.protocol]
        words += [] if self.matches or not self.match else ["except"]
        words += [f"{name}={value}" for name, value in self.match]
        words += [] if self.priority == PRIORITY else [f"at {self.priority}"]
        words += [] if self.statematch else ["without state"]
        return " ".join(filter(None, words))

    @property
    def attributes(self) -> Pairs:
        """`match` as libvirt spells it."""
        return tuple((name.replace("_", "-"), value) for name, value in self.match)


class Filter(NamedTuple):
    """A filter another one names, with its parameters."""

    name: str
    parameters: Pairs = ()

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.parameters)
        return f"{self.name} ({values})" if values else self.name


class Facts(NamedTuple):
    """A whole filter."""

    chain: str
    priority: int
    filters: tuple[Filter, ...]
    rules: tuple[Rule, ...]


def of_spec(spec: NwfilterSpec) -> Facts:
    """What the manifest says."""
    return Facts(
        spec.chain,
        chain_priority(spec.chain) if spec.priority is None else spec.priority,
        tuple(Filter(each.name, tuple(each.pairs)) for each in spec.filters),
        tuple(_of_rule(rule) for rule in spec.rules),
    )


def _of_rule(rule: RuleSpec) -> Rule:
    given, protocol = rule.match or rule.except_, rule.protocol or ""
    return Rule(
        rule.action,
        rule.direction,
        PRIORITY if rule.priority is None else rule.priority,
        rule.statematch is not False,
        protocol,
        not rule.except_,
        tuple(sorted((name, normal(protocol, name, value)) for name, value in given.items())),
    )


def read(xml: str) -> Facts:
    """What libvirt's XML says. Raises xml.etree.ElementTree.ParseError."""
    root = ET.fromstring(xml)
    chain = root.get("chain", "root")
    return Facts(
        chain,
        int(root.get("priority", chain_priority(chain))),
        tuple(_read_filter(node) for node in root.iterfind("filterref")),
        tuple(_read_rule(node) for node in root.iterfind("rule")),
    )


def _read_filter(node: ET.Element) -> Filter:
    parameters = [(each.get("name", ""), each.get("value", "")) for each in node.iterfind("parameter")]
    return Filter(node.get("filter", ""), tuple(sorted(parameters, key=lambda pair: pair[0])))


def _read_rule(node: ET.Element) -> Rule:
    inner = next((child for child in node if child.tag in PROTOCOLS), None)
    given = {} if inner is None else dict(inner.attrib)
    matches = given.pop("match", "yes") != "no"
    protocol = "" if inner is None else inner.tag
    return Rule(
        node.get("action", ""),
        node.get("direction", ""),
        int(node.get("priority", PRIORITY)),
        node.get("statematch", "true").lower() not in ("0", "false"),
        protocol,
        matches or not given,
        tuple(sorted(_pair(protocol, name.replace("-", "_"), value) for name, value in given.items())),
    )


def _pair(protocol: str, name: str, value: str) -> tuple[str, str]:
    """What is not known is kept as it is, so that it shows as a difference."""
    if name not in known(protocol):
        return name, value
    try:
        return name, normal(protocol, name, value)
    except BadValue:
        return name, value
