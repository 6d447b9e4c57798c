"""What of the machine itself changes while its guest runs: SCSI controllers come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.live.matrix import Row, booted, devices, prove, values
from tests.live.scene import Scene
from tests.support.guest import TinyGuest

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

FIRST = {"type": "scsi", "model": "virtio-scsi"}
SCSI = devices("controller[@type='scsi']", "index", "model")


def put(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    """Fields of the VM; None takes one away."""

    def change(vm: dict[str, Any]) -> None:
        vm.update(fields)
        for name in [name for name, value in vm.items() if value is None]:
            del vm[name]

    return change


ROWS = {
    "a controller comes": Row(put(controllers=[FIRST]), SCSI),
    "another": Row(put(controllers=[FIRST, FIRST]), SCSI),
    "one goes": Row(put(controllers=[FIRST]), SCSI),
    "all go": Row(put(controllers=None), SCSI),
    "a crash": Row(put(on_crash="preserve"), values("on_crash", "@")),
    "a reboot": Row(put(on_reboot="destroy"), values("on_reboot", "@")),
    "both as they were": Row(put(on_reboot=None, on_crash=None), values("on_crash", "@")),
}


def test_changes_of_the_machine_that_go_live(scene: Scene, tiny_guest: TinyGuest) -> None:
    prove(scene, booted(scene, tiny_guest), ROWS)
