"""What keeps a guest and its host apart, and what is said to QEMU past libvirt: rendered, and refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit
from kvmspec.canon.read import read
from kvmspec.canon.shape import QEMU
from kvmspec.core.action import Edit
from kvmspec.kinds.domain import edits, fit, render
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))
RANGE = {"start": 0, "target": 1000, "count": 10}


def stated(**fields: Any) -> dict[str, Any]:
    spec = VmSpec.model_validate({"memory": "1GiB"} | fields)
    return fit.stated_data(render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset()), spec)


def test_labels_are_known_by_their_model() -> None:
    found = stated(seclabels=[{"model": "dac", "type": "static", "label": "<0>"}, {"type": "none"}])
    assert found["seclabel"] == {
        "dac": {"@type": "static", "@model": "dac", "label": {"#": "<0>"}},
        "#1": {"@type": "none"},
    }


def test_ranges_of_ids_have_an_order() -> None:
    found = stated(idmap={"uid": [RANGE, RANGE | {"start": 10}], "gid": [RANGE]})
    assert [one["@start"] for one in found["idmap"]["uid"]] == ["0", "10"]


@pytest.mark.parametrize(
    ("launch", "policy"),
    [
        ({"type": "sev", "policy": "0x3"}, "0x0003"),
        ({"type": "sev", "policy": 3}, "0x0003"),
        ({"type": "sev-snp", "policy": "0x30000"}, "0x00030000"),
    ],
)
def test_a_policy_is_written_as_libvirt_does(launch: Any, policy: str) -> None:
    assert stated(launch_security=launch)["launchSecurity"]["policy"] == {"#": policy}


def test_an_id_that_is_drawn_says_nothing_of_it() -> None:
    assert stated(genid="auto")["genid"] == {}


def test_arguments_have_an_order_and_any_text() -> None:
    found = stated(qemu={"args": ["-b", '"<&>"'], "env": {"A": "1", "B": None}})
    line = found[QEMU + "commandline"]
    assert line[QEMU + "arg"] == [{"@value": "-b"}, {"@value": '"<&>"'}]
    assert line[QEMU + "env"] == {"A": {"@name": "A", "@value": "1"}, "B": {"@name": "B"}}


def test_other_arguments_take_the_place_of_all() -> None:
    uri = QEMU[1:-1]
    xml = f"<domain xmlns:q='{uri}'><q:commandline><q:arg value='a'/></q:commandline></domain>"
    path = (QEMU + "commandline", QEMU + "arg")
    made = edits.writing(path, [{"@value": '"<'}, {"@value": "c"}], lambda path: "", read(xml))
    assert read(edit(xml, made))[path[0]] == {path[1]: [{"@value": '"<'}, {"@value": "c"}]}


@pytest.mark.parametrize(
    "xml",
    [
        "<perf><event name='a' enabled='yes'/></perf>",
        "<keywrap><cipher name='a' state='on'/></keywrap>",
        "<resource><partition>/a</partition></resource>",
    ],
)
def test_nothing_empty_is_left(xml: str) -> None:
    before = read(f"<domain>{xml}</domain>")
    ((tag, inside),) = before.items()
    ((inner, group),) = inside.items()
    path = (tag, inner, "a") if "a" in group else (tag, inner)
    assert edit(f"<domain>{xml}</domain>", [Edit("remove", path)]) == "<domain/>"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a static label without one": ({"seclabels": [{"type": "static"}]}, "`label` go together"),
    "a label that is made up": ({"seclabels": [{"label": "a"}]}, "`label` go together"),
    "a base of none": ({"seclabels": [{"type": "none", "baselabel": "a"}]}, "goes with `type: dynamic`"),
    "files of none": ({"seclabels": [{"type": "none", "relabel": True}]}, "never with `none`"),
    "no policy": ({"launch_security": "sev"}, "take a `policy`"),
    "a policy in words": ({"launch_security": {"type": "sev", "policy": "all"}}, "such as 0x0001"),
    "more of s390": ({"launch_security": {"type": "s390-pv", "policy": 1}}, "nothing else is stated"),
    "snp's": ({"launch_security": {"type": "sev", "policy": 1, "vcek": True}}, "of `sev-snp` only"),
    "sev's": ({"launch_security": {"type": "sev-snp", "policy": 1, "session": "a"}}, "of `sev` only"),
    "users alone": ({"idmap": {"uid": [RANGE]}}, "Field required"),
    "a resource of nothing": ({"resource": {}}, "state a `partition`, or an `appid`"),
    "an event of another name": ({"perf": {"steps": True}}, "'cmt', 'mbmt'"),
    "an id that is none": ({"genid": "one"}, "genid"),
    "a system in words": ({"osinfo": "debian12"}, "should match pattern"),
    "a variable that is none": ({"qemu": {"env": {"A B": "1"}}}, "should match pattern"),
    "a property that is a list": ({"qemu": {"override": {"a": {"b": [1]}}}}, "expected text, a number"),
    "a sign of a text": ({"qemu": {"override": {"a": {"b": {"signed": "1"}}}}}, "expected text, a number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    fields, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        VmSpec.model_validate({"memory": "1GiB"} | fields)
    assert words in str(caught.value)
