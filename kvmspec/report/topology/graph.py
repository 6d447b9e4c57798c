"""Every object a plan speaks of, what happens to it, and what refers to what."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kvmspec.core.address import Address
from kvmspec.core.plan import Plan
from kvmspec.report.effects import NO_OP, RANK, Effect, effect_of
from kvmspec.report.summary import effective

MAX_NODES = 40
"""Most objects that are drawn of one kind on one host; of volumes, in one pool."""
MAX_DRAWN = 400
"""With more objects than this in all, a host on which nothing changes is drawn as one line."""

UNREAD = Effect("unread", "?", "not read: its host is unknown")
OUTSIDE = Effect("outside", "", "not in this plan")
"""Named by the manifest and not managed by it, or left out by `--target`."""

_DIGITS = re.compile(r"(\d+)")


def rank(effect: Effect) -> int:
    """How early a reviewer wants to see it: 0 is the worst."""
    return RANK.get(effect, RANK[NO_OP])


def natural(name: str) -> list[Any]:
    """Sorts web-2 before web-10."""
    return [(int(part) if i % 2 else 0, part) for i, part in enumerate(_DIGITS.split(name))]


def pool_of(address: Address) -> Address | None:
    """The pool of a volume; None for all else."""
    pool = address.name.rpartition("/")[0]
    return Address(address.host, "pool", pool) if address.kind == "volume" and pool else None


class Graph:
    """effects by address; `uses` and `users` are the links that are drawn, both ways."""

    def __init__(self, plan: Plan) -> None:
        self.effects: dict[Address, Effect] = {item.address: effect_of(item) for item in effective(plan)}
        unknown = {host.name for host in plan.unknown}
        named = [address for link in plan.links for address in link]
        for address in [*named, *filter(None, map(pool_of, [*self.effects, *named]))]:
            self.effects.setdefault(address, UNREAD if address.host in unknown else OUTSIDE)
        self.uses: dict[Address, list[Address]] = defaultdict(list)
        self.users: dict[Address, list[Address]] = defaultdict(list)
        for user, used in drawn(plan.links):
            self.uses[user].append(used)
            self.users[used].append(user)
        self.by_host: dict[str, list[Address]] = defaultdict(list)
        for address in self.effects:
            self.by_host[address.host].append(address)
        self.hosts = list(dict.fromkeys([*(host.name for host in plan.hosts), *sorted(self.by_host)]))

    def on(self, host: str) -> list[Address]:
        return self.by_host.get(host, [])

    def quiet(self, host: str) -> bool:
        """Whether nothing happens on a host, in a plan that is too big to draw it all the same."""
        return len(self.effects) > MAX_DRAWN and all(
            rank(self.effects[address]) >= RANK[NO_OP] for address in self.on(host)
        )

    def choose(
        self, addresses: Iterable[Address], also: Callable[[Address], Any] = lambda _: 0
    ) -> tuple[list[Address], list[Address]]:
        """Those that are drawn, and those that are folded: what changes comes first, then what
        `also` puts in front."""
        ordered = sorted(addresses, key=lambda a: (rank(self.effects[a]), also(a), natural(a.name)))
        keep = len(ordered) if len(ordered) <= MAX_NODES + 1 else MAX_NODES  # a fold of one saves nothing
        return ordered[:keep], ordered[keep:]


def drawn(links: Sequence[tuple[Address, Address]]) -> list[tuple[Address, Address]]:
    """The links without those that the boxes tell already: that a volume is in its pool, that a VM needs
    the pool of its volume; and in which pool an image is."""
    links = list(dict.fromkeys(links))
    told = {(user, pool) for user, used in links if (pool := pool_of(used))}
    told |= {(user, pool) for user, _ in links if (pool := pool_of(user))}
    told |= {(user, used) for user, used in links if user.kind == "image"}
    return [link for link in links if link not in told and link[0] != link[1]]
