"""Objects, fields and problems as the sections of a comment word them. Each on one line."""

from __future__ import annotations

from collections.abc import Sequence

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange
from kvmspec.core.impact import Impact
from kvmspec.core.plan import Plan
from kvmspec.core.problem import Problem
from kvmspec.report.markdown.escape import code, sentence
from kvmspec.report.rows import title
from kvmspec.report.text import address_text
from kvmspec.report.values import LIMIT, arrow

_NAME, _PATH = 120, 80
_COSTS = {
    Impact.NONE: "",
    Impact.LIVE: "live",
    Impact.NEXT_START: "next start",
    Impact.RESTART: "**restart**",
    Impact.DELETE: "**delete**",
    Impact.REPLACE: "**replace**",
    Impact.DATA_LOSS: "**DATA LOSS**",
}


def cost(impact: Impact) -> str:
    """The word for an impact; bold where somebody notices."""
    return _COSTS[impact]


def object_name(difference: Difference) -> str:
    """`vm/web-1`, as code."""
    return code(title(difference), _NAME)


def address_name(plan: Plan, address: Address) -> str:
    """`vm/web-1`, with its host where there are several, as code."""
    return code(address_text(plan, address), _NAME)


def field(change: FieldChange) -> str:
    """`memory.size` `1GiB → 2GiB`, as code."""
    return f"{path(change)} {code(arrow(change, LIMIT))}"


def path(change: FieldChange) -> str:
    """The field's place in the manifest, as code."""
    return code(change.path, _PATH)


def why(change: FieldChange) -> str:
    """The reason, and how to do without the restart; empty where neither is known."""
    parts = [sentence(change.reason)] if change.reason else []
    if change.avoid:
        parts.append(f"avoidable: {sentence(change.avoid)}")
    return "; ".join(parts)


def some(parts: Sequence[str], most: int, noun: str) -> str:
    """The first few parts and how many there are beyond them."""
    beyond = len(parts) - most
    rest = [f"… and {beyond} more {noun}{'s' if beyond > 1 else ''}"] if beyond > 0 else []
    return ", ".join([*parts[:most], *rest])


def problem(found: Problem) -> str:
    """What is wrong, where, and what to do."""
    head = "" if not found.path or found.message.startswith(found.path) else f"{code(found.path)}: "
    place = f" ({code(str(found.where))})" if found.where else ""
    hint = f". *Hint*: {sentence(found.hint)}" if found.hint else ""
    return f"{head}{sentence(found.message).removesuffix('.')}{place}{hint}"
