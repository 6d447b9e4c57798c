"""Where everything goes: networks | VMs | pools with their volumes, a host below the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kvmspec.core.address import Address
from kvmspec.core.plan import Plan
from kvmspec.report.effects import NO_OP, RANK, Effect
from kvmspec.report.topology.graph import OUTSIDE, UNREAD, Graph, natural, pool_of, rank
from kvmspec.report.topology.shapes import ROW, Column, Edge, Frame, HostBox, Node, Picture
from kvmspec.report.values import clean, counted, width

WIDTH = 1080
_PAD, _HEAD, _LABELS, _GAP, _INSET = 16, 46, 26, 8, 10
_SIGN, _CHARACTER = 38, 7.25  # the sign and the margins; one character of the 12 px monospaced font

_NETWORKS = Column(_PAD, 216, "Networks")
_VMS = Column(394, 268, "VMs")
_STORAGE = Column(808, WIDTH - 808 - _PAD, "Storage")
_COLUMNS = {"network": _NETWORKS, "vm": _VMS}
_NOUNS = {"vm": "VM"}


def picture(plan: Plan) -> Picture | None:
    """Lay out the plan's objects; None where there is nothing to draw."""
    graph = Graph(plan)
    if not graph.effects:
        return None
    boxes, nodes, y = [], [], 0.0
    for name in graph.hosts:
        box, inside = _host(plan, graph, name, y)
        boxes.append(box)
        nodes += inside
        y += box.height + _PAD
    for number, node in enumerate(nodes):
        node.number = number
    return Picture(WIDTH, y - _PAD, tuple(boxes), tuple(nodes), tuple(_edges(graph, nodes)))


# --- one host
def _host(plan: Plan, graph: Graph, name: str, y: float) -> tuple[HostBox, list[Node]]:
    summary = next((host for host in plan.hosts if host.name == name), None)
    uri = clean(summary.uri) if summary else ""
    box = HostBox(_cut(clean(name), 40), _cut(uri, 80), bool(summary and summary.unknown), y, _HEAD)
    mine = graph.on(name)
    if not mine or graph.quiet(name):
        box.note = f"{_count(mine)}: nothing changes" if mine else "nothing of it is known"
        return box, []
    networks = [address for address in mine if address.kind == "network"]
    stored = [address for address in mine if address.kind not in _COLUMNS]
    vms = _vms(graph, [address for address in mine if address.kind == "vm"], networks)
    pools = _pools(graph, stored, _places(vms))
    wires = _nodes(graph, *graph.choose(networks), _NETWORKS)
    top = y + _HEAD + _LABELS
    bottom = max(_stack(vms, top), _stack_pools(pools, box, top))
    bottom = max(bottom, _beside(graph, wires, vms, top, bottom))
    box.height = bottom - y + _PAD
    shown = ((_NETWORKS, wires), (_VMS, vms), (_STORAGE, pools))
    box.columns = [column for column, there in shown if there]
    return box, [*wires, *vms, *(node for pool in pools for node in pool)]


def _vms(graph: Graph, vms: Sequence[Address], networks: Iterable[Address]) -> list[Node]:
    """Beside each other those that are on the same network."""
    order = {network: place for place, network in enumerate(sorted(networks, key=lambda n: natural(n.name)))}
    chosen, folded = graph.choose(vms)
    first = {vm: min((order[n] for n in graph.uses[vm] if n in order), default=len(order)) for vm in chosen}
    return _nodes(graph, sorted(chosen, key=lambda vm: (first[vm], natural(vm.name))), folded, _VMS)


def _pools(graph: Graph, stored: Iterable[Address], places: Mapping[Address, int]) -> list[list[Node]]:
    """A list a pool: the pool itself, then its volumes in the order of the VMs that use them. What is
    neither pool nor volume stands alone."""
    groups: dict[Address, list[Address]] = {}
    for address in stored:
        pool = pool_of(address)
        groups.setdefault(pool or address, []).extend([address] if pool else [])

    def place(address: Address) -> float:
        return min((places[user] for user in graph.users[address] if user in places), default=1e6)

    def middle(pool: Address) -> tuple[float, list[object]]:
        known = [spot for volume in groups[pool] if (spot := place(volume)) < 1e6]
        return (sum(known) / len(known) if known else 1e6), natural(pool.name)

    return [_pool(graph, pool, groups[pool], place) for pool in sorted(groups, key=middle)]


def _pool(
    graph: Graph, pool: Address, volumes: Sequence[Address], place: Callable[[Address], float]
) -> list[Node]:
    chosen, folded = graph.choose(volumes, also=place)
    inner = Column(_STORAGE.x + _INSET, _STORAGE.width - 2 * _INSET, "")
    chosen.sort(key=lambda volume: (place(volume), natural(volume.name)))
    inside = _nodes(graph, chosen, folded, inner)
    return [*_nodes(graph, [pool], [], inner if inside else _STORAGE), *inside]


def _places(nodes: Iterable[Node]) -> dict[Address, int]:
    return {address: place for place, node in enumerate(nodes) for address in node.members}


