"""Carry out a plan's steps: in their order, side by side where they are independent.

Nothing is decided here. A step that fails stops what needs it and nothing else; a VM whose
chain fails half way gets its definition back.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import WaitForGuest, Waiting
from kvmspec.core.errors import Interruption, KvmspecError
from kvmspec.core.plan import Event, Outcome, Plan, Result, Status, Step
from kvmspec.engine.undo import Undo
from kvmspec.kinds.base import Kind

OnEvent = Callable[[Event], None]


def execute(
    plan: Plan,
    hosts: Mapping[str, Host],
    kinds: Mapping[str, Kind],
    *,
    on_event: OnEvent,
    interrupted: threading.Event,
    parallelism: int,
) -> Result:
    """Run every step. `parallelism` is the number of steps at once on each host.

    Once `interrupted` is set no further step is started; those under way are finished.
    """
    return _Run(plan, hosts, kinds, on_event, interrupted, parallelism).run()


class _Run:
    def __init__(
        self,
        plan: Plan,
        hosts: Mapping[str, Host],
        kinds: Mapping[str, Kind],
        on_event: OnEvent,
        interrupted: threading.Event,
        parallelism: int,
    ) -> None:
        self.steps = {step.number: step for step in plan.steps}
        self.hosts, self.kinds, self.interrupted = hosts, kinds, interrupted
        self.on_event, self.parallelism = on_event, parallelism
        self.workers = max(1, parallelism) * max(1, len(hosts))
        self.waiting = dict(self.steps)
        self.outcomes: dict[int, Outcome] = {}
        self.running: dict[Future[Outcome], Step] = {}
        self.undo = Undo(plan, hosts, kinds)

    def run(self) -> Result:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="kvmspec") as pool:
            self._start(pool)
            while self.running:
                done, _ = wait(self.running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._finish(self.running.pop(future), future.result())
                self._start(pool)
        for number, step in self.steps.items():
            if number not in self.outcomes:
                self.outcomes[number] = self._left(number)
                self.on_event(Event(step, self.outcomes[number].status.value))
        return Result(tuple(self.outcomes[number] for number in self.steps), self.interrupted.is_set())

    def _left(self, number: int) -> Outcome:
        status = Status.NOT_STARTED if self.interrupted.is_set() else Status.SKIPPED
        return Outcome(self.steps[number], status)

    def _start(self, pool: ThreadPoolExecutor) -> None:
        """Start every step whose turn it is, up to the limit of its host."""
        if self.interrupted.is_set():
            return
        load = Counter(step.action.address.host for step in self.running.values())
        decided = []
        for number, step in self.waiting.items():
            host = step.action.address.host
            if len(self.running) == self.workers:
                break
            if load[host] >= self.parallelism:
                continue
            if ready := self._ready(step):
                load[host] += 1
                self.on_event(Event(step, "started"))
                self.running[pool.submit(self._perform, step)] = step
            if ready or number in self.outcomes:
                decided.append(number)
        for number in decided:
            del self.waiting[number]

    def _ready(self, step: Step) -> bool:
        """Whether all it needs is done. With something it needs failed, it is skipped."""
        before = [self.outcomes.get(number) for number in step.after]
        if any(outcome is not None and outcome.status is not Status.DONE for outcome in before):
            self.outcomes[step.number] = Outcome(step, Status.SKIPPED)
            self.on_event(Event(step, Status.SKIPPED.value))
            return False
        return all(outcome is not None for outcome in before)

    def _perform(self, step: Step) -> Outcome:
        begin = time.monotonic()
        address = step.action.address
        said: list[str] = []
        waits = [""]

        def tell(text: str) -> None:
            if isinstance(step.action, Waiting) and self.interrupted.is_set():
                again = "" if isinstance(step.action, WaitForGuest) else ", and the next apply waits again"
                raise Interruption(f"interrupted; it is not waited for any longer{again}")
            if not text or text == waits[-1]:
                return
            if text.endswith("…"):
                waits.append(text)
            else:
                said.append(text)
            self.on_event(Event(step, "progress", time.monotonic() - begin, note=text))

        try:
            self.undo.before(step)
            self.kinds[address.kind].apply(step.action, self.hosts[address.host], tell)
        except KvmspecError as error:
            return Outcome(step, Status.FAILED, time.monotonic() - begin, error.message, error.hint)
        except Exception as error:  # noqa: BLE001  whatever it is: the outcome says so, and the others go on
            return Outcome(step, Status.FAILED, time.monotonic() - begin, f"{type(error).__name__}: {error}")
        return Outcome(step, Status.DONE, time.monotonic() - begin, note="; ".join(said))

    def _finish(self, step: Step, outcome: Outcome) -> None:
        self.outcomes[step.number] = outcome
        self.on_event(
            Event(step, outcome.status.value, outcome.seconds, outcome.error, outcome.note, outcome.hint)
        )
        if outcome.status is Status.FAILED:
            for number, undone in self.undo.after_failure(step, self.outcomes).items():
                self.outcomes[number] = undone
                self.on_event(Event(undone.step, undone.status.value, undone.seconds, undone.error))
