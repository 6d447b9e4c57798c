"""The guest's CPU: its model and what belongs to it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit
from kvmspec.canon.read import read
from kvmspec.kinds.domain import edits, fit, render
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def stated(**cpus: Any) -> dict[str, Any]:
    """Canonical data of <cpu>."""
    spec = VmSpec.model_validate({"memory": "1GiB", "cpus": cpus})
    xml = render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())
    return dict(fit.stated_data(xml, spec).get("cpu", {}))


STATED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a model": (
        {"model": "EPYC", "match": "exact", "check": "none", "fallback": "forbid", "vendor": "AMD"},
        {
            "@mode": "custom",
            "@match": "exact",
            "@check": "none",
            "model": {"@fallback": "forbid", "#": "EPYC"},
            "vendor": {"#": "AMD"},
        },
    ),
    "the vendor that host-model shows": (
        {"mode": "host-model", "vendor_id": "KVMKVMKVMKVM"},
        {"@mode": "host-model", "model": {"@vendor_id": "KVMKVMKVMKVM"}},
    ),
    "features that stay": (
        {"mode": "host-passthrough", "migratable": False},
        {"@mode": "host-passthrough", "@migratable": "off"},
    ),
    "a cache alone": ({"cache": "passthrough"}, {"cache": {"@mode": "passthrough"}}),
    "a cache that is made up": (
        {"cache": {"mode": "emulate", "level": 3}},
        {"cache": {"@mode": "emulate", "@level": "3"}},
    ),
    "addresses": (
        {"address_bits": {"mode": "emulate", "bits": 42}},
        {"maxphysaddr": {"@mode": "emulate", "@bits": "42"}},
    ),
    "nothing": ({"count": 2}, {}),
}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated(name: str) -> None:
    cpus, expected = STATED[name]
    assert stated(**cpus) == expected


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a check of a mode": ({"mode": "maximum", "check": "full"}, "goes with a `model`, or"),
    "a fallback of a mode": ({"mode": "host-model", "fallback": "forbid"}, "go with a `model`"),
    "a model that moves": ({"model": "EPYC", "migratable": True}, "goes with `mode: host-passthrough`"),
    "a vendor of none": ({"vendor_id": "KVMKVMKVMKVM"}, "goes with a `model`, or"),
    "a short vendor": ({"model": "EPYC", "vendor_id": "AMD"}, "should match pattern"),
    "a level of the host's": ({"cache": {"mode": "passthrough", "level": 3}}, "`level` is 3"),
    "no width": ({"address_bits": "emulate"}, "`mode: emulate` and `bits` go together"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    cpus, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        VmSpec.model_validate({"memory": "1GiB", "cpus": cpus})
    assert words in str(caught.value)


def test_another_mode_keeps_what_is_stated_of_it() -> None:
    before = "<domain><cpu mode='maximum' check='none' migratable='off'/></domain>"
    wanted = '<cpu mode="custom" check="full"><model>EPYC</model></cpu>'
    made = [
        *edits.writing(("cpu", "@check"), "full", lambda path: wanted, read(before)),
        *edits.writing(("cpu", "@mode"), "custom", lambda path: wanted, read(before)),
    ]
    assert read(edit(before, made))["cpu"] == {"@mode": "custom", "@check": "full"}
