"""The plan as one HTML page: what it tells, and that nothing in it can be turned against its reader."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import lxml.html
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml.html import HtmlElement

from kvmspec.core.action import RestartNetwork, ShutdownDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem, Where
from kvmspec.report.html import page
from kvmspec.report.html.sides import marked, whole
from tests.unit.report import plans as p
from tests.unit.report.sites import CALM, HOSTILE, SITE, all_new, big


def parsed(plan: Plan) -> HtmlElement:
    return lxml.html.document_fromstring(page(plan))


def said(element: HtmlElement) -> str:
    """The text in it, without line breaks."""
    return " ".join(element.text_content().split())


def one(root: HtmlElement, selector: str) -> HtmlElement:
    (element,) = root.xpath(selector)
    return element


def row(root: HtmlElement, anchor: str) -> HtmlElement:
    return root.get_element_by_id(anchor)


def anchors(root: HtmlElement) -> list[str]:
    return [element.get("id") for element in root.xpath("//details[contains(@class, 'object ')]")]


# --- the headline
HEADLINES = {
    "all": (
        p.BIG,
        "4 to create, 1 to adopt, 3 to change, 2 to delete · 1 restart · data loss: 1 volume (10 GiB)",
    ),
    "nothing": (p.plan(p.SAME), "No changes. The hosts match the manifest."),
    "no object at all": (p.plan(), "No changes. The hosts match the manifest."),
    "a host that is down": (
        p.plan(p.LIVE, hosts=(p.HV1, p.HV2_DOWN)),
        "1 to change · 1 host not read",
    ),
    "nothing, and a host that is down": (
        p.plan(p.SAME, hosts=(p.HV1, p.HV2_DOWN)),
        "No changes on the hosts that could be read · 1 host not read",
    ),
    "no host": (p.plan(hosts=(p.HV2_DOWN,)), "No host could be read; nothing is planned."),
    "refused": (p.plan(p.REFUSED, refusals=(p.REFUSAL,)), "Refused"),
    "refused by an object alone": (p.plan(p.REFUSED), "Refused"),
}


@pytest.mark.parametrize(("plan", "headline"), HEADLINES.values(), ids=HEADLINES)
def test_it_says_in_one_line_what_happens(plan: Plan, headline: str) -> None:
    root = parsed(plan)
    assert said(one(root, "//h1")) == headline
    assert said(one(root, "/html/head/title")) == f"shop: {headline}"


# --- what a reviewer sees
def test_a_host_that_is_unknown_is_said_loudly() -> None:
    alert = one(parsed(p.plan(hosts=(p.HV1, p.HV2_DOWN))), "//section[contains(@class, 'e-unread')]")
    assert (
        said(alert)
        == "? hv2 could not be read, nothing is known of it no route to host What to do: is it up?"
    )


def test_hosts_with_their_uris_and_figures() -> None:
    first, second, third = parsed(SITE).xpath("//ul[@class='hosts']/li")
    assert said(first).startswith("hv1 qemu:///system ‼ 1 data loss ! 2 restart")
    assert "qemu+ssh://root@hv2.example/system" in said(second)
    assert said(third).endswith("? could not be read")


def test_permissions_granted_and_missing() -> None:
    root = parsed(SITE)
    assert [said(li) for li in root.xpath("//ul[@class='permissions']/li")] == [
        "✓ restart granted",
        "✓ delete granted",
        "× replace not granted",
        "× data-loss not granted",
    ]
    assert "--allow restart,delete,replace,data-loss" in page(SITE)
    assert "None needed." in said(one(parsed(CALM), "//section[@class='facts']"))


def test_refusals_with_place_and_hint_lead_to_their_object() -> None:
    alert = one(parsed(SITE), "//section[contains(@class, 'e-refused')]")
    assert "vm/legacy on hv2 exists already" in said(alert)
    assert "site/vms.yaml:41:3" in said(alert)
    assert "What to do: choose another name" in said(alert)
    assert alert.xpath(".//a/@href") == ["#hv2/vm/legacy"]


def test_warnings() -> None:
    warnings = one(parsed(SITE), "//section[@aria-labelledby='warnings']")
    assert "52:54:00:00:00:0a is used by db and db-copy" in said(warnings)


def dangers(root: HtmlElement) -> list[str]:
    return [said(li) for li in root.xpath("//li[contains(@class, 'danger ')]")]


def test_the_dangerous_come_first_with_reasons() -> None:
    found = dangers(parsed(SITE))
    assert [text.split("/")[-1].split()[0] for text in found] == [
        "old-ci",
        "scratch",
        "build-long-name-of-a-machine-that-does-not-fit-01",
        "retired",
        "front",
        "db",
    ]
    assert found[0] == (
        "‼ data loss hv1/vm/old-ci needs --allow data-loss its volumes are deleted: old-ci-root.qcow2 (10GiB)"
    )
    assert "10GiB of data is gone for good" in found[1]
    assert "running guests are reconnected: web-1, web-2, mail" in found[4]


def test_a_restart_says_whether_it_can_be_avoided() -> None:
    db = dangers(parsed(SITE))[-1]
    assert "cpus.mode host-model → host-passthrough the CPU model is fixed at boot (not avoidable)" in db
    assert "cpus.count 4 → 12 the guest booted with at most 8 Avoidable: up to 8 it goes live" in db
    assert "allowed by the manifest" in db
    assert "asked to shut down; after 120 s without success it is left running" in db


def test_many_dangers_are_folded() -> None:
    root = parsed(big(vms=1000))
    section = one(root, "//section[@aria-labelledby='first']")
    assert len(section.xpath("./ul/li")) == 12
    assert said(one(section, "./details/summary")) == "and 8 more"
    assert len(section.xpath("./details/ul/li")) == 8


def test_objects_a_host_and_worst_first() -> None:
    root = parsed(SITE)
    hv1 = one(root, "//section[@data-host='hv1']")
    impacts = [element.get("data-impact") for element in hv1.xpath("./details[contains(@class, 'object ')]")]
    assert impacts == [
        "data-loss", "restart", "restart", "live", "live", "change", *["create"] * 5, "adopt"
    ]  # fmt: skip
    assert len(anchors(root)) == len(SITE.differences)


def test_objects_that_need_nothing_are_counted_and_folded() -> None:
    root = parsed(CALM)
    quiet = one(root, "//details[@class='quiet']")
    assert said(one(quiet, "./summary")) == "· 12 as they should be"
    assert quiet.get("open") is None
    assert len(quiet.xpath("./details")) == 12


def test_a_field_before_and_after_side_by_side() -> None:
    (fields,) = row(parsed(p.plan(p.RESTART)), "hv1/vm/db").xpath(".//tbody/tr")
    assert [said(cell) for cell in fields] == [
        "cpus.mode",
        "host-model",
        "host-passthrough",
        "restart the CPU model is fixed at boot",
    ]
    assert [mark.text for mark in fields.xpath(".//del | .//ins")] == ["model", "passthrough"]


def test_an_absent_value() -> None:
    plan = p.plan(Difference(p.at("vm/a"), Verb.UPDATE, (p.change("title", None, "(none)"),)))
    before, after = row(parsed(plan), "hv1/vm/a").xpath(".//td")[:2]
    assert (said(before), before.xpath("./span/@class")) == ("(none)", ["none"])
    assert (said(after), after.xpath("./span")) == ('"(none)"', [])


def test_what_is_created_is_shown_whole() -> None:
    text = one(row(parsed(SITE), "hv1/vm/web-3"), ".//pre").text_content()
    assert text.splitlines()[:5] == [
        'description: "serves the shop"',
        "cpus:",
        "  count: 2",
        "  max: 4",
        "memory:",
    ]
    assert "disks:\n  - name: root\n    size: 20GiB\n    cache: none\n  - name: logs\n" in text


def test_what_is_deleted_is_shown_as_it_was() -> None:
    old = row(parsed(SITE), "hv1/vm/old-ci")
    assert said(one(old, ".//figure")) == "Before state: running volumes: vms/old-ci-root.qcow2: 10GiB"
    assert "Steps 11 power off, 12 delete volume old-ci-root.qcow2, 13 undefine" in said(old)


def test_drift_pending_restarts_and_what_is_not_ours() -> None:
    root = parsed(SITE)
    remarks = said(one(root, "//section[@aria-labelledby='remarks']"))
    assert "Drift: changed outside kvmspec 1 hv1/vm/web-2 memory.size 1GiB → 2GiB" in remarks
    assert "hv1/vm/db memory.max 8GiB → 16GiB hv2/vm/monitor cpus.count 2 → 4" in remarks
    assert "hv1/vm/web-1 has a USB device the manifest does not name; it stays" in remarks
    tags = {
        row(root, a).get("id"): row(root, a).xpath("./summary//span[@class='tag']/text()")
        for a in anchors(root)
    }
    assert tags["hv1/vm/db"] == ["restart pending"]
    assert tags["hv1/vm/web-2"] == ["drift"]
    assert tags["hv1/vm/web-1"] == ["not ours"]


def test_what_an_object_uses_and_who_uses_it() -> None:
    root = parsed(SITE)
    assert "Used by vm/batch, vm/db, vm/mail, vm/web-1, vm/web-2, vm/web-3" in said(
        row(root, "hv1/network/front")
    )
    mail = row(root, "hv1/vm/mail")
    assert mail.xpath(".//span[@class='outside']/text()") == ["volume/images/mail.qcow2"]
    many = row(parsed(all_new(vms=30)), "hv1/network/front")
    assert said(many).endswith("vm/app-0011 and 18 more")


def test_the_steps_in_order() -> None:
    steps = parsed(SITE).xpath("//ol[@class='steps']/li")
    assert len(steps) == len(SITE.steps)
    assert said(steps[7]) == "8 hv1/vm/db start after 7"


def test_filters_have_what_there_is() -> None:
    root = parsed(SITE)
    values = {
        group.get("data-filter"): group.xpath("./button/@value")
        for group in root.xpath("//div[@class='filter']")
    }
    assert values == {
        "impact": [
            "refused", "data-loss", "replace", "delete", "restart", "live", "change", "create", "adopt", "no-op"
        ],
        "host": ["hv1", "hv2", "hv3"],
        "kind": ["network", "pool", "vm", "volume"],
    }  # fmt: skip
    assert [group.get("data-filter") for group in parsed(CALM).xpath("//div[@class='filter']")] == ["kind"]


def test_every_link_leads_somewhere() -> None:
    for plan in (SITE, CALM, p.BIG, big(60), all_new(60)):
        root = parsed(plan)
        ids = root.xpath("//@id")
        assert len(ids) == len(set(ids))
        targets = {href[1:] for href in root.xpath("//@href") if not href.startswith("#?")}
        assert targets <= set(ids)


def test_objects_whose_names_look_the_same_have_links_of_their_own() -> None:
    twins = [Difference(p.at(f"vm/kvmspec-secret-{digit * 16}"), Verb.ADOPT) for digit in "ab"]
    assert anchors(parsed(p.plan(*twins))) == ["hv1/vm/%28secret%29", "hv1/vm/%28secret%29~2"]


def test_few_changes_are_unfolded_many_are_not() -> None:
    assert row(parsed(p.plan(p.LIVE)), "hv1/vm/web-1").get("open") is not None
    assert row(parsed(big(200)), "hv0/vm/app-0020").get("open") is None


# --- it is one page, and always the same
@pytest.mark.parametrize("plan", [SITE, CALM, p.BIG, p.plan()], ids=["site", "calm", "big", "empty"])
def test_the_same_plan_gives_the_same_page(plan: Plan) -> None:
    assert page(plan) == page(replace(plan))


FETCHING = (
    "src",
    "srcset",
    "action",
    "formaction",
    "poster",
    "data",
    "background",
    "cite",
    "ping",
    "{xlink}href",
)


@pytest.mark.parametrize("plan", [SITE, big(120)], ids=["site", "big"])
def test_nothing_is_fetched(plan: Plan) -> None:
    text, root = page(plan), parsed(plan)
    assert not root.xpath(
        "//link | //iframe | //object | //embed | //img | //base | //meta[@http-equiv='refresh']"
    )
    for element in root.iter():
        assert not set(element.attrib) & set(FETCHING), lxml.html.tostring(element)[:200]
        assert element.get("href", "#").startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    assert not re.search(r"https?://", text)


def test_only_our_own_script_and_styles_count() -> None:
    root = parsed(SITE)
    policy = one(root, "//meta[@http-equiv='Content-Security-Policy']/@content")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        digest = hashlib.sha256(one(root, f"//{tag}").text.encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    handlers = [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert not handlers, "the policy would not let them run"
    assert not root.xpath("//@style"), "nor these have an effect"


# --- secrets
def test_secrets_never_appear() -> None:
    hidden = p.change("graphics.vnc.password", "hunter1", "hunter2", Impact.RESTART, sensitive=True)
    objects = {"graphics": [{"type": "vnc", "password": "hunter1"}], "copy": "hunter2", "token": p.TOKEN}
    text = page(
        replace(
            p.plan(
                Difference(
                    p.at("vm/a"), Verb.UPDATE, (hidden,), before=objects, after=objects, label=p.TOKEN
                ),
                Difference(p.at(f"vm/{p.TOKEN}"), Verb.CREATE, after={p.TOKEN: [p.TOKEN]}, notes=(p.TOKEN,)),
                p.SECRET,
            ),
            project=p.TOKEN,
            steps=(Step(1, ShutdownDomain(p.at("vm/a"), 5), text=p.TOKEN),),
            links=((p.at("vm/a"), p.at(f"network/{p.TOKEN}")),),
        )
    )
    assert "kvmspec-secret-" not in text
    assert "hunter" not in text
    assert "(secret)" in text


COVERED = {
    "by its path": ("a.b", {"a": {"b": 1, "c": 2}}, ["a:", "  b: (secret)", "  c: 2"]),
    "a key with a dot": (
        "dhcp.range.end",
        {"dhcp.range": {"end": 1}, "mode": "nat"},
        ["dhcp.range:", "  end: (secret)", "mode: nat"],
    ),
    "a list": ("nics[front].key", {"nics": [{"key": 1}]}, ["nics: (secret)"]),
    "where the path gets lost": ("a.x.y", {"a": {"z": 1}}, ["a: (secret)"]),
    "elsewhere, by its value": ("p", {"q": ["s3cret"]}, ["q: [(secret)]"]),
    "all of it": ("", {"a": 1}, ["(secret)"]),
    "nothing of others": ("p", {"px": 1}, ["px: 1"]),
}


@pytest.mark.parametrize(("path", "data", "lines"), COVERED.values(), ids=COVERED)
def test_sensitive_parts_of_a_whole_object(path: str, data: object, lines: list[str]) -> None:
    change = FieldChange(path, "s3cret", "other", Impact.LIVE, sensitive=True)
    before, after = whole(Difference(p.at("vm/a"), Verb.UPDATE, (change,), before=data, after=None))
    assert list(before) == lines
    assert after == ()


@pytest.mark.parametrize(
    "before", [{"memory.size": "1GiB"}, {"memory": {"size": "1GiB"}}], ids=["flat", "nested"]
)
def test_what_the_fields_say_is_not_said_twice(before: object) -> None:
    change = FieldChange("memory.size", "1GiB", "2GiB", Impact.LIVE)
    item = Difference(p.at("vm/a"), Verb.UPDATE, (change,), before=before, after={"memory.size": "2GiB"})
    assert whole(item) == ((), ())
    assert whole(replace(item, after={"memory.size": "2GiB", "title": "x"}))[1] == (
        "memory.size: 2GiB",
        "title: x",
    )


@given(st.text(), st.text())
def test_marks_take_nothing_away(before: str, after: str) -> None:
    one_side, other = marked(p.change("a", before + "=", after + "="))
    plain = [marked(p.change("a", text, None))[0] for text in (before + "=", after + "=")]
    assert ["".join(one_side), "".join(other)] == ["".join(parts) for parts in plain]


# --- hostile text
NASTY = (
    "<script>alert(1)</script>", "</script>", "</style>", "<!--", "-->", "]]>", "<svg/onload=x>", "\"'`", "&amp;&lt",
    "' onclick='x", '" onfocus="x', "</title>", "</pre>", "{{ 7*7 }}", "{% x %}", "|", "\u202e", "\u2066", "\x00",
    "\x1b[31m", "\n", "\r", "\t", "\ud800", "javascript:x", "#", "%", "/", "=", " ", "é", "漢",
)  # fmt: skip
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=4), max_size=6).map(
    lambda parts: f"x{''.join(parts)}x"
)


def everywhere(text: str) -> Plan:
    """A plan with `text` in every place that comes from a manifest or a host."""
    host = f"h{text}"
    vm, other, network = (
        Address(host, "vm", f"a{text}"), Address(host, f"k{text}", f"b{text}"), Address(host, "network", f"n{text}")
    )  # fmt: skip
    problem = Problem(f"m{text}", Where(f"f{text}", 1, 2, text), f"p{text}", f"h{text}")
    field = FieldChange(f"p{text}", text, text, Impact.RESTART, text, avoid=text, drift=True)
    whole_object = {f"k{text}": {text: [text, {text: text}]}, "size": text}
    return Plan(
        project=text,
        created_at=text,
        hosts=(HostSummary(host, text), HostSummary(f"down{text}", text, text, text)),
        differences=(
            Difference(
                vm,
                Verb.UPDATE,
                (field,),
                (field,),
                (text,),
                (text,),
                before=whole_object,
                after={},
                label=text,
            ),
            Difference(other, Verb.NO_OP, refusals=(problem,)),
            Difference(network, Verb.CREATE, after=whole_object, label=text, notes=(text,)),
        ),
        steps=(
            Step(1, ShutdownDomain(vm, 1), text=text),
            Step(2, RestartNetwork(network, (text,)), frozenset({1}), text, vm),
        ),
        required=frozenset(Permission),
        refusals=(problem,),
        warnings=(problem,),
        links=((vm, network), (vm, Address(host, "volume", f"v/{text}")), (other, vm)),
    )


def skeleton(root: HtmlElement) -> list[tuple[str, list[str]]]:
    """Every element of the page with its attributes' names; what is marked as changed left out."""
    return [(e.tag, sorted(e.attrib)) for e in root.iter() if e.tag not in ("del", "ins")]


PLAIN = skeleton(parsed(everywhere("xx")))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts)
def test_no_text_makes_an_element_or_an_attribute(text: str) -> None:
    html = page(everywhere(text))
    html.encode()
    assert skeleton(lxml.html.document_fromstring(html)) == PLAIN
    assert {char for char in html if not char.isprintable()} <= {"\n"}


def test_hostile_text_can_be_read() -> None:
    html = page(everywhere(HOSTILE))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script>alert" not in html
    assert "\\u202e" in html


# --- big plans
def test_the_page_of_a_thousand_vms_stays_small() -> None:
    text = page(big(vms=1000))
    assert text.count('<details class="object ') == 2024
    assert len(text) < 2_000_000
    assert len(lxml.html.document_fromstring(text).xpath("//*[contains(@class, 'node ')]")) < 300
