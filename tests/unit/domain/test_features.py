"""Hypervisor features: what a manifest may say of them, and that libvirt's XML of it says the same."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.kinds.domain import fields, fit, render
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def spec_of(**features: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", "features": features})


def stated(**features: Any) -> dict[str, Any]:
    spec = spec_of(**features)
    xml = render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())
    return dict(fit.stated_data(xml, spec).get("features", {}))


ON, OFF = {"@state": "on"}, {"@state": "off"}
STATED: dict[str, tuple[Any, Any]] = {
    "marks": ({"acpi": True, "apic": {"eoi": True}, "pae": False}, {"acpi": {}, "apic": {"@eoi": "on"}}),
    "states": (
        {"pmu": False, "vmport": False, "vmcoreinfo": True, "nested_hv": True},
        {"pmu": OFF, "vmport": OFF, "vmcoreinfo": ON, "nested-hv": ON},
    ),
    "values": (
        {"ioapic": "qemu", "gic": 3, "msrs": "ignore"},
        {"ioapic": {"@driver": "qemu"}, "gic": {"@version": "3"}, "msrs": {"@unknown": "ignore"}},
    ),
    "hyperv": (
        {"hyperv": {"relaxed": True, "spinlocks": 8191, "stimer": {"direct": False}, "vendor_id": "a&b"}},
        {
            "hyperv": {
                "relaxed": ON,
                "spinlocks": ON | {"@retries": "8191"},
                "stimer": ON | {"direct": OFF},
                "vendor_id": ON | {"@value": "a&b"},
            }
        },
    ),
    "less of hyperv": (
        {"hyperv": {"spinlocks": False, "stimer": False, "vendor_id": False}},
        {"hyperv": {"spinlocks": OFF, "stimer": OFF, "vendor_id": OFF}},
    ),
    "all of hyperv": ({"hyperv": "passthrough"}, {"hyperv": {"@mode": "passthrough"}}),
    "kvm": (
        {"kvm": {"hidden": True, "hint_dedicated": False, "dirty_ring": 4096}},
        {"kvm": {"hidden": ON, "hint-dedicated": OFF, "dirty-ring": ON | {"@size": "4096"}}},
    ),
    "smm": ({"smm": True}, {"smm": ON}),
    "smm's memory": ({"smm": {"tseg": "48MiB"}}, {"smm": ON | {"tseg": {"#": 48 << 20}}}),
    "the emulation's": ({"tcg": {"tb_cache": "128MiB"}}, {"tcg": {"tb-cache": {"#": 128 << 20}}}),
    "nothing": ({"acpi": False, "hyperv": False}, {}),
}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated(name: str) -> None:
    features, expected = STATED[name]
    assert stated(**features) == expected


def test_false_takes_away() -> None:
    paths = fit.absences(spec_of(acpi=False, apic=False, hyperv=False, kvm=False, smm=False), KeyMap())
    assert {path[-1] for path in paths if path[0] == "features"} == {"acpi", "apic", "hyperv", "kvm"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "few tries": ({"hyperv": {"spinlocks": 100}}, "greater than or equal to 4095"),
    "more than all": ({"hyperv": {"mode": "passthrough", "vapic": True}}, "nothing else is stated"),
    "a long vendor": ({"hyperv": {"vendor_id": "a very long name"}}, "should match pattern"),
    "half a ring": ({"kvm": {"dirty_ring": 1000}}, "1024, 2048"),
    "memory without a unit": ({"smm": {"tseg": 48}}, "a size needs a unit"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    features, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        spec_of(**features)
    assert words in str(caught.value)


SHOWN: dict[tuple[str, ...], tuple[Any, Any]] = {
    ("hyperv", "spinlocks"): (ON | {"@retries": "8191"}, "8191"),
    ("hyperv", "relaxed"): (OFF, False),
    ("hyperv", "vendor_id"): (OFF, False),
    ("kvm", "hint-dedicated"): (ON, True),
    ("smm",): (ON, True),
    ("smm", "tseg"): ({"#": 1 << 20}, "1MiB"),
    ("acpi",): ({}, True),
    ("gic",): ({"@version": "3"}, 3),
    ("ioapic",): ({"@driver": "kvm"}, "kvm"),
    ("hap",): ({}, True),
}


@pytest.mark.parametrize("path", SHOWN, ids="/".join)
def test_a_value_is_shown_as_a_manifest_says_it(path: tuple[str, ...]) -> None:
    value, shown = SHOWN[path]
    row, unit = fields.lookup(("features", *path))
    assert unit == ("features", *path) and row.show(value) == shown
    assert row.manifest.startswith("features.")
