"""Network filters: what they may say, and what differs."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.canon import rng
from kvmspec.core.change import Difference, Verb
from kvmspec.core.observed import HostFacts, HostView, Observed
from kvmspec.kinds.nwfilter import KIND
from kvmspec.kinds.nwfilter.facts import of_spec, read
from kvmspec.kinds.nwfilter.importing import import_nwfilter
from kvmspec.kinds.nwfilter.rule_spec import Protocol
from kvmspec.kinds.nwfilter.spec import NwfilterSpec
from kvmspec.kinds.nwfilter.values import PROTOCOLS, BadValue, normal
from kvmspec.kinds.ownership import derived_uuid
from tests.unit.kinds.network.making import FOREIGN, PROJECT, context, domain, manifest, view

OURS = derived_uuid(PROJECT, "nwfilter", "web")
WEB: dict[str, Any] = {
    "filters": [{"name": "clean-traffic", "parameters": {"IP": "10.0.0.1"}}],
    "rules": [
        {"action": "accept", "direction": "in", "protocol": "tcp", "match": {"dstportstart": "0x50"}},
        {"action": "drop", "direction": "out", "protocol": "mac", "except": {"srcmacaddr": "$MAC"}},
        {"action": "drop", "direction": "inout", "priority": 1000},
    ],
}
LIVE = """<filter name='{name}' chain='root'>
  <uuid>{uuid}</uuid>
  <rule action='accept' direction='in' priority='500'>
    <tcp dstportstart='80'/>
  </rule>
  <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/></filterref>
  <rule action='drop' direction='out' priority='500'><mac match='no' srcmacaddr='$MAC'/></rule>
  <rule action='drop' direction='inout' priority='1000'/>
