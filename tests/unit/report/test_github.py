"""Problems and plans as GitHub's annotations."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem, Where
from kvmspec.report.github import plan_annotations, problem_annotations
from tests.unit.report import plans as p

PLACES = {
    (p.at("vm/db"), ""): Where("a.yaml", 20, 3),
    (p.at("vm/db"), "cpus.mode"): Where("a.yaml", 22, 11),
    (p.at("vm/web-1"), ""): Where("a.yaml", 30, 3),
    (p.at("vm/old"), ""): Where("a.yaml", 99, 3),
}


def locate(address: Address, path: str) -> Where | None:
    return PLACES.get((address, path))


def nowhere(address: Address, path: str) -> Where | None:
    return None


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Commands as the runner reads them: level, properties, message."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line)
        assert match, line
        pairs = [pair.split("=", 1) for pair in match[2].split(",")]
        found.append((match[1], {key: _undo(value, True) for key, value in pairs}, _undo(match[3], False)))
    return found


def _undo(text: str, of_property: bool) -> str:
    codes = {"%0D": "\r", "%0A": "\n"} | ({"%3A": ":", "%2C": ","} if of_property else {}) | {"%25": "%"}
    for escaped, char in codes.items():
        text = text.replace(escaped, char)
    return text


def annotations(plan: Plan, **more: Any) -> list[tuple[str, dict[str, str], str]]:
    return read(plan_annotations(plan, more.get("locate", locate)))


def test_a_problem_stands_at_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    problem = Problem("a size: needs 100%, a unit", Where("a,b.yaml", 12, 13), "vms.web.memory", "512MiB?")
    assert problem_annotations([problem]) == (
        "::error file=a%2Cb.yaml,line=12,col=13,title=kvmspec%3A vms.web.memory"
        "::a size: needs 100%25, a unit%0Ahint: 512MiB?\n"
    )


def test_no_problem() -> None:
    assert problem_annotations([]) == ""


def test_errors_before_warnings_and_no_place() -> None:
    problems = [Problem("later", warning=True), Problem("first")]
    assert problem_annotations(problems) == "::error title=kvmspec::first\n::warning title=kvmspec::later\n"


@pytest.mark.parametrize(
    ("inside", "file", "wanted"),
    [
        (".", "a.yaml", "a.yaml"),
        ("infra/site", "a.yaml", "infra/site/a.yaml"),
        ("infra/site", "../a.yaml", "infra/a.yaml"),
        ("infra", "/elsewhere/a.yaml", "/elsewhere/a.yaml"),
        (".", "..a.yaml", "..a.yaml"),
    ],
)
def test_files_as_the_repository_knows_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str, file: str, wanted: str
) -> None:
    (tmp_path / inside).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / inside)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    problem = Problem("m", Where(file, 1, 1))
    ((_, properties, _),) = read(problem_annotations([problem]))
    assert properties["file"] == wanted
    absolute = replace(problem, where=Where(str(tmp_path / inside / "b.yaml"), 1, 1))
    ((_, properties, _),) = read(problem_annotations([absolute], workspace=tmp_path / inside))
    assert properties["file"] == "b.yaml"


def test_an_annotation_an_object_at_its_costliest_field() -> None:
    restart = replace(p.RESTART, changes=(p.change("title", "a", "b"), *p.RESTART.changes))
    ((level, properties, message),) = annotations(p.plan(restart))
    assert level == "warning"
    assert properties == {"file": "a.yaml", "line": "22", "col": "11", "title": "kvmspec: vm/db: restart"}
    assert message == (
        "cpus.mode: host-model → host-passthrough, restart: the CPU model is fixed at boot\ntitle: a → b, live"
    )


def test_a_field_without_a_place_is_at_its_object() -> None:
    ((level, properties, _),) = annotations(p.plan(p.LIVE))
    assert (level, properties["line"]) == ("notice", "30")


def test_what_is_deleted_has_no_place_in_the_manifest() -> None:
    ((level, properties, message),) = annotations(p.plan(p.DELETE))
    assert level == "warning" and properties == {"title": "kvmspec: vm/old: delete"}
    assert message == "its volumes stay: old-root.qcow2 (20GiB)"


@pytest.mark.parametrize(
    ("difference", "level", "title"),
    [
        (p.LOSS, "error", "volume/scratch (vms, 10GiB): delete, DATA LOSS"),
        (replace(p.RESTART, impact_floor=Impact.REPLACE), "warning", "vm/db: a part of it is replaced"),
        (p.RESTART, "warning", "vm/db: restart"),
        (p.LIVE, "notice", "vm/web-1: change while running"),
        (p.STOPPED, "notice", "vm/off: change"),
        (p.CREATE_VM, "notice", "vm/web: create"),
        (p.ADOPT, "notice", "vm/imported: adopt"),
        (replace(p.RESTART, verb=Verb.ADOPT), "warning", "vm/db: adopt, restart"),
    ],
)
def test_levels(difference: Difference, level: str, title: str) -> None:
    ((got, properties, message),) = annotations(p.plan(difference))
    assert (got, properties["title"]) == (level, f"kvmspec: {title}")
    assert message


def test_refusals_unread_hosts_and_warnings() -> None:
    refused = replace(p.REFUSED, address=p.at("vm/db"), refusals=(Problem("no", hint="yes"),))
    warning = Problem("careful", Where("a.yaml", 1, 1), "vms.x", warning=True)
    found = annotations(
        p.plan(refused, refusals=(p.REFUSAL,), warnings=(warning,), hosts=(p.HV1, p.HV2_DOWN))
    )
    assert [(level, properties.get("line"), message) for level, properties, message in found] == [
        ("error", "3", "vm/web exists and belongs to nobody here\nhint: state its uuid:"),
        ("error", "20", "no\nhint: yes"),
        ("error", None, "no route to host\nhint: is it up?"),
        ("warning", "1", "careful"),
    ]


def test_no_changes_no_annotation() -> None:
    assert plan_annotations(p.plan(p.SAME, p.PENDING, p.FOREIGN), nowhere) == ""


def test_avoidable_and_drift_are_said() -> None:
    change = p.change("cpus.count", 1, 6, Impact.RESTART, "why", avoid="up to 4 it goes live", drift=True)
    ((_, _, message),) = annotations(p.plan(replace(p.RESTART, changes=(change,))))
    assert message == (
        "cpus.count: 1 → 6, restart: why; avoidable: up to 4 it goes live; changed outside kvmspec"
    )


def test_no_more_than_github_shows_and_the_last_names_the_rest() -> None:
    differences = [replace(p.LIVE, address=p.at(f"vm/live-{n}")) for n in range(80)]
    differences += [replace(p.RESTART, address=p.at(f"vm/db-{n}")) for n in range(12)]
    found = annotations(p.plan(*differences, p.LOSS))
    levels = [level for level, _, _ in found]
    assert levels == ["error"] + ["warning"] * 10 + ["notice"] * 10
    assert found[10][1]["title"] == "kvmspec: 3 more, which GitHub has no room for"
    assert found[10][2].splitlines()[0] == (
        "vm/db-9: restart: cpus.mode: host-model → host-passthrough, restart: the CPU model is fixed at boot"
    )
    assert len(found[10][2].splitlines()) == 3
    assert found[20][2].splitlines()[-1] == "and 21 more"


def test_ten_are_all_shown() -> None:
    problems = [Problem(f"p{number}") for number in range(10)]
    assert [message for _, _, message in read(problem_annotations(problems))] == [f"p{n}" for n in range(10)]


def test_secrets_stay_secret() -> None:
    text = plan_annotations(p.plan(p.SECRET, replace(p.DELETE, notes=(p.TOKEN,))), nowhere)
    assert "hunter" not in text and p.TOKEN not in text


BAD = st.text(alphabet=st.sampled_from("%0DA3C2:,=\n\r\x1b\u202e\u2028 a|<`"), max_size=40) | st.text(
    max_size=40
)


@given(BAD, BAD)
def test_no_text_starts_a_command_or_ends_its_own(text: str, other: str) -> None:
    change = p.change(text, other, text, Impact.RESTART, other, avoid=text)
    difference = Difference(Address(text, "vm", other), Verb.UPDATE, (change,), label=text, notes=(other,))
    plan = p.plan(difference, refusals=(Problem(text, Where(f"/{other}", 1, 2), text, other),))
    output = plan_annotations(plan, lambda address, path: Where(f"x{text}", 3, 4))
    output += problem_annotations([Problem(text, Where(f"/{other}", 1, 2), text, other)])
    found = read(output)
    assert len(found) == 3
    for _, properties, message in found:
        assert set(properties) == {"file", "line", "col", "title"}
        assert properties["title"].startswith("kvmspec")
        assert all(line.isprintable() for line in [*properties.values(), *message.split("\n")])
