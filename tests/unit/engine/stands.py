"""Stand-ins for kinds: what they plan is given, what they apply is written down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kvmspec.core.action import Action
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView
from kvmspec.core.plan import Plan, Step
from kvmspec.kinds.base import Chain, Context
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.section import HostEntry, Manifest

NAMES = ("pool", "volume", "network", "vm")


@dataclass
class StandIn:
    """kinds.base.Kind as far as plan and execute ask for it.

    does     action → what applying it does; it may raise
    applied  what was applied, in the order in which it ended
    most     how many were under way at once on each host
    """

    name: str
    prints: Mapping[str, str] = field(default_factory=dict)
    does: Callable[[Action], None] = lambda action: None
    applied: list[Action] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)
    _now: dict[str, int] = field(default_factory=dict)
    _guard: Any = field(default_factory=threading.Lock)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return list(difference.detail or ())

    def fingerprint(self, name: str, view: HostView) -> str:
        return self.prints.get(f"{view.host}/{name}", "")

    def apply(self, action: Action, host: Any, report: Callable[[str], None]) -> None:
        here = action.address.host
        self._count(here, 1)
        try:
            self.does(action)
            with self._guard:
                self.applied.append(action)
        finally:
            self._count(here, -1)

    def _count(self, host: str, by: int) -> None:
        with self._guard:
            self._now[host] = self._now.get(host, 0) + by
            self.most[host] = max(self.most.get(host, 0), self._now[host])


def stand_ins(**given: Any) -> dict[str, Any]:
    """One stand-in a kind, all alike."""
    return {name: StandIn(name, **given) for name in NAMES}


def at(text: str) -> Address:
    """`vm/web`, on hv1, or `hv2/vm/web`."""
    host, kind, name = (text if text.count("/") > 1 and text.startswith("hv") else f"hv1/{text}").split(
        "/", 2
    )
    return Address(host, kind, name)


def difference(
    where: str,
    verb: Verb,
    *actions: Callable[..., Action],
    impacts: Iterable[Impact] = (),
    **given: Any,
) -> Difference:
    """A difference whose chain is `actions`, each made of the address alone."""
    address = at(where)
    chain = tuple((action(address), action.__name__) for action in actions)
    changes = tuple(FieldChange(f"f{n}", 1, 2, impact) for n, impact in enumerate(impacts))
    return Difference(address, verb, changes, detail=chain, **given)


def context(
    needs: Mapping[str, Iterable[str]] | None = None, hosts: Iterable[str] = ("hv1",), **given: Any
) -> Context:
    """A context in which the keys of `needs` are wanted and need its values."""
    entries = {name: HostEntry(name, f"test://{name}") for name in hosts}
    desired = {at(key): Desired(at(key), None, needs=tuple(map(at, of))) for key, of in (needs or {}).items()}
    manifest = Manifest(
        project="shop",
        id=None,
        hosts=entries,
        items=(),
        moved=(),
        released=frozenset(),
        removed=(),
        defaults={},
        secrets=SecretStore(),
        where=lambda path: None,
    )
    views = {name: HostView(name, entry.uri) for name, entry in entries.items()}
    return Context(manifest, None, **({"views": views, "desired": desired} | given))  # type: ignore[arg-type]


def plan_of(*steps: Step) -> Plan:
    """A plan that is nothing but steps."""
    return Plan("shop", "now", (), (), steps)


def step(number: int, action: Action, *after: int) -> Step:
    return Step(number, action, frozenset(after))


def fail(words: str = "libvirt says no") -> None:
    raise LibvirtFailure(words, hint="try again")