# --- nodes
def _nodes(graph: Graph, chosen: Iterable[Address], folded: Sequence[Address], column: Column) -> list[Node]:
    nodes = [_node(address, graph.effects[address], column) for address in chosen]
    return [*nodes, _fold(graph, folded, column)] if folded else nodes


def _node(address: Address, effect: Effect, column: Column) -> Node:
    name = clean(address.leaf if address.kind == "volume" else address.name)
    text = f"{address.kind} {name}" if address.kind in ("pool", "image") else name
    title = f"{clean(address.short)}: {effect.word}"
    room = int((column.width - _SIGN) / _CHARACTER)
    return Node((address,), effect, _cut(text, room), title, column.x, column.width, address)


def _fold(graph: Graph, folded: Sequence[Address], column: Column) -> Node:
    effects = Counter(graph.effects[address] for address in folded)
    said = ", ".join(f"{number} {effect.word}" for effect, number in sorted(effects.items(), key=_worse))
    noun = counted(len(folded), _NOUNS.get(folded[0].kind, folded[0].kind)).partition(" ")[2]
    changing = sum(number for effect, number in effects.items() if rank(effect) < RANK[NO_OP])
    some = f", {changing} change" if 0 < changing < len(folded) else ""
    text = _cut(f"and {len(folded)} more {clean(noun)}{some}", int((column.width - _SIGN) / _CHARACTER))
    return Node(tuple(folded), min(effects, key=rank), text, said, column.x, column.width)


def _worse(item: tuple[Effect, int]) -> int:
    return rank(item[0])


def _count(addresses: Iterable[Address]) -> str:
    kinds = Counter(address.kind for address in addresses)
    return ", ".join(counted(number, _NOUNS.get(kind, clean(kind))) for kind, number in sorted(kinds.items()))


def _cut(text: str, columns: int) -> str:
    """`text` in so many columns; what is left out is its middle, as names tend to differ at the end."""
    if width(text) <= columns:
        return text
    while width(text) >= columns:
        middle = len(text) // 2
        text = text[:middle] + text[middle + 1 :]
    middle = len(text) // 2
    return f"{text[:middle]}…{text[middle:]}"


# --- places
def _stack(nodes: Iterable[Node], top: float) -> float:
    """One below the other; gives where the last one ends."""
    y = top
    for node in nodes:
        node.y = y
        y += node.height + _GAP
    return max(y - _GAP, top)


def _stack_pools(pools: Iterable[Sequence[Node]], box: HostBox, top: float) -> float:
    y = top
    for nodes in pools:
        framed = len(nodes) > 1
        end = _stack(nodes, y + _INSET if framed else y)
        if framed:
            end += _INSET
            box.frames.append(Frame(_STORAGE.x, y, _STORAGE.width, end - y))
        y = end + _GAP + 4
    return max(y - _GAP - 4, top)


def _beside(graph: Graph, networks: list[Node], vms: Iterable[Node], top: float, bottom: float) -> float:
    """Put each network at the height of its VMs, without overlap; gives where the last one ends."""
    at = {address: node for node in vms for address in node.members}

    def wanted(node: Node) -> float:
        users = {at[vm].middle for network in node.members for vm in graph.users[network] if vm in at}
        return sum(users) / len(users) - ROW / 2 if users else bottom

    networks.sort(key=wanted)
    y = top
    for node in networks:
        node.y = max(y, min(wanted(node), bottom - ROW))
        y = node.y + node.height + _GAP
    y = max(bottom, top + len(networks) * (ROW + _GAP) - _GAP)
    for node in reversed(networks):
        node.y = min(node.y, y - ROW)
        y = node.y - _GAP
    return max((node.y + ROW for node in networks), default=top)


# --- edges
def _edges(graph: Graph, nodes: Sequence[Node]) -> Iterator[Edge]:
    at = {address: node for node in nodes for address in node.members}
    seen: set[tuple[int, int]] = set()
    for user, needs in graph.uses.items():
        for used in needs:
            if user not in at or used not in at:
                continue
            start, end = at[user], at[used]
            if start is not end and (start.number, end.number) not in seen:
                seen.add((start.number, end.number))
                yield _edge(start, end)


def _edge(start: Node, end: Node) -> Edge:
    dashed = any(node.effect in (OUTSIDE, UNREAD) for node in (start, end))
    return Edge(start.number, end.number, _curve(start, end), min(start.effect, end.effect, key=rank), dashed)


def _curve(start: Node, end: Node) -> str:
    """From side to side; within a column an arc on its right."""
    left, right = (start, end) if start.x < end.x else (end, start)
    x1, y1, x2, y2 = left.x + left.width, left.middle, right.x, right.middle
    if x1 > x2:
        x1, y1, x2, y2 = start.x + start.width, start.middle, end.x + end.width, end.middle
        side = max(x1, x2)  # a curve comes three quarters of the way to where it bends
        bend = side + min(18 + abs(y2 - y1) / 8, 60, (WIDTH - side) * 1.2)
        return f"M{x1} {y1:g}C{bend:g} {y1:g} {bend:g} {y2:g} {x2} {y2:g}"
    middle = (x1 + x2) / 2
    return f"M{x1} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2} {y2:g}"
