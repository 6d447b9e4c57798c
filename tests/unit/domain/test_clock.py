"""The guest's clock, power states, and what follows when it stops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit, select
from kvmspec.canon.read import read
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import edits, preset, render
from kvmspec.kinds.domain.brief import NEVER_STATED, asked_for, brief
from kvmspec.kinds.domain.fit import stated_data
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def spec_of(**fields: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", **fields})


def rendered(spec: VmSpec) -> str:
    return render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())


def stated(**fields: Any) -> dict[str, Any]:
    spec = spec_of(**fields)
    return stated_data(rendered(spec), spec)


REFUSED: dict[str, tuple[Any, str]] = {
    "a time zone of utc": ({"offset": "utc", "timezone": "Europe/Berlin"}, "go together"),
    "no time zone": ("timezone", "go together"),
    "absolute without a start": ("absolute", "go together"),
    "a basis of utc": ({"offset": "utc", "basis": "utc"}, "goes with `offset: variable`"),
    "seconds of utc": ({"offset": "utc", "adjustment": 5}, "`offset: variable`"),
    "a variable that is reset": (
        {"offset": "variable", "adjustment": "reset"},
        "`offset: utc` or `localtime`",
    ),
    "a timer that there is not": ({"timers": {"sundial": True}}, "'rtc', 'pit'"),
    "a tsc that follows": ({"timers": {"tsc": {"track": "guest"}}}, "`rtc` and `platform` only"),
    "the mode of an hpet": ({"timers": {"hpet": {"mode": "native"}}}, "of the timer `tsc` only"),
    "ticks of kvmclock": ({"timers": {"kvmclock": {"tickpolicy": "delay"}}}, "have no ticks"),
    "catching up without": ({"timers": {"rtc": {"catchup": {"slew": 1}}}}, "goes with `tickpolicy: catchup`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    clock, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        spec_of(clock=clock)
    assert words in str(caught.value)


def test_a_clock_and_its_timers() -> None:
    timers = {"hpet": False, "tsc": {"frequency": 3, "mode": "native"}, "rtc": {"tickpolicy": "catchup"}}
    found = stated(clock={"offset": "timezone", "timezone": "Europe/Berlin", "timers": timers})["clock"]
    assert found == {
        "@offset": "timezone",
        "@timezone": "Europe/Berlin",
        "timer": {
            "hpet": {"@name": "hpet", "@present": "no"},
            "tsc": {"@name": "tsc", "@frequency": "3", "@mode": "native"},
            "rtc": {"@name": "rtc", "@tickpolicy": "catchup"},
        },
    }


def test_how_a_timer_catches_up() -> None:
    timer = {"tickpolicy": "catchup", "catchup": {"threshold": 0, "limit": 9}}
    found = stated(clock={"timers": {"rtc": timer}})["clock"]["timer"]["rtc"]
    assert found["catchup"] == {"@threshold": "0", "@limit": "9"}


def test_events_and_power_states() -> None:
    found = stated(on_crash="coredump-restart", on_lockfailure="pause", pm={"suspend_to_mem": False})
    assert found["on_crash"] == {"#": "coredump-restart"}
    assert found["on_lockfailure"] == {"#": "pause"}
    assert found["pm"] == {"suspend-to-mem": {"@enabled": "no"}}


def test_nothing_is_rendered_that_is_not_stated() -> None:
    assert not {"clock", "pm", "on_crash", "on_reboot"} & stated().keys()


def test_a_new_vm_has_the_usual_timers_unless_others_are_stated() -> None:
    full = preset.completed(spec_of(), HostFacts())
    assert full.clock is not None and full.timed
    assert list(full.clock.timers or ()) == ["rtc", "pit", "hpet"]
    other = preset.completed(spec_of(clock={"timers": {"kvmclock": True}}), HostFacts()).clock
    assert other is not None and list(other.timers or ()) == ["kvmclock"] and other.offset == "utc"
    none = preset.completed(spec_of(clock={"offset": "localtime", "timers": {}}), HostFacts()).clock
    assert none is not None and none.timers == {} and none.offset == "localtime"
    assert preset.completed(spec_of(preset="bare"), HostFacts()).clock is None


def test_the_clock_is_read_only_where_it_is_stated() -> None:
    xml = "<domain type='kvm'>\n  <clock offset='utc'/>\n  <pm/>\n</domain>\n"
    assert "clock" not in brief(xml, asked_for(spec_of().model_fields_set, {}))
    stated_now = asked_for(spec_of(clock="utc").model_fields_set, {})
    assert brief(xml, stated_now)["clock"] == {"@offset": "utc"}
    assert asked_for(set(), {"clock": {}, "devices": {"disk": {}}}) == {"clock"}
    assert asked_for({"controllers"}, {}) == {"controller"} < NEVER_STATED


OFFSETS: list[dict[str, Any]] = [
    {"offset": "utc"},
    {"offset": "localtime", "adjustment": "reset"},
    {"offset": "timezone", "timezone": "Europe/Berlin"},
    {"offset": "variable", "adjustment": -5, "basis": "localtime"},
    {"offset": "absolute", "start": 7},
]


@given(st.sampled_from(OFFSETS), st.sampled_from(OFFSETS))
def test_another_offset_takes_with_it_what_belongs_to_the_old_one(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    before = rendered(spec_of(clock=first))
    spec = spec_of(clock=second)
    wanted = stated_data(rendered(spec), spec)["clock"]
    made = [
        step
        for name, value in sorted(wanted.items())
        for step in edits.writing(("clock", name), value, lambda path: select_clock(spec), read(before))
    ]
    assert read(edit(before, made))["clock"] == wanted


def select_clock(spec: VmSpec) -> str:
    return select(rendered(spec), ("clock",))


def test_a_clock_that_is_not_stated_any_more_is_utc() -> None:
    before = "<domain><clock offset='localtime'/></domain>"
    assert read(edit(before, edits.removing(("clock", "@offset"))))["clock"] == {"@offset": "utc"}


def test_what_libvirt_takes_no_two_of() -> None:
    with pytest.raises(ValidationError, match="`on_poweroff: restart` beside `on_reboot: destroy`"):
        spec_of(on_poweroff="restart", on_reboot="destroy")
