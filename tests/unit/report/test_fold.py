"""Long lists: folded, and every name still there."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.report.fold import alike, ranges, shortened
from kvmspec.report.text import plan_text
from tests.unit.report import plans as p


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a-1 a-2 a-3", "a-1 … a-3"),
        ("a-1 a-2", "a-1, a-2"),
        ("a-3 a-10 a-9 a-8", "a-3, a-8 … a-10"),
        ("a-08 a-09 a-10", "a-08 … a-10"),
        ("a-9 a-010", "a-9, a-010"),
        ("web-1-root.qcow2 web-2-root.qcow2 web-3-root.qcow2", "web-1-root.qcow2 … web-3-root.qcow2"),
        ("db mail web", "db, mail, web"),
        ("a1b1 a2b2 a3b3", "a1b1, a2b2, a3b3"),
        ("web-1-1 web-1-2 web-2-2", "web-1-1, web-1-2, web-2-2"),
        ("a-1-1 a-1-2 a-1-3 a-2-3", "a-1-1 … a-1-3, a-2-3"),
        ("", ""),
    ],
)
def test_ranges(names: str, expected: str) -> None:
    assert ", ".join(ranges(names.split())) == expected


@given(st.sets(st.from_regex(r"[ab]-?[0-9]{1,3}(-r)?", fullmatch=True), max_size=30))
def test_every_name_is_in_a_range(names: set[str]) -> None:
    found: set[str] = set()
    for text in ranges(names):
        first, _, last = text.partition(" … ")
        if not last:
            found.add(first)
            continue
        numbers = [re.findall(r"\d+", end)[0] for end in (first, last)]
        found |= {
            first.replace(numbers[0], str(n).zfill(len(numbers[0])), 1)
            for n in range(int(numbers[0]), int(numbers[1]) + 1)
        }
    assert found == names


def made(count: int, *, impact: Impact = Impact.LIVE) -> list[Difference]:
    change = p.change("memory.size", "1GiB", "2GiB", impact)
    return [Difference(p.at(f"vm/web-{n}"), Verb.UPDATE, (change,)) for n in range(1, count + 1)]


def test_many_alike_are_a_few_and_the_names_of_the_rest() -> None:
    text = plan_text(p.plan(*made(40)))
    assert text.count("memory.size") == 3
    assert "    … and 37 more likewise: web-4 … web-40\n" in text
    assert "Plan: 40 to change." in text
    assert plan_text(p.plan(*made(40)), verbose=True).count("memory.size") == 40


def test_a_few_are_all_shown_and_so_is_what_differs() -> None:
    assert plan_text(p.plan(*made(10))).count("memory.size") == 10
    other = Difference(p.at("vm/zzz"), Verb.UPDATE, (p.change("memory.size", "1GiB", "3GiB"),))
    assert plan_text(p.plan(*made(40), other)).count("memory.size") == 4


@pytest.mark.parametrize("impact", [Impact.RESTART, Impact.REPLACE, Impact.DATA_LOSS])
def test_what_is_dangerous_is_never_folded(impact: Impact) -> None:
    assert plan_text(p.plan(*made(40, impact=impact))).count("memory.size") >= 40
    deleted = [Difference(p.at(f"vm/web-{n}"), Verb.DELETE) for n in range(40)]
    assert plan_text(p.plan(*deleted)).count("delete") >= 40


def test_the_order_stays_where_nothing_is_folded() -> None:
    items = [p.CREATE_POOL, p.LIVE, p.CREATE_NETWORK, p.RESTART]
    assert [shown for shown, _ in alike(items)] == [[item] for item in items]


def test_remarks_are_cut_and_counted() -> None:
    assert shortened(["x"] * 12) == ["x"] * 12
    assert shortened(["x"] * 40)[10:] == ["  … and 30 more; -v shows them all"]
    foreign = [Difference(p.at(f"vm/{n}"), Verb.NO_OP, unmanaged=("has a watchdog",)) for n in range(40)]
    assert "… and 30 more" in plan_text(p.plan(*foreign))
    assert plan_text(p.plan(*foreign), verbose=True).count("watchdog") == 40


def test_the_figures_take_a_second_line_where_the_first_is_full() -> None:
    closing = plan_text(p.BIG, width=60).rpartition("Plan:")[2].splitlines()
    assert len(closing) == 3 and all(len(line) <= 60 for line in closing)
    assert len(plan_text(p.BIG).rpartition("Plan:")[2].splitlines()) == 2
