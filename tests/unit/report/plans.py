"""Plans to print, built by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kvmspec.core.action import CreateVolume, DefineDomain, DefinePool, DeleteVolume, StartDomain, StartPool
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem, Where

TOKEN = "kvmspec-secret-0123456789abcdef"
HV1 = HostSummary("hv1", "qemu:///system")
HV2_DOWN = HostSummary("hv2", "qemu+ssh://root@hv2/system", "no route to host", "is it up?")


def at(short: str, host: str = "hv1") -> Address:
    """`vm/web-1` on a host."""
    kind, _, name = short.partition("/")
    return Address(host, kind, name)


def change(
    path: str, before: Any, after: Any, impact: Impact = Impact.LIVE, reason: str = "", **more: Any
) -> FieldChange:
    return FieldChange(path, before, after, impact, reason, **more)


def plan(*differences: Difference, **more: Any) -> Plan:
    """A plan of project shop with one start step for every difference that is something to do."""
    steps = tuple(
        Step(number, StartDomain(item.address), text="start")
        for number, item in enumerate(differences, 1)
        if item.verb is not Verb.NO_OP
    )
    base = Plan("shop", "2026-11-22T20:00:00Z", (HV1,), differences, steps)
    return replace(base, **more)


CREATE_POOL = Difference(at("pool/vms"), Verb.CREATE, label="dir /srv/vms")
CREATE_NETWORK = Difference(at("network/front"), Verb.CREATE, label="nat, 192.168.150.0/24")
CREATE_VOLUME = Difference(at("volume/vms/web-root.qcow2"), Verb.CREATE, label="20GiB")
CREATE_VM = Difference(at("vm/web"), Verb.CREATE, label="2 CPUs, 1GiB", after={"cpus": {"count": 2}})
LIVE = Difference(
    at("vm/web-1"),
    Verb.UPDATE,
    (
        change("memory.size", "1GiB", "2GiB", reason="max 4GiB"),
        change("disks.root.size", "20GiB", "40GiB", reason="grow"),
    ),
)
RESTART = Difference(
    at("vm/db"),
    Verb.UPDATE,
    (
        change(
            "cpus.mode",
            "host-model",
            "host-passthrough",
            Impact.RESTART,
            "the CPU model is fixed at boot",
        ),
    ),
)
STOPPED = Difference(
    at("vm/off"), Verb.UPDATE, (change("boot", ["disk"], ["network", "disk"], Impact.NONE, "it is stopped"),)
)
DELETE = Difference(
    at("vm/old"),
    Verb.DELETE,
    notes=("its volumes stay: old-root.qcow2 (20GiB)",),
    impact_floor=Impact.DELETE,
)
LOSS = Difference(
    at("volume/vms/scratch"),
    Verb.DELETE,
    before={"size": "10GiB"},
    label="vms, 10GiB",
    impact_floor=Impact.DATA_LOSS,
)
ADOPT = Difference(at("vm/imported"), Verb.ADOPT)
DRIFT = Difference(at("vm/web-2"), Verb.UPDATE, (change("networks[front].link", "down", "up", drift=True),))
SECRET = Difference(
    at("vm/vnc"),
    Verb.UPDATE,
    (change("graphics.vnc.password", "hunter1", "hunter2", Impact.RESTART, sensitive=True),),
)
PENDING = Difference(at("vm/p"), Verb.NO_OP, pending=(change("cpus.count", 2, 4, Impact.RESTART),))
FOREIGN = Difference(
    at("vm/q"),
    Verb.NO_OP,
    unmanaged=("has a USB device the manifest does not name; it stays.",),
    notes=("a note",),
)
SAME = Difference(at("vm/same"), Verb.NO_OP)
REFUSAL = Problem(
    "vm/web exists and belongs to nobody here", Where("a.yaml", 3, 5, "  web:"), "vms.web", "state its uuid:"
)
REFUSED = Difference(at("vm/web"), Verb.NO_OP, refusals=(REFUSAL,))
P = Permission
BIG = plan(
    CREATE_POOL, CREATE_NETWORK, CREATE_VOLUME, CREATE_VM, LIVE, RESTART,
    DELETE, LOSS, ADOPT, DRIFT, PENDING, FOREIGN,
    required=frozenset({P.RESTART, P.DELETE, P.DATA_LOSS}),
)  # fmt: skip
REPLACED = plan(
    Difference(at("volume/vms/a"), Verb.UPDATE, (change("size", "2GiB", "1GiB", Impact.DATA_LOSS),)),
    steps=(
        Step(1, DeleteVolume(at("volume/vms/a")), text="delete"),
        Step(2, CreateVolume(at("volume/vms/a"), "<volume/>", 1 << 30, "raw"), frozenset({1}), "create"),
    ),
)
STEPS = plan(
    CREATE_POOL,
    CREATE_VM,
    steps=(
        Step(1, DefinePool(at("pool/vms"), "<pool/>"), text="create"),
        Step(2, StartPool(at("pool/vms")), frozenset({1}), "start"),
        Step(3, DefineDomain(at("vm/web"), f"<domain>{TOKEN}</domain>"), frozenset({2}), "create"),
    ),
)  # fmt: skip
