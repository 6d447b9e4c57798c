"""What a plan does to an object, as a picture shows it: a sign, a word, and a class for colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.report.summary import effective


@dataclass(frozen=True, slots=True)
class Fate:
    """`+ create` and its like; the class has one of COLOURS. Colour is never the only carrier."""

    text: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class Colour:
    """Of the area, the line, and the text on the area."""

    fill: str
    line: str
    text: str = "#1b1f24"


COLOURS: Mapping[str, Colour] = {
    "create": Colour("#d7f5dd", "#1a7f37"),
    "change": Colour("#fff3c4", "#9a6700"),
    "restart": Colour("#ffdfc2", "#bc4c00"),
    "delete": Colour("#ffd9d6", "#cf222e"),
    "adopt": Colour("#d8ecff", "#0969da"),
    "refused": Colour("#ffffff", "#cf222e", "#cf222e"),
    "elsewhere": Colour("#ffffff", "#6e7781", "#57606a"),
}
"""`elsewhere` is what the manifest refers to and does not manage."""
PLAIN = Colour("#f6f8fa", "#57606a")
DASHED = ("elsewhere", "refused")

UNMARKED = Fate()
_BY_VERB = {
    Verb.CREATE: Fate("+ create", "create"),
    Verb.DELETE: Fate("- delete", "delete"),
    Verb.ADOPT: Fate("= adopt", "adopt"),
    Verb.UPDATE: Fate("~ change", "change"),
}
_BY_IMPACT = {
    Impact.NEXT_START: Fate("! next start", "restart"),
    Impact.RESTART: Fate("! restart", "restart"),
    Impact.REPLACE: Fate("! replace", "delete"),
    Impact.DATA_LOSS: Fate("! replace, data loss", "delete"),
}
_LOSS = Fate("- delete, data loss", "delete")


def fates(plan: Plan | None) -> dict[Address, Fate]:
    """The fate of everything the plan speaks of."""
    return {d.address: _fate(d) for d in effective(plan)} if plan else {}


def _fate(difference: Difference) -> Fate:
    if difference.refusals:
        return Fate("x refused", "refused")
    if difference.verb is Verb.NO_OP:
        return Fate("restart pending", "restart") if difference.pending else UNMARKED
    if difference.verb is Verb.DELETE and difference.impact is Impact.DATA_LOSS:
        return _LOSS
    if difference.verb in (Verb.UPDATE, Verb.ADOPT) and difference.impact in _BY_IMPACT:
        return _BY_IMPACT[difference.impact]
    return _BY_VERB[difference.verb]
