"""Models that are imported when a manifest first states them: as if they had been imported at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from kvmspec.kinds.domain.install import InstallSpec as Actual
from kvmspec.manifest.deferred import actual, deferred
from kvmspec.manifest.merge import all_inner, inner
from kvmspec.manifest.model import Model

if TYPE_CHECKING:
    from kvmspec.kinds.domain.install import InstallSpec
else:
    InstallSpec = deferred("kvmspec.kinds.domain.install", "InstallSpec")


class Late(Model):
    install: InstallSpec | None = None
    several: tuple[InstallSpec, ...] = ()


class Early(Model):
    install: Actual | None = None
    several: tuple[Actual, ...] = ()


Late.model_rebuild(_types_namespace={"InstallSpec": InstallSpec})
GOOD: list[dict[str, Any]] = [
    {},
    {"install": None},
    {"install": {"iso": "debian-12-iso", "timeout": "1h"}},
    {"several": [{"iso": "a"}, {"iso": "b", "done_when": "poweroff"}]},
]
BAD: list[dict[str, Any]] = [
    {"install": {"iso": "a", "nope": 1}},
    {"install": {"done_when": "off"}},
    {"several": [{"iso": "a"}, {"iso": "a", "timeout": []}]},
    {"several": [3]},
]


@pytest.mark.parametrize("data", GOOD, ids=json.dumps)
def test_what_is_valid_is_the_same(data: dict[str, Any]) -> None:
    late, early = Late.model_validate(data), Early.model_validate(data)
    assert late.install == early.install and late.several == early.several
    assert late.model_dump_json(exclude_unset=True) == early.model_dump_json(exclude_unset=True)


@pytest.mark.parametrize("data", BAD, ids=json.dumps)
def test_mistakes_are_told_in_the_same_words_at_the_same_place(data: dict[str, Any]) -> None:
    def told(model: type[Model]) -> list[tuple[Any, ...]]:
        with pytest.raises(ValidationError) as caught:
            model.model_validate(data)
        return [(each["loc"], each["type"], each["msg"]) for each in caught.value.errors()]

    assert told(Late) == told(Early)


def test_whoever_walks_through_models_finds_the_actual_one() -> None:
    assert actual(InstallSpec) is Actual and actual(int) is int
    assert inner((Late,), "install") == inner((Early,), "install") == (Actual,)
    assert all_inner(Late) == (Actual, Actual)


def test_a_plan_of_plain_vms_imports_none() -> None:
    """Only what a manifest states is paid for."""
    asked = (
        "import sys, kvmspec.cli.plan, kvmspec.pipeline;"
        "print([m for m in sys.modules if m.startswith('kvmspec.kinds.domain.')])"
    )
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    for name in ("install", "cloud_init", "wait", "clock_spec", "features_spec", "firmware_spec",
                 "graphics_spec", "numa_spec", "source_spec", "controllers_spec", "qemu_spec"):  # fmt: skip
        assert f"'kvmspec.kinds.domain.{name}'" not in loaded, name