</filter>"""
NAMED = "<filter name='{name}' chain='root'><uuid>{uuid}</uuid><filterref filter='{to}'/></filter>"
CLEAN = Observed("nwfilter", "clean-traffic", "22222222-2222-4333-8444-555555555555", "")


def live(name: str = "web", uuid: str = OURS) -> Observed:
    return Observed("nwfilter", name, uuid, LIVE.format(name=name, uuid=uuid))


def seen(*objects: Any) -> HostView:
    return replace(view(CLEAN, *objects), facts=HostFacts())


def diff(spec: dict[str, Any], *objects: Any) -> Difference:
    about = context(manifest(nwfilters={"web": spec}))
    (desired,) = about.desired.values()
    return KIND.diff(desired, seen(*objects), about)


def rule(**fields: Any) -> dict[str, Any]:
    return {"rules": [{"action": "drop", "direction": "in", **fields}]}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "chain": ({"chain": "forward"}, "expected `root`"),
    "priority": ({"priority": 1001}, "1000"),
    "action": ({"rules": [{"action": "log", "direction": "in"}]}, "'accept'"),
    "protocol": (rule(protocol="gre"), "'mac'"),
    "match of nothing": (rule(match={"srcipaddr": "1.2.3.4"}), "need `protocol`"),
    "both": (rule(protocol="ip", match={"dscp": 1}, **{"except": {"dscp": 2}}), "either"),
    "unknown name": (rule(protocol="all", match={"dstportstart": 80}), "a rule on all knows no"),
    "port": (rule(protocol="tcp", match={"dstportstart": 70000}), "up to 65535"),
    "address": (rule(protocol="ip", match={"srcipaddr": "10.0.0"}), "an IP address"),
    "mask": (rule(protocol="ip", match={"srcipmask": "255.0.255.0"}), "a prefix such as"),
    "flags": (rule(protocol="tcp", match={"flags": "SYN"}), "SYN/SYN,ACK"),
    "state": (rule(protocol="tcp", match={"state": "OPEN"}), "ESTABLISHED"),
    "variable": (rule(protocol="ip", match={"srcipaddr": "$a-b"}), "$IP[@1]"),
    "parameter": ({"filters": [{"name": "a", "parameters": {"I-P": "x"}}]}, "a filter's parameter"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    data, words = WRONG[case]
    with pytest.raises(ValidationError, match=words.replace("$", r"\$").replace("[", r"\[")):
        NwfilterSpec.model_validate(data)


VALUES = [
    ("mac", "protocolid", "0x0800", "ipv4"),
    ("mac", "protocolid", 4660, "4660"),
    ("mac", "srcmacaddr", "a:b:C:d:e:0", "0a:0b:0c:0d:0e:00"),
    ("arp", "opcode", "reply", "Reply"),
    ("arp", "opcode", "0x2", "Reply"),
    ("arp", "gratuitous", True, "true"),
    ("tcp", "state", "ESTABLISHED,NEW", "NEW,ESTABLISHED"),
    ("tcp", "flags", "SYN/ACK,SYN,FIN", "SYN/FIN,SYN,ACK"),
    ("ip", "srcipmask", "255.255.255.0", "24"),
    ("ip", "srcipaddr", "01.2.3.4", "1.2.3.4"),
    ("ipv6", "srcipaddr", "fe80:0::0", "fe80::"),
    ("ipv6", "srcipmask", "ffff::", "16"),
    ("ip", "protocol", 6, "tcp"),
    ("all", "ipsetflags", "SRC,dst", "src,dst"),
    ("tcp", "dstportstart", "$PORT[@2]", "$PORT[@2]"),
]
"""As libvirt 9.0 gives them back."""


@pytest.mark.parametrize(("protocol", "name", "value", "kept"), VALUES)
def test_values_in_one_form(protocol: str, name: str, value: Any, kept: str) -> None:
    assert normal(protocol, name, value) == kept
    assert normal(protocol, name, kept) == kept


@given(st.sampled_from(PROTOCOLS), st.text(max_size=20))
def test_any_text_is_a_value_or_said_to_be_none(protocol: str, text: str) -> None:
    for name in ("srcmacaddr", "comment"):
        try:
            assert normal(protocol, name, normal(protocol, name, text))
        except BadValue as error:
            assert str(error)
        except AssertionError:
            assert not text


def test_the_table_knows_every_protocol() -> None:
    assert set(PROTOCOLS) == set(get_args(Protocol))


@pytest.mark.parametrize("example", [*NwfilterSpec.examples, WEB], ids=str)
def test_rendered_as_libvirts_schema_wants_and_read_again(example: dict[str, Any]) -> None:
    about = context(manifest(nwfilters={"web": example}))
    (desired,) = about.desired.values()
    xml = KIND.render(desired, about)
    assert rng.errors(xml) == []
    assert read(xml) == of_spec(desired.spec)


def test_a_filter_that_leads_to_itself() -> None:
    (first, second) = KIND.section.check(
        manifest(nwfilters={"a": {"filters": ["b"]}, "b": {"filters": ["a"]}, "c": {"filters": ["a"]}})
    )
    assert first.path == ("nwfilters", "a", "filters")
    assert "a > b > a" in first.message
    assert "b > a > b" in second.message


def test_created() -> None:
    found = diff(WEB)
    assert found.verb is Verb.CREATE
    assert [type(action).__name__ for action, _ in found.detail] == ["DefineNwfilter"]


def test_a_filter_that_is_nowhere() -> None:
    (problem,) = diff({"filters": ["clean-traffic", "lost"]}).invalid
    assert problem.path == "nwfilters.web.filters[1]"


def test_nothing_to_do_whatever_the_order_of_rules_and_filters() -> None:
    assert diff(WEB, live()).verb is Verb.NO_OP


def test_changes_at_once() -> None:
    found = diff({**WEB, "chain": "ipv4", "rules": WEB["rules"][1:]}, live())
    assert [(change.path, change.before, change.after) for change in found.changes] == [
        ("chain", "root", "ipv4"),
        ("priority", 0, -700),
        ("rules", "accept in tcp dstportstart=80", None),
    ]
    ((action, _),) = found.detail
    assert OURS in action.xml


def test_order_of_rules_counts() -> None:
    found = diff({**WEB, "rules": WEB["rules"][::-1]}, live())
    assert [(change.path, change.reason) for change in found.changes] == [("rules", "their order")]


def test_adoption_compares_what_is_stated() -> None:
    there = live(uuid=FOREIGN)
    assert diff({"uuid": FOREIGN}, there).verb is Verb.NO_OP
    found = diff({"uuid": FOREIGN, "rules": WEB["rules"][:1]}, there)
    ((action, _),) = found.detail
    assert read(action.xml) == read(there.xml)._replace(rules=read(there.xml).rules[:1])
    assert diff(WEB, there).refusals


def leftovers(*objects: Any) -> list[Difference]:
    return KIND.leftovers(seen(*objects), context(manifest(nwfilters={"other": {}})))


def test_deleted_when_it_is_not_declared_any_more() -> None:
    (found,) = leftovers(live())
    assert [type(action).__name__ for action, _ in found.detail] == ["DeleteNwfilter"]
    assert not found.refusals


def test_not_deleted_while_somebody_uses_it() -> None:
    nic = "<interface type='bridge'><filterref filter='web'/></interface>"
    (found,) = leftovers(live(), domain("theirs", nic, ours=False, running=False))
    assert "vm/theirs" in found.refusals[0].message
    other = Observed("nwfilter", "x", FOREIGN, NAMED.format(name="x", uuid=FOREIGN, to="web"))
    (found,) = leftovers(live(), other)
    assert "nwfilter/x" in found.refusals[0].message


def test_deleted_together_with_what_names_it() -> None:
    uuid = derived_uuid(PROJECT, "nwfilter", "both")
    both = Observed("nwfilter", "both", uuid, NAMED.format(name="both", uuid=uuid, to="web"))
    assert [found.refusals for found in leftovers(live(), both)] == [(), ()]


def test_imported_and_said_again() -> None:
    name, entry = import_nwfilter(live().xml)
    assert (name, entry.pop("uuid")) == ("web", OURS)
    assert of_spec(NwfilterSpec.model_validate(entry)) == read(live().xml)
    assert entry["rules"][0] == {
        "action": "accept",
        "direction": "in",
        "protocol": "tcp",
        "match": {"dstportstart": 80},
    }
