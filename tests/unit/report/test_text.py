"""The plan as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvmspec.core.action import DeleteVolume, StartDomain
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import Plan, Step
from kvmspec.report.style import Style
from kvmspec.report.text import plan_text
from tests.unit.report import plans as p

HEAD = "kvmspec will perform these actions on hv1 (qemu:///system):\n\n"
DOWN = "hv2: unknown: no route to host\n  hint: is it up?\n\n"

CASES: dict[str, tuple[Plan, str]] = {
    "nothing": (p.plan(p.SAME), "No changes. The hosts match the manifest.\n"),
    "create": (
        p.plan(p.CREATE_POOL, p.CREATE_VOLUME, p.CREATE_VM),
        HEAD + "  + pool/vms                            create (dir /srv/vms)\n"
        "  + volume/web-root.qcow2 (vms, 20GiB)  create\n"
        "  + vm/web                              create (2 CPUs, 1GiB)\n"
        "\nPlan: 3 to create.\n",
    ),
    "live": (
        p.plan(p.LIVE),
        HEAD + "  ~ vm/web-1  change while running\n"
        "      memory.size      1GiB → 2GiB    live (max 4GiB)\n"
        "      disks.root.size  20GiB → 40GiB  live (grow)\n"
        "\nPlan: 1 to change.\n",
    ),
    "restart": (
        p.plan(p.RESTART, required=frozenset({Permission.RESTART})),
        HEAD + "  ! vm/db  change, takes effect after a restart\n"
        "      cpus.mode        host-model → host-passthrough  restart: the CPU model is fixed at boot\n"
        "\nPlan: 1 to change. Restarts: 1.\nNeeds: --allow restart\n",
    ),
    "stopped": (
        p.plan(p.STOPPED),
        HEAD + "  ~ vm/off  change\n"
        "      boot             [disk] → [network, disk]  (it is stopped)\n"
        "\nPlan: 1 to change.\n",
    ),
    "delete": (
        p.plan(p.DELETE, p.LOSS, required=frozenset({Permission.DATA_LOSS, Permission.DELETE})),
        HEAD + "  - vm/old                       delete; its volumes stay: old-root.qcow2 (20GiB)\n"
        "  - volume/scratch (vms, 10GiB)  delete   DATA LOSS\n"
        "\nPlan: 2 to delete. Data loss: 1 volume (10 GiB).\nNeeds: --allow delete,data-loss\n",
    ),
    "a VM with its volumes": (
        p.plan(
            replace(
                p.DELETE,
                before={"volumes": {"vms/a": "1GiB", "vms/b": "512MiB"}},
                impact_floor=Impact.DATA_LOSS,
            )
        ),
        HEAD + "  - vm/old  delete; its volumes stay: old-root.qcow2 (20GiB)   DATA LOSS\n"
        "\nPlan: 1 to delete. Data loss: 2 volumes (1.5 GiB).\n",
    ),
    "volumes of unknown size": (
        p.plan(
            replace(p.DELETE, before={"volumes": ["vms/a"]}, impact_floor=Impact.DATA_LOSS, notes=()),
            steps=(Step(1, DeleteVolume(p.at("volume/vms/a")), text="delete"),),
        ),
        HEAD + "  - vm/old  delete   DATA LOSS\n\nPlan: 1 to delete. Data loss: 1 volume.\n",
    ),
    "let go": (
        p.plan(
            Difference(
                p.at("vm/x"),
                Verb.UPDATE,
                (p.change("metadata", "managed", "released"),),
                label="let go, not deleted",
            )
        ),
        HEAD + "  ~ vm/x  let go, not deleted\n      metadata         managed → released  live\n"
        "\nPlan: 1 to change.\n",
    ),
    "adopt": (p.plan(p.ADOPT), HEAD + "  = vm/imported  adopt\n\nPlan: 1 to adopt.\n"),
    "drift": (
        p.plan(p.DRIFT),
        HEAD + "  ~ vm/web-2  change while running\n"
        "      networks[front].link  down → up  live\n"
        "\nDrift: vm/web-2 was changed outside kvmspec: networks[front].link down → up\n"
        "\nPlan: 1 to change.\n",
    ),
    "remarks": (
        p.plan(p.PENDING, p.FOREIGN),
        "Not ours: vm/q has a USB device the manifest does not name; it stays.\n"
        "Pending restart: vm/p: cpus.count 2 → 4\n"
        "Note: vm/q: a note\n"
        "\nNo changes. The hosts match the manifest.\n",
    ),
    "secret": (
        p.plan(p.SECRET),
        HEAD + "  ! vm/vnc  change, takes effect after a restart\n"
        "      graphics.vnc.password  (secret) → (secret)  restart\n"
        "\nPlan: 1 to change. Restarts: 1.\n",
    ),
    "refused": (
        p.plan(p.REFUSED, refusals=(p.REFUSAL,)),
        "Refused:\n"
        "  vms.web: vm/web exists and belongs to nobody here (a.yaml:3:5)\n    hint: state its uuid:\n"
        "\nNothing will be done on any host until what is refused above is settled.\n",
    ),
    "unknown host": (
        p.plan(p.SAME, hosts=(p.HV1, p.HV2_DOWN)),
        DOWN + "No changes on the hosts that could be read.\n",
    ),
    "no host at all": (p.plan(hosts=(p.HV2_DOWN,)), DOWN + "No host could be read; nothing is planned.\n"),
    "steps of a no-op": (
        p.plan(p.SAME, steps=(Step(1, StartDomain(p.at("vm/same")), text="start"),)),
        HEAD + "  ~ vm/same  change; start\n\nPlan: 1 to change.\n",
    ),
    "a warning": (
        p.plan(p.SAME, warnings=(p.REFUSAL,)),
        "Warning: vms.web: vm/web exists and belongs to nobody here (a.yaml:3:5)\n  hint: state its uuid:\n"
        "\nNo changes. The hosts match the manifest.\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_plan(name: str) -> None:
    plan, text = CASES[name]
    assert plan_text(plan) == text


@pytest.mark.parametrize(
    ("granted", "line"),
    [
        ((), "Needs: --allow restart,delete,data-loss\n"),
        (
            ("restart",),
            "Needs: --allow restart,delete,data-loss (granted: restart; missing: delete,data-loss)\n",
        ),
        (("restart", "delete", "data-loss"), "Needs: --allow restart,delete,data-loss (all granted)\n"),
    ],
)
def test_needs(granted: tuple[str, ...], line: str) -> None:
    text = plan_text(replace(p.BIG, granted=frozenset(map(Permission, granted))))
    assert text.endswith(line)


def test_implied_permissions_are_not_asked_for() -> None:
    plan = p.plan(p.DELETE, required=frozenset({Permission.DELETE}))
    assert "Needs" not in plan_text(plan, implied=frozenset({Permission.DELETE}))


def test_two_hosts_have_a_section_each_and_full_addresses() -> None:
    elsewhere = replace(p.DRIFT, address=p.at("vm/x", "hv2"))
    text = plan_text(p.plan(p.LIVE, elsewhere, hosts=(p.HV1, replace(p.HV2_DOWN, unknown="", hint=""))))
    assert text.index("on hv1") < text.index("on hv2 (qemu+ssh://root@hv2/system):")
    assert "Drift: hv2/vm/x was changed" in text


def test_verbose_shows_steps_and_what_needs_nothing() -> None:
    text = plan_text(replace(p.STEPS, differences=(*p.STEPS.differences, p.SAME)), verbose=True)
    assert "     2  pool/vms  start  (after 1)\n" in text
    assert "As they should be:\n    vm/same\n" in text


@pytest.mark.parametrize("width", [80, 100, 140])
def test_nothing_but_values_and_totals_is_wider_than_the_terminal(width: int) -> None:
    lines = plan_text(p.BIG, width=width).splitlines()
    assert [
        line for line in lines if len(line) > width and not line.startswith(("Plan:", "Needs:", "Drift:"))
    ] == []


def test_hostile_text_stays_on_its_line_and_in_sight() -> None:
    bad = "a\nb\x1b[31m\u202ec"
    difference = Difference(
        p.at("vm/x"), Verb.UPDATE, (p.change(bad, bad, None, reason=bad),), notes=(bad,), unmanaged=(bad,)
    )
    text = plan_text(p.plan(difference, hosts=(replace(p.HV1, uri=bad),)))
    assert "\x1b" not in text and "\u202e" not in text
    assert "a\\nb\\x1b[31m\\u202ec → (none)" in text


def test_long_values_are_cut_where_they_differ() -> None:
    difference = Difference(
        p.at("vm/x"), Verb.UPDATE, (p.change("title", "x" * 300 + "old", "x" * 300 + "new"),)
    )
    before, after = [line for line in plan_text(p.plan(difference), width=60).splitlines() if "xxx" in line]
    assert before.endswith("old") and after.endswith("new")
    assert max(len(before), len(after)) <= 60


def test_colour_adds_nothing_but_colour() -> None:
    import re

    coloured = plan_text(p.BIG, style=Style(True))
    assert "\x1b[31m-\x1b[0m vm/old" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plan_text(p.BIG)


@pytest.mark.parametrize(
    ("kind", "impact", "phrase"),
    [
        ("network", Impact.RESTART, "change, restarts the network"),
        ("vm", Impact.REPLACE, "change, a part of it is replaced"),
        ("vm", Impact.NONE, "change"),
    ],
)
def test_phrases(kind: str, impact: Impact, phrase: str) -> None:
    difference = Difference(p.at(f"{kind}/x"), Verb.UPDATE, (p.change("f", 1, 2, impact),))
    assert f"{kind}/x  {phrase}\n" in plan_text(p.plan(difference))
