"""Fields of the machine itself: clock, events, features, firmware, controllers, CPU. Each is defined, changed and
taken away again, and each time there is nothing left to plan. What a running guest does not get is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]

CLOCK: dict[str, tuple[Fields, Fields]] = {
    "another clock": ({"clock": "localtime"}, {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}}),
    "a clock that the guest sets": (
        {"clock": {"offset": "variable", "adjustment": 3600, "basis": "localtime"}},
        {"clock": {"offset": "utc", "adjustment": "reset"}},
    ),
    "a clock that stands": (
        {"clock": {"offset": "absolute", "start": 1700000000}},
        {"clock": {"offset": "variable", "adjustment": -60}},
    ),
    "timers": (
        {"clock": {"timers": {"hpet": True, "rtc": {"tickpolicy": "delay"}}}},
        {
            "clock": {
                "offset": "localtime",
                "timers": {
                    "rtc": {
                        "tickpolicy": "catchup",
                        "track": "guest",
                        "catchup": {"threshold": 123, "slew": 120, "limit": 10000},
                    },
                    "kvmclock": False,
                    "hypervclock": True,
                    "tsc": {"frequency": 3504000000, "mode": "native"},
                },
            }
        },
    ),
    "no timers": ({"clock": {"timers": {}}}, {"clock": {"timers": {"pit": {"tickpolicy": "discard"}}}}),
    "events": (
        {"on_poweroff": "destroy", "on_reboot": "destroy", "on_crash": "preserve"},
        {"on_reboot": "restart", "on_crash": "coredump-destroy", "on_lockfailure": "pause"},
    ),
    "power states": (
        {"pm": {"suspend_to_mem": False, "suspend_to_disk": True}},
        {"pm": {"suspend_to_disk": False}},
    ),
}
ALL = [pytest.param(*fields, id=name) for name, fields in CLOCK.items()]


def idle(state: str = "stopped", **fields: Any) -> Fields:
    return {"web": idle_vm(state=state, **fields)}


@pytest.mark.parametrize(("first", "second"), ALL)
def test_a_plan_is_empty_after_each_change(scene: Scene, first: Fields, second: Fields) -> None:
    scene.settle(scene.manifest(idle(**first)))
    scene.settle(scene.manifest(idle(**second)))
    scene.settle(scene.manifest(idle()))
    scene.settle(scene.manifest(idle(**first)))


RESTARTS: dict[str, tuple[Fields, str, str]] = {
    "clock": ({"clock": "localtime"}, "clock.offset", "the clock is set when the guest starts"),
    "timers": (
        {"clock": {"timers": {"hpet": True}}},
        "clock.timers.hpet",
        "the guest finds its timers at boot",
    ),
    "power states": (
        {"pm": {"suspend_to_mem": False}},
        "pm.suspend_to_mem",
        "the firmware tells the guest at boot",
    ),
}


@pytest.mark.parametrize("name", RESTARTS)
def test_what_takes_a_restart_says_why(scene: Scene, name: str) -> None:
    fields, path, reason = RESTARTS[name]
    later = {"restart": "later"}
    scene.settle(scene.manifest(idle("running", lifecycle=later)))
    changed = scene.manifest(idle("running", lifecycle=later, **fields))
    plan = scene.plan_json(changed)
    (vm,) = (item for item in plan["resource_changes"] if item["address"].endswith("vm/web"))
    told = {change["path"]: change["reason"] for change in vm["changes"]}
    assert told[path] == reason
    scene.apply(changed)
    pending = {change["path"] for change in scene.plan_json()["pending"][0]["changes"]}
    assert path in pending or any(path.startswith(inner) or inner.startswith(path) for inner in pending)


def test_events_change_while_the_guest_runs(scene: Scene) -> None:
    scene.settle(scene.manifest(idle("running")))
    number = scene.domain("web").ID()
    for fields in (
        {"on_crash": "preserve"},
        {"on_crash": "coredump-restart", "on_poweroff": "restart"},
        {"on_reboot": "destroy", "on_poweroff": "destroy"},
        {"on_reboot": "restart", "on_poweroff": "restart"},
        {"on_reboot": "destroy"},
        {},
    ):
        scene.settle(scene.manifest(idle("running", **fields)))
        for active in (True, False):
            tree = scene.tree("web", active=active)
            assert {name: tree.findtext(name) for name in fields} == fields
    assert scene.domain("web").ID() == number
    assert scene.tree("web", active=True).findtext("on_reboot") == "restart"
