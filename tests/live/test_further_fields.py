"""Fields that the tables of their own kind do not have: defined, changed and taken away again, and each time there
is nothing left to plan."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import further_cases, place_cases
from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]


def with_spice(fields: dict[str, Any]) -> dict[str, Any]:
    """A stopped VM with a display that lines can go through."""
    return idle_vm(state="stopped", **({"graphics": ["spice"]} | fields))


@pytest.mark.parametrize("name", ["PLACED", "ENDED"])
def test_places_and_ends(scene: Scene, name: str) -> None:
    there_and_back(scene, getattr(place_cases, name), vm=with_spice)


@pytest.mark.parametrize("name", ["DISKS", "NICS", "MACHINE", "SMALL"])
def test_a_plan_is_empty_after_each_change(scene: Scene, name: str) -> None:
    there_and_back(scene, getattr(further_cases, name), "--allow", "replace")
