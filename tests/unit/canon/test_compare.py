"""Stated ⊆ live, and where not."""

import pytest

from kvmspec.canon.compare import covers, drop, leaves, uncovered

LIVE = {"name": {"#": "a"}, "vcpu": {"#": "2", "@placement": "static"}, "os": {"boot": [{"@dev": "hd"}]}}

CASES = {
    "nothing stated": ({}, []),
    "a leaf that is there": ({"vcpu": {"#": "2"}}, []),
    "a leaf that differs": ({"vcpu": {"#": "4"}}, [(("vcpu", "#"), "4", "2")]),
    "a missing attribute": ({"vcpu": {"@current": "1"}}, [(("vcpu", "@current"), "1", None)]),
    "a missing element is one difference": (
        {"cpu": {"@mode": "maximum", "x": {"@y": "1"}}},
        [(("cpu",), {"@mode": "maximum", "x": {"@y": "1"}}, None)],
    ),
    "a list differs as a whole": (
        {"os": {"boot": [{"@dev": "cdrom"}, {"@dev": "hd"}]}},
        [(("os", "boot"), [{"@dev": "cdrom"}, {"@dev": "hd"}], [{"@dev": "hd"}])],
    ),
    "maps that share little differ in each key": (
        {"vcpu": {"@a": "1", "@b": "1", "@c": "1", "@d": "1", "#": "2"}},
        [(("vcpu", f"@{name}"), "1", None) for name in "abcd"],
    ),
    "an element where a text is": ({"name": {"#": {"x": "1"}}}, [(("name", "#"), {"x": "1"}, "a")]),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_uncovered(case: str) -> None:
    stated, expected = CASES[case]
    assert list(uncovered(stated, LIVE)) == expected
    assert covers(stated, LIVE) == (not expected)


def test_leaves_and_drop() -> None:
    data = {"a": {"b": "1", "c": {}}, "d": [1]}
    assert dict(leaves(data)) == {("a", "b"): "1", ("a", "c"): {}, ("d",): [1]}
    drop(data, ("a", "b"))
    drop(data, ("a", "c"))
    drop(data, ("x", "y"))
    assert data == {"d": [1]}
