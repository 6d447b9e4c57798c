"""Problems as text."""

from __future__ import annotations

import pytest

from kvmspec.core.problem import Problem, Where
from kvmspec.report.problems import problems_text
from kvmspec.report.values import width


def test_place_source_caret_hint_and_count() -> None:
    problems = [
        Problem(
            "a size needs a unit", Where("a.yaml", 12, 13, "    memory: 512"), "vms.web.memory", "512MiB?"
        ),
        Problem("no pool", path="vms.db", warning=True),
    ]
    assert problems_text(problems) == (
        "error: a.yaml:12:13: vms.web.memory: a size needs a unit\n"
        "   12 |     memory: 512\n"
        "      |             ^\n"
        "  hint: 512MiB?\n"
        "\n"
        "warning: vms.db: no pool\n"
        "\n"
        "1 error, 1 warning.\n"
    )


def test_none() -> None:
    assert problems_text([]) == ""


@pytest.mark.parametrize(
    ("source", "column", "pointed"),
    [
        ("a: b", 4, "b"),
        ("\ta: b", 5, "b"),
        ("名前: b", 5, "b"),
        ("e\u0301: b", 5, "b"),
        ("x" * 300 + "!", 301, "!"),
        ("!" + "x" * 300, 1, "!"),
        ("y" * 100 + "!" + "x" * 300, 101, "!"),
        ("\x1b[31m: b", 8, "b"),
    ],
)
def test_the_caret_is_below_its_column(source: str, column: int, pointed: str) -> None:
    lines = problems_text([Problem("m", Where("f", 1, column, source))]).splitlines()
    shown, caret = lines[1], lines[2]
    before = shown[: shown.rindex(pointed) if pointed == "!" else len(shown) - 1]
    assert width(before) == caret.index("^")
    assert width(shown) < 120 and "\x1b" not in shown


def test_a_column_behind_the_end_of_the_line() -> None:
    assert problems_text([Problem("m", Where("f", 1, 9, "ab"))]).splitlines()[2].endswith("^")
