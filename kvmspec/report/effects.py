"""What happens to an object, in one word and one sign: the worst that is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass

from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact


@dataclass(frozen=True, slots=True)
class Effect:
    """key names it in links and style sheets; sign and word tell it without colour; `dangerous`
    ones want a reviewer's eye before all others."""

    key: str
    sign: str
    word: str
    dangerous: bool = False


REFUSED = Effect("refused", "×", "refused", dangerous=True)
DATA_LOSS = Effect("data-loss", "‼", "data loss", dangerous=True)
REPLACE = Effect("replace", "±", "replace", dangerous=True)
DELETE = Effect("delete", "−", "delete", dangerous=True)
RESTART = Effect("restart", "!", "restart", dangerous=True)
NEXT_START = Effect("next-start", "!", "next start")
LIVE = Effect("live", "~", "change live")
CHANGE = Effect("change", "~", "change")
CREATE = Effect("create", "+", "create")
ADOPT = Effect("adopt", "=", "adopt")
NO_OP = Effect("no-op", "·", "no change")

EFFECTS = (REFUSED, DATA_LOSS, REPLACE, DELETE, RESTART, NEXT_START, LIVE, CHANGE, CREATE, ADOPT, NO_OP)
"""Worst first."""

RANK = {effect: rank for rank, effect in enumerate(EFFECTS)}

_BY_IMPACT = {
    Impact.NEXT_START: NEXT_START,
    Impact.RESTART: RESTART,
    Impact.DELETE: DELETE,
    Impact.REPLACE: REPLACE,
    Impact.DATA_LOSS: DATA_LOSS,
}
_BY_VERB = {
    Verb.CREATE: CREATE,
    Verb.DELETE: DELETE,
    Verb.ADOPT: ADOPT,
    Verb.NO_OP: NO_OP,
    Verb.UPDATE: CHANGE,
}


def effect_of(difference: Difference) -> Effect:
    """Its refusal, else its impact from next start up, else what is done to it."""
    if difference.refusals:
        return REFUSED
    if difference.verb is Verb.DELETE:
        return _BY_IMPACT[max(difference.impact, Impact.DELETE)]
    if difference.verb is Verb.UPDATE and difference.impact is Impact.LIVE:
        return LIVE
    return _BY_IMPACT.get(difference.impact, _BY_VERB[difference.verb])
