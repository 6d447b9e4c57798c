"""What is said of fields is true: the cost of a change, and what a new object gets."""

from __future__ import annotations

from typing import Any

import pytest

from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import fields, preset, rules
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.network.fields import FIELDS as NETWORK_FIELDS
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.reference import field_docs

DOCS = {doc.path: doc for doc in field_docs(SECTIONS)}
EFFECTS = {effect.path: effect for section in SECTIONS for effect in section.effects()}
OTHER_WORDS = {"refused", "as its fields"}


def test_every_field_of_an_object_says_what_changing_it_costs() -> None:
    keys = {section.key for section in SECTIONS}
    silent = [
        path
        for path, doc in DOCS.items()
        if doc.built and path.partition(".")[0] in keys and "." in path and not doc.fields and not doc.impact
    ]
    assert not silent


def test_effects_are_of_fields_there_are() -> None:
    assert not EFFECTS.keys() - DOCS.keys()


@pytest.mark.parametrize("path", EFFECTS)
def test_impacts_are_called_what_plans_call_them(path: str) -> None:
    labels = {impact.label for impact in Impact} | OTHER_WORDS
    assert set(EFFECTS[path].impact.split(", or ")) <= labels


GUEST = Guest(
    {
        "vcpu": {"#": 4, "@current": 2},
        "memory": {"#": 2**30},
        "devices": {"memballoon": {"@model": "virtio"}},
    }
)


@pytest.mark.parametrize(
    ("path", "rule", "before", "after"),
    [
        ("vms.cpus.count", rules.vcpus, 2, 4),
        ("vms.cpus.count", rules.vcpus, 2, 5),
        ("vms.cpus.count", rules.vcpus, 2, 1),
        ("vms.memory.size", rules.memory, 2**29, 2**30),
        ("vms.memory.size", rules.memory, 2**29, 2**31),
        ("vms.machine", rules.machine, "pc-q35-7.1", "pc-q35-7.2"),
        ("vms.machine", rules.machine, "pc-q35-7.2", "pc-i440fx-7.2"),
    ],
)
def test_what_depends_on_the_guest_names_every_case(path: str, rule: Any, before: Any, after: Any) -> None:
    assert rule(before, after, GUEST).impact.label in EFFECTS[path].impact.split(", or ")


def test_every_row_of_the_tables_is_told() -> None:
    rows = {row.manifest.replace(".{key}", "") for row in fields.FIELDS[:-1]} - {"disks.source"}
    assert {f"vms.{path}" for path in rows} <= EFFECTS.keys()
    told = NETWORK_FIELDS.keys() - {"metadata", "other"}  # what a fragment says
    networks = {NETWORK_FIELDS[name].path.replace("[{}]", "") for name in told}
    assert {f"networks.{path}" for path in networks - {"dhcp.range"}} <= EFFECTS.keys()


# --- what a new VM gets
BARE: dict[str, Any] = {
    "memory": "1GiB",
    "disks": [{"name": "root", "size": "1GiB"}],
    "networks": ["front"],
    "graphics": ["vnc"],
}


def created(**facts: Any) -> dict[str, Any]:
    """What a VM is created with that its manifest does not state, by path."""
    spec = VmSpec.model_validate(BARE)
    found: dict[str, Any] = {}
    _compare(spec.model_dump(), preset.completed(spec, HostFacts(**facts)).model_dump(), "", found)
    return found


def _compare(before: Any, after: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(after, dict):
        for key, value in after.items():
            inner = before.get(key) if isinstance(before, dict) else None
            _compare(inner, value, f"{path}.{key}".lstrip("."), found)
    elif isinstance(after, list | tuple) and after and isinstance(after[0], dict):
        _compare((before or [None])[0], after[0], path, found)
    elif after not in (before, ()):
        found[path] = after


def test_the_preset_is_told_and_no_other() -> None:
    found = created(kvm=True)
    decided_elsewhere = {"disks.format", "disks.pool", "networks.mac", "graphics.port", "pool", "memory.max"}
    assert found.keys() == preset.CREATION.keys() - decided_elsewhere


@pytest.mark.parametrize("kvm", [True, False])
def test_the_preset_is_told_as_it_is(kvm: bool) -> None:
    words = {True: "true", False: "false"}
    for path, value in created(kvm=kvm, arch="x86_64").items():
        told = preset.CREATION[path]
        if path in ("cpus.max", "arch"):
            assert told in ("as count", "as size", "the host's")
        else:
            assert str(words.get(value, value) if isinstance(value, bool) else value) in told
