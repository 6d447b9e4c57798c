"""A network filter of a host → what a manifest says of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from kvmspec.kinds.nwfilter.facts import PRIORITY, Filter, Rule, read
from kvmspec.kinds.nwfilter.spec import chain_priority

Data = dict[str, Any]


def import_nwfilter(xml: str) -> tuple[str, Data]:
    """Name and entry of the filter of `virsh nwfilter-dumpxml`. Raises xml.etree.ElementTree.ParseError."""
    root, facts = ET.fromstring(xml), read(xml)
    entry: Data = {}
    if facts.chain != "root":
        entry["chain"] = facts.chain
    if facts.priority != chain_priority(facts.chain):
        entry["priority"] = facts.priority
    if facts.filters:
        entry["filters"] = [_filter(each) for each in facts.filters]
    if facts.rules:
        entry["rules"] = [_rule(each) for each in facts.rules]
    if uuid := root.findtext("uuid"):
        entry["uuid"] = uuid
    return root.get("name", ""), entry


def _filter(each: Filter) -> Any:
    if not each.parameters:
        return each.name
    values: dict[str, list[str]] = {}
    for name, value in each.parameters:
        values.setdefault(name, []).append(value)
    short = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
    return {"name": each.name, "parameters": short}


def _rule(rule: Rule) -> Data:
    found: Data = {"action": rule.action, "direction": rule.direction}
    if rule.priority != PRIORITY:
        found["priority"] = rule.priority
    if not rule.statematch:
        found["statematch"] = False
    if rule.protocol:
        found["protocol"] = rule.protocol
    if rule.match:
        found["match" if rule.matches else "except"] = {name: _plain(value) for name, value in rule.match}
    return found


def _plain(value: str) -> Any:
    """Numbers as such; a dollar that is not followed by a brace means itself."""
    return int(value) if value.isdigit() else value.replace("${", "$${")
