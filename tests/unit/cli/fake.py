"""A stand-in for kvmspec.pipeline: it plans what a scenario says and records what it is asked.

Also a program: `python -m tests.unit.cli.fake SCENARIO ARGUMENT...` runs the command line on it.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType, SimpleNamespace
from typing import Any

import kvmspec
from kvmspec.core.change import Difference
from kvmspec.core.errors import HostUnreachable, ManifestError, Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Outcome, Plan, Result, Status
from kvmspec.core.problem import Problem
from kvmspec.core.status import Rendered, VmStatus
from tests.unit.report import plans as p

P = Permission


@dataclass
class Request:
    paths: Any
    variables: Any
    var_files: Any = ()
    connect: Any = None
    hosts: Any = ()
    targets: Any = ()
    granted: Any = frozenset()
    replaced: Any = ()
    destroy: bool = False
    offline: bool = False
    no_restart: bool = False


def needing(difference: Difference, *needed: Permission) -> Plan:
    return p.plan(difference, required=frozenset(needed))


def partly(plan: Plan) -> Plan:
    return replace(plan, hosts=(*plan.hosts, p.HV2_DOWN))


PLANS: dict[str, Plan] = {
    "same": p.plan(p.SAME),
    "create": p.plan(p.CREATE_VM),
    "drift": p.plan(p.DRIFT),
    "restart": needing(p.RESTART, P.RESTART),
    "delete": needing(p.DELETE, P.RESTART, P.DELETE),
    "loss": needing(p.LOSS, P.DELETE, P.DATA_LOSS),
    "refused": p.plan(p.REFUSED, refusals=(p.REFUSAL,)),
    "down": partly(p.plan(p.SAME)),
    "create-down": partly(p.plan(p.CREATE_VM)),
    "restart-down": partly(needing(p.RESTART, P.RESTART)),
    "refused-down": partly(p.plan(p.REFUSED, refusals=(p.REFUSAL,))),
    "fails": p.plan(p.CREATE_VM),
    "stale": p.plan(p.CREATE_VM),
    "slow": p.plan(p.CREATE_VM, p.CREATE_POOL),
}
AFTER: dict[str, Plan] = {
    "waits-same": p.plan(p.CREATE_VM),
    "waits-done": p.plan(p.SAME),
    "waits-more": needing(p.RESTART, P.RESTART),
    "waits-refused": p.plan(p.REFUSED, refusals=(p.REFUSAL,)),
}
"""What there is to do after another apply, which was waited for."""
PLANS |= dict.fromkeys(AFTER, p.plan(p.CREATE_VM))
ERRORS: dict[str, Exception] = {
    "invalid": ManifestError([p.REFUSAL]),
    "unreachable": HostUnreachable("no socket", hint="start libvirtd"),
    "bug": ZeroDivisionError("oops"),
    "interrupt": KeyboardInterrupt(),  # type: ignore[dict-item]
}


@dataclass
class Fake:
    """What the stand-in was asked, by scenario name."""

    scenario: str
    requests: list[Request] = field(default_factory=list)
    applied: list[Plan] = field(default_factory=list)
    waited: bool = False

    def check(self, request: Request) -> None:
        self.requests.append(request)
        if self.scenario in ERRORS:
            raise ERRORS[self.scenario]

    def load(self, request: Request) -> Any:
        self.check(request)
        items = [SimpleNamespace(kind=kind) for kind in ("network", "vm", "vm")]
        return SimpleNamespace(items=items, project="shop", warnings=(replace(p.REFUSAL, warning=True),))

    def render(self, request: Request) -> list[Rendered]:
        self.check(request)
        return [Rendered("vm", "a--b", "<domain/>\n"), Rendered("volume", "vms/x.qcow2", "<volume/>")]

    def expanded(self, request: Request) -> dict[str, Any]:
        self.check(request)
        return {"vms": {"a": {"memory": "1GiB"}}}

    def session(self, request: Request) -> Session:
        self.check(request)
        return Session(self, request)


class Session:
    def __init__(self, fake: Fake, request: Request) -> None:
        self.fake, self.request = fake, request

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def plan(self) -> Plan:
        plans = AFTER if self.fake.waited else PLANS
        return replace(plans[self.fake.scenario], granted=self.request.granted)

    def lock(self, plan: Plan, patience: Any = None) -> None:
        """In the scenarios of AFTER, another apply is there first."""
        if self.fake.scenario in AFTER:
            if not patience.seconds:
                raise Refused([Problem("another apply is running on hv1: you")])
            patience.told("hv1", "you", patience.seconds)
            self.fake.waited = True

    def apply(
        self, plan: Plan, *, on_event: Callable[[Event], None], interrupted: threading.Event, parallelism: int
    ) -> Result:
        if plan.missing:
            raise Refused([Problem("missing")])
        if self.fake.scenario == "stale":
            raise Refused([Problem("vm/web has changed since the plan")], hint="plan again")
        self.fake.applied.append(plan)
        if self.fake.scenario == "slow":
            return self._slowly(plan, interrupted)
        status = Status.FAILED if self.fake.scenario == "fails" else Status.DONE
        for step in plan.steps:
            on_event(Event(step, "started"))
            on_event(Event(step, status.value, 0.4))
        return Result(
            tuple(Outcome(step, status, 0.4, "no space" * (status is Status.FAILED)) for step in plan.steps)
        )

    def _slowly(self, plan: Plan, interrupted: threading.Event) -> Result:
        print("acting", file=sys.stderr, flush=True)  # noqa: T201
        interrupted.wait(20)
        time.sleep(0.5)
        return Result(
            (Outcome(plan.steps[0], Status.DONE), Outcome(plan.steps[1], Status.NOT_STARTED)),
            interrupted=True,
        )

    def locate(self, address: Any, path: str = "") -> None:
        return None

    def status(self) -> list[VmStatus]:
        actual = "unknown" if self.fake.scenario == "down" else "running"
        return [VmStatus(p.at("vm/a"), "running", actual, (), (), ())]


def module(fake: Fake) -> ModuleType:
    """The fake in the shape of kvmspec.pipeline."""
    made: Any = ModuleType("kvmspec.pipeline")
    made.Request, made.Session = Request, fake.session
    made.load, made.render, made.expanded = fake.load, fake.render, fake.expanded
    made.advice = lambda manifest: []
    made.manifest_json_schema = lambda: {"title": "kvmspec"}
    return made  # type: ignore[no-any-return]


if __name__ == "__main__":
    stand_in = module(Fake(sys.argv.pop(1)))
    sys.modules["kvmspec.pipeline"] = kvmspec.pipeline = stand_in  # type: ignore[attr-defined]
    from kvmspec.cli import main

    main()
