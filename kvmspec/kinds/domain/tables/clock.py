"""Rows of the guest's clock, of its power states, and of what follows when it stops."""

from __future__ import annotations

from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.row import ANY, Field, attribute, number
from kvmspec.kinds.domain.rules import live, restart
from kvmspec.kinds.domain.tables.devices import switch

CLOCK, TIMER = ("clock",), ("clock", "timer", ANY)
OFFSET = ("clock", "@offset")
LIFECYCLE = {"on_poweroff": "destroy", "on_reboot": "restart", "on_crash": "destroy"}
"""What libvirt does where nothing is said (measured on 9.0)."""

_SET = restart("the clock is set when the guest starts")
_TIMERS = restart("the guest finds its timers at boot")
_POWER = restart("the firmware tells the guest at boot")
_EVENT = live("counts from the next event on")


def _timer(value: Any) -> Any:
    """Of a whole timer what there is to tell: `false`, `catchup`, else that it is there."""
    if not isinstance(value, dict):
        return value
    if value.get("@present") == "no":
        return False
    return value.get("@tickpolicy") or value.get("@mode") or True


def _enabled(value: Any) -> Any:
    return switch(attribute("enabled")(value))


ROWS: tuple[Field, ...] = (
    Field("clock.offset", OFFSET, _SET, removable=True),
    Field("clock.timezone", (*CLOCK, "@timezone"), _SET, removable=True),
    Field("clock.adjustment", (*CLOCK, "@adjustment"), _SET, removable=True),
    Field("clock.basis", (*CLOCK, "@basis"), _SET, removable=True),
    Field("clock.start", (*CLOCK, "@start"), _SET, number, removable=True),
    Field("clock.timers.{key}.present", (*TIMER, "@present"), _TIMERS, switch, removable=True),
    Field("clock.timers.{key}.tickpolicy", (*TIMER, "@tickpolicy"), _TIMERS, removable=True),
    *(
        Field(
            f"clock.timers.{{key}}.catchup.{name}",
            (*TIMER, "catchup", f"@{name}"),
            _TIMERS,
            number,
            removable=True,
        )
        for name in ("threshold", "slew", "limit")
    ),
    Field("clock.timers.{key}.track", (*TIMER, "@track"), _TIMERS, removable=True),
    Field("clock.timers.{key}.frequency", (*TIMER, "@frequency"), _TIMERS, number, removable=True),
    Field("clock.timers.{key}.mode", (*TIMER, "@mode"), _TIMERS, removable=True),
    Field("clock.timers.{key}", TIMER, _TIMERS, _timer, removable=True, whole=True),
    *(Field(name, (name,), _EVENT, removable=True, call=Call.LIFECYCLE) for name in LIFECYCLE),
    Field(
        "on_lockfailure",
        ("on_lockfailure",),
        restart("the lock manager is told when the guest starts"),
        removable=True,
        unproved="a lock manager",
    ),
    Field("pm.suspend_to_mem", ("pm", "suspend-to-mem"), _POWER, _enabled, removable=True, whole=True),
    Field("pm.suspend_to_disk", ("pm", "suspend-to-disk"), _POWER, _enabled, removable=True, whole=True),
)
