"""Plans as files: what is written is what is read, and nothing else is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from kvmspec.core.action import (
    Edit,
    EditDomain,
    NetworkChange,
    RestartNetwork,
    UpdateNetwork,
    from_data,
    to_data,
)
from kvmspec.core.basis import Basis
from kvmspec.core.change import Difference, Verb
from kvmspec.core.errors import Refused
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan, Step
from kvmspec.report.json import dumps, plan_data
from kvmspec.report.published import plan_schema
from kvmspec.report.reading import basis_data, read_basis, read_plan
from kvmspec.report.saved import is_saved, read_saved, read_shown, saved_text
from kvmspec.report.text import plan_text
from tests.unit.report import plans as p

SCHEMA = Draft202012Validator(plan_schema())
BASIS = Basis(
    "/srv/site",
    ("a.yaml", "b"),
    {"count": "2"},
    ("v.yaml",),
    None,
    ("hv1",),
    ("vm/web",),
    ("vm/web/root",),
    {"": "00", "vm/web": "11"},
    {"vm/web": ("aa$bb",)},
    {p.at("vm/web"): "22", p.at("volume/vms/x.qcow2"): ""},
)
PLANS = {
    "big": p.BIG,
    "steps": p.STEPS,
    "secret": p.plan(p.SECRET),
    "refused": p.plan(p.REFUSED, refusals=(p.REFUSAL,)),
    "unknown": p.plan(p.SAME, hosts=(p.HV1, p.HV2_DOWN)),
    "remarks": p.plan(
        p.DRIFT,
        p.PENDING,
        p.FOREIGN,
        links=(
            (
                p.at("vm/a"),
                p.at("volume/p/a/b"),
            ),
        ),
    ),
    "rebuilt": p.REPLACED,
}


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "plan.json"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_what_is_read_says_the_same(plan: Plan) -> None:
    data = json.loads(dumps(plan_data(plan)))
    again = read_plan(data)
    assert plan_text(again, verbose=True) == plan_text(plan, verbose=True)
    assert plan_data(again) == data
    SCHEMA.validate(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    path=st.text(min_size=1, max_size=12),
    before=values,
    after=values,
    verb=st.sampled_from([Verb.UPDATE, Verb.ADOPT, Verb.CREATE, Verb.DELETE]),
    impact=st.sampled_from(Impact),
    sensitive=st.booleans(),
    note=st.text(max_size=20),
)
def test_any_difference_survives(
    path: str, before: Any, after: Any, verb: Verb, impact: Impact, sensitive: bool, note: str
) -> None:
    change = p.change(path, before, after, impact, note, sensitive=sensitive, avoid=note)
    item = Difference(p.at("vm/x"), verb, (change,), notes=(note,), before=before, after={path: after})
    data = json.loads(dumps(plan_data(p.plan(item))))
    assert plan_data(read_plan(data)) == data
    SCHEMA.validate(data)


def test_every_action_survives() -> None:
    at = p.at("network/n")
    for action in (
        EditDomain(p.at("vm/a"), (Edit("set", ("a", "@b"), "1"), Edit("remove", ("c",)))),
        UpdateNetwork(at, (NetworkChange("modify", "dns-host", "<host/>", 2),), live=True, config=False),
        RestartNetwork(at, ("a", "b")),
    ):
        assert from_data(json.loads(json.dumps(to_data(action)))) == action


def test_the_file_is_read_as_it_was_written(file: Callable[[str], Path]) -> None:
    path = file(saved_text(p.BIG, BASIS))
    plan, basis = read_saved(path)
    assert is_saved(path) and basis == BASIS
    assert plan_data(plan) == plan_data(p.BIG)
    SCHEMA.validate(json.loads(path.read_text()))
    assert read_basis(basis_data(BASIS)) == BASIS


def test_layout_is_not_content(file: Callable[[str], Path]) -> None:
    data = json.loads(saved_text(p.BIG, BASIS))
    for text in (json.dumps(data), json.dumps(data, sort_keys=True), "\ufeff" + json.dumps(data)):
        path = file(text)
        assert is_saved(path)
        read_saved(path)


EDITS: dict[str, Callable[[str], str]] = {
    "an address": lambda text: text.replace("hv1/vm/db", "hv1/vm/DB", 1),
    "a permission": lambda text: text.replace(
        '"granted_permissions": []', '"granted_permissions": ["delete"]'
    ),
    "a fingerprint": lambda text: text.replace('"hv1/vm/web": "22"', '"hv1/vm/web": "23"'),
    "the digest": lambda text: text.replace('"digest": "sha256:', '"digest": "sha256:0'),
    "no digest": lambda text: text[: text.index(',\n  "digest"')] + "\n}\n",
    "a second key": lambda text: text.replace(
        '{\n  "format_version": "1.0",', '{\n  "format_version": "1.0", "project": "x",'
    ),
    "cut": lambda text: text[: len(text) // 2],
    "another format": lambda text: text.replace('"format_version": "1.0"', '"format_version": "9.0"'),
    "another kvmspec": lambda text: text.replace('"kvmspec_version": "', '"kvmspec_version": "9'),
    "not even a map": lambda text: '[{"format_version": 1}]',
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_file_is_refused(edit: Callable[[str], str], file: Callable[[str], Path]) -> None:
    text = saved_text(p.BIG, BASIS)
    assert edit(text) != text
    with pytest.raises(Refused) as refused:
        read_saved(file(edit(text)))
    assert "plan --out" in refused.value.hint


def test_a_plan_in_json_can_be_shown_and_not_applied(file: Callable[[str], Path]) -> None:
    path = file(dumps(plan_data(p.BIG)))
    assert is_saved(path)
    assert plan_text(read_shown(path)) == plan_text(p.BIG)
    with pytest.raises(Refused, match="not a saved plan"):
        read_saved(path)


@pytest.mark.parametrize("text", ["kvmspec: 1\n", "", "{}", '{kvmspec: 1, "format_version": 1}', "\x00"])
def test_a_manifest_is_no_plan(text: str, file: Callable[[str], Path]) -> None:
    assert not is_saved(file(text))


def test_no_secret_is_in_it() -> None:
    step = Step(1, EditDomain(p.at("vm/a"), (Edit("set", ("@passwd",), p.TOKEN),)), text=p.TOKEN)
    text = saved_text(replace(p.plan(p.SECRET), steps=(step,)), BASIS)
    assert "hunter" not in text and p.TOKEN not in text
