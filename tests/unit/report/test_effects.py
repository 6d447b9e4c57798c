"""The worst that is to be said of an object."""

from __future__ import annotations

import pytest

from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.report import effects
from kvmspec.report.effects import Effect, effect_of
from tests.unit.report import plans as p

CASES = {
    "nothing": (p.SAME, effects.NO_OP),
    "pending only": (p.PENDING, effects.NO_OP),
    "created": (p.CREATE_VM, effects.CREATE),
    "adopted": (p.ADOPT, effects.ADOPT),
    "live": (p.LIVE, effects.LIVE),
    "of a stopped VM": (p.STOPPED, effects.CHANGE),
    "restart": (p.RESTART, effects.RESTART),
    "adopted with a restart": (
        Difference(p.at("vm/a"), Verb.ADOPT, (p.change("a", 1, 2, Impact.RESTART),)),
        effects.RESTART,
    ),
    "part replaced": (
        Difference(p.at("vm/a"), Verb.UPDATE, (p.change("a", 1, 2, Impact.REPLACE),)),
        effects.REPLACE,
    ),
    "deleted": (p.DELETE, effects.DELETE),
    "deleted, without a floor": (Difference(p.at("vm/a"), Verb.DELETE), effects.DELETE),
    "data lost": (p.LOSS, effects.DATA_LOSS),
    "refused": (p.REFUSED, effects.REFUSED),
}


@pytest.mark.parametrize(("difference", "effect"), CASES.values(), ids=CASES)
def test_effect(difference: Difference, effect: Effect) -> None:
    assert effect_of(difference) is effect


def test_each_can_be_told_without_colour() -> None:
    assert len({effect.word for effect in effects.EFFECTS}) == len(effects.EFFECTS)
    assert all(effect.sign for effect in effects.EFFECTS)
    assert [effect.dangerous for effect in effects.EFFECTS] == sorted(
        (effect.dangerous for effect in effects.EFFECTS), reverse=True
    )
