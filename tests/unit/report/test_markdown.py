"""A plan as a comment on a pull request: what it says, in which order, and what goes when it is too long."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvmspec.core.action import DeleteVolume, ShutdownDomain
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem
from kvmspec.report.markdown import SMALLEST, markdown
from tests.unit.report import plans as p
from tests.unit.report.rendered import Page, github, rows

GITHUB = 65_535
HV2 = HostSummary("hv2", "qemu+ssh://root@hv2/system")
REPLACE = Difference(
    p.at("vm/pc"), Verb.UPDATE, (p.change("machine", "q35", "pc", Impact.REPLACE, "another family"),)
)


def headline(plan: Plan) -> str:
    return next(line for line in markdown(plan).splitlines() if line.startswith("## "))


def objects(text: str) -> list[str]:
    """The second cell of each row of the tables of objects, in order."""
    return re.findall(r"^\| `.`\u00a0\w+ \| `([^`]*)` \|", text, re.MULTILINE)


def many(number: int, impact: Impact, text: str = "", first: int = 0) -> list[Difference]:
    return [
        Difference(
            p.at(f"vm/{impact.label}-{name}"),
            Verb.UPDATE,
            (
                p.change("memory.size", "1GiB", "2GiB", impact, "a reason"),
                p.change("title", "a" + text, f"b{name}"),
            ),
        )
        for name in range(first, first + number)
    ]


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        (p.plan(p.SAME), "No changes"),
        (p.plan(p.CREATE_VM), "1 to create"),
        (
            p.BIG,
            "4 to create, 1 to adopt, 3 to change, 2 to delete · 1 restart · data loss: 1 volume (10 GiB)",
        ),
        (p.plan(REPLACE), "1 to change · 1 replacement"),
        (p.plan(p.REFUSED, refusals=(p.REFUSAL,)), "refused"),
        (p.plan(p.SAME, hosts=(p.HV1, p.HV2_DOWN)), "1 host not read"),
        (p.plan(p.LIVE, hosts=(p.HV1, p.HV2_DOWN)), "1 to change · 1 host not read"),
    ],
)  # fmt: skip
def test_one_line_says_it_all(plan: Plan, line: str) -> None:
    assert headline(plan) == f"## kvmspec: {line}"


def test_nothing_to_do_is_said_in_three_lines() -> None:
    assert markdown(p.plan(p.SAME)) == (
        "<!-- kvmspec plan: shop -->\n\n## kvmspec: No changes\n\n"
        "Project `shop`, planned `2026-11-22T20:00:00Z`. The hosts match the manifest.\n"
    )


def test_the_worst_comes_first() -> None:
    order = [p.CREATE_VM, p.STOPPED, p.LIVE, p.RESTART, p.DELETE, REPLACE, p.LOSS]
    wanted = ["volume/scratch (vms, 10GiB)", "vm/pc", "vm/old", "vm/db", "vm/web-1", "vm/off", "vm/web"]
    text = markdown(p.plan(*order))
    assert objects(text) == wanted
    alerts = [text.index(word) for word in ("**Data loss", "**1 replacement", "**1 deletion", "**1 restart")]
    assert alerts == sorted(alerts)
    assert alerts[-1] < text.index("### `hv1`")


def test_danger_is_named_with_guest_reason_and_way_out() -> None:
    change = p.change(
        "cpus.count", 1, 6, Impact.RESTART, "booted with at most 4", avoid="up to 4 it goes live"
    )
    text = markdown(p.plan(Difference(p.at("vm/db"), Verb.UPDATE, (change,))))
    assert (
        "> [!WARNING]\n> **1 restart**\n> - `vm/db`: `cpus.count` `1 → 6` "
        "(booted with at most `4`; avoidable: up to `4` it goes live)\n" in text
    )


def test_an_alert_names_ten_and_counts_the_rest() -> None:
    text = markdown(p.plan(*many(12, Impact.RESTART)))
    assert text.count("> - `vm/") == 10 and "\n> - … and 2 more\n" in text
    assert len(objects(text)) == 12


def test_what_only_a_step_tells_counts() -> None:
    volume, vm = p.at("volume/vms/a"), p.at("vm/web-1")
    steps = (Step(1, ShutdownDomain(vm, 60), text="shut down"),)
    assert "**1 restart**" in markdown(p.plan(p.LIVE, steps=steps))
    steps = (Step(1, DeleteVolume(volume), text="delete", owner=vm),)
    text = markdown(p.plan(p.LIVE, steps=steps))
    assert "**Data loss: 1 volume**" in text and "| **DATA LOSS** |" in text


@pytest.mark.parametrize(
    ("granted", "line"),
    [
        ((), "**Needs** `--allow restart,delete,data-loss`\n"),
        (
            ("restart",),
            "**Needs** `--allow restart,delete,data-loss` (granted: restart; missing: delete, data-loss)\n",
        ),
        (("restart", "delete", "data-loss"), "**Needs** `--allow restart,delete,data-loss` (all granted)\n"),
    ],
)
def test_needs(granted: tuple[str, ...], line: str) -> None:
    assert line in markdown(replace(p.BIG, granted=frozenset(map(Permission, granted))))


def test_a_table_a_host() -> None:
    elsewhere = replace(p.DRIFT, address=p.at("vm/x", "hv2"))
    text = markdown(p.plan(p.LIVE, elsewhere, hosts=(p.HV1, HV2, HostSummary("hv3", "uri"))))
    assert re.findall("^### (.*)$", text, re.MULTILINE) == [
        "`hv1` (`qemu:///system`)",
        "`hv2` (`qemu+ssh://root@hv2/system`)",
    ]
    assert "- `hv2/vm/x`: `networks[front].link` `down → up`" in text


def test_rows_are_short_and_details_complete() -> None:
    changes = tuple(p.change(f"f{number}", "old" * 50, "new" * 50, reason="why") for number in range(5))
    text = markdown(p.plan(Difference(p.at("vm/x"), Verb.UPDATE, changes)))
    table, _, details = text.partition("<details>")
    assert "`f2`" in table and "`f3`" not in table and "… and 2 more fields |" in table
    assert "old" * 50 not in table
    assert f"| `f4` | `{'old' * 50}` | `{'new' * 50}` | live | why |" in details


def test_everything_else_is_there_and_folded() -> None:
    text = markdown(replace(p.BIG, warnings=(replace(p.REFUSAL, warning=True),)))
    for summary in ("Drift: 1 object changed", "Pending restarts: 1", "Not ours, left alone: 1", "Notes: 1"):
        assert re.search(f"<details(?: open)?><summary>{summary}", text)
    assert "> [!NOTE]\n> **Warnings**\n> - `vms.web`: `vm/web` exists" in text
    assert "10 steps, in order" in text
    assert "(`a.yaml:3:5`). *Hint*: state its uuid:" in text


def test_a_sentence_that_names_its_object_does_so_once() -> None:
    foreign = replace(p.FOREIGN, unmanaged=("vm/q has a disk", "vm/q2 is near", "hv1/vm/q: too"), notes=())
    lines = [line for line in markdown(p.plan(foreign)).splitlines() if line.startswith("- ")]
    assert lines == ["- `vm/q`: has a disk", "- `vm/q`: `vm/q2` is near", "- `vm/q`: too"]


def test_every_row_has_the_cells_of_its_table() -> None:
    assert set(rows(github(markdown(p.BIG)))) == {4, 6}


def check_length(text: str, limit: int = GITHUB) -> None:
    assert len(text) < limit and len(text.encode()) <= limit
    assert len(text.encode("utf-16-le")) // 2 < limit  # as JavaScript counts


@pytest.mark.parametrize("number", [500, 5000])
@pytest.mark.parametrize("impact", [Impact.LIVE, Impact.RESTART, Impact.DATA_LOSS])
@pytest.mark.parametrize("text", ["", "<script>|`𝕏` " * 400], ids=["short", "long"])
def test_a_huge_plan_fits(number: int, impact: Impact, text: str) -> None:
    differences = [replace(item, notes=(text,)) for item in many(number, impact, text)]
    comment = markdown(p.plan(*differences))
    check_length(comment)
    assert len(comment) > 30_000  # the room is used
    page = Page(github(comment))
    assert [tag for tag, _ in page.tags].count("details") == [tag for tag, _ in page.tags].count("/details")


def test_five_hundred_live_changes_are_all_listed() -> None:
    assert len(objects(markdown(p.plan(*many(500, Impact.LIVE))))) == 500


def test_many_to_which_the_same_happens_are_a_few_and_names() -> None:
    same = [Difference(p.at(f"vm/n-{n}"), Verb.UPDATE, (p.change("title", "a", "b"),)) for n in range(500)]
    text = markdown(p.plan(*same))
    assert objects(text) == ["vm/n-0", "vm/n-1", "vm/n-2"]
    assert "|  | … and 497 more |  | likewise: `n-3 … n-499` |" in text
    assert "<summary>3 fields of 3 objects; 497 more likewise</summary>" in text


def test_what_harms_nobody_goes_first() -> None:
    text = markdown(p.plan(*many(400, Impact.LIVE), *many(50, Impact.RESTART), p.CREATE_VM), limit=20_000)
    shown = objects(text)
    assert len([name for name in shown if "restart" in name]) == 50
    assert 0 < len(shown) - 50 < 400
    assert text.count("| **restart** | a reason |") == 50  # all their fields; of the others none
    assert text.count("| live | a reason |") == 0


def test_what_is_left_out_is_counted() -> None:
    differences = [
        *many(300, Impact.LIVE),
        *(replace(p.CREATE_VM, address=p.at(f"vm/n{n}")) for n in range(7)),
    ]
    text = markdown(p.plan(*differences), limit=20_000)
    left = 300 - len(objects(text))
    assert 0 < left < 300
    notice = text[text.index("> [!NOTE]") : text.index("###")]
    assert f"> - {left + 7} of 307 rows of objects: {left} change, 7 create\n" in notice
    assert "> - the fields of all 300 objects\n> - all 307 steps\n" in notice
    assert "`kvmspec plan` shows all of it" in notice
    assert f"\n… and {left + 7} more\n" in text


def test_dangerous_objects_that_do_not_fit_are_counted_too() -> None:
    text = markdown(p.plan(*many(1000, Impact.RESTART), p.LIVE, p.DELETE), limit=10_000)
    left = 1000 - (len(objects(text)) - 1)
    assert f"of 1002 rows of objects: {left} restart, 1 change\n" in text
    assert "vm/old" in objects(text)


def test_hosts_share_the_room() -> None:
    differences = [
        replace(item, address=replace(item.address, host=host))
        for host in ("hv1", "hv2")
        for item in many(300, Impact.RESTART)
    ]
    text = markdown(p.plan(*differences, hosts=(p.HV1, HV2)), limit=20_000)
    one, _, other = text.partition("### `hv2`")
    assert abs(len(objects(one)) - len(objects(other))) <= 1


def test_nothing_is_said_to_be_missing_when_nothing_is() -> None:
    assert "[!NOTE]" not in markdown(p.BIG) and "more" not in markdown(p.BIG)


def test_refusals_come_before_everything_and_stay() -> None:
    refusals = tuple(Problem(f"refused {number}", hint="do so") for number in range(2000))
    text = markdown(p.plan(*many(500, Impact.DATA_LOSS), refusals=refusals))
    check_length(text)
    assert "> - refused `19`. *Hint*: do so" in text
    assert text.index("> - refused `0`") < text.index("**Data loss")
    assert re.search(r"> - \d+ of 2000 refusals\n", text)


def test_the_same_plan_gives_the_same_text() -> None:
    differences = many(800, Impact.LIVE)
    assert markdown(p.plan(*differences)) == markdown(p.plan(*differences))


KINDS: Sequence[Difference] = (
    *many(1, Impact.LIVE), *many(1, Impact.RESTART), p.DELETE, p.LOSS, p.CREATE_VM, p.DRIFT, p.PENDING, p.FOREIGN, REPLACE
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(KINDS), max_size=120),
    st.integers(SMALLEST, 12_000),
    st.integers(0, 40),
    st.sampled_from(["", "x", "😀|`<b>", "e\u0301"]),
)
def test_no_limit_is_broken(kinds: list[Difference], limit: int, refused: int, text: str) -> None:
    differences = [
        replace(
            item,
            address=p.at(f"{item.address.kind}/{text}{number}", f"hv{number % 7}{text}"),
            notes=(text * 99,),
        )
        for number, item in enumerate(kinds)
    ]
    refusals = tuple(Problem(f"{number}{text * 200}", hint=text * 50) for number in range(refused))
    hosts = tuple(HostSummary(f"hv{number}{text}", "uri" + text * 30) for number in range(7))
    plan = p.plan(*differences, refusals=refusals, hosts=hosts, required=frozenset(Permission))
    check_length(markdown(replace(plan, project="😀" * 500, created_at="😀" * 500), limit=limit), limit + 1)


def test_a_limit_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least"):
        markdown(p.BIG, limit=SMALLEST - 1)
