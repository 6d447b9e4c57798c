"""What differs between a network of the manifest and the one on the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kvmspec.canon.read import read as read_xml
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare, fragments
from kvmspec.kinds.base import Context
from kvmspec.kinds.fragments import merged
from kvmspec.kinds.leaving import vms_leaving
from kvmspec.kinds.network import facts, guests
from kvmspec.kinds.network.facts import Reading
from kvmspec.kinds.network.fields import FIELDS, Fact, Facts
from kvmspec.kinds.network.render import render


class Detail(NamedTuple):
    """What the steps are made from.

    dropped        reservations of an adopted network that go with their VMs
    config, live   facts in which the definition and the running network differ
    persistent, active   their readings; active is None while it is stopped
    autostart      what to set, None to leave it
    """

    rendered: str
    adopted: bool
    dropped: frozenset[Fact]
    wanted: Reading
    persistent: Reading
    active: Reading | None
    config: tuple[Fact, ...]
    live: tuple[Fact, ...]
    start: bool
    autostart: bool | None
    fragment: str = ""


_ENDS = {"range": ("dhcp.start", "dhcp.end"), "range6": ("ipv6.dhcp.start", "ipv6.dhcp.end")}


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a network with what is there: its definition and, where it runs, the running one."""
    match = compare.match(desired, view.networks, context)
    rendered = render(desired, context)
    if match.refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(match.refusal,))
    wanted = _wanted(desired, rendered, match.adopted)
    if match.observed is None:
        return Difference(desired.address, Verb.CREATE, after=shown(wanted.facts), detail=rendered)
    return _compare(desired, match.observed, wanted, rendered, match.adopted, view, context)


def _wanted(desired: Desired, rendered: str, adopted: bool) -> Reading:
    wanted = facts.read(read_xml(rendered))
    if adopted:  # what nobody stated is left as it is
        spec = desired.spec
        for name in {"mode", "gateway", "macvtap_mode"} - spec.model_fields_set:
            if name != "gateway" or spec.subnet is not None:
                wanted.facts.pop((name, ""), None)
    return wanted


def _compare(
    desired: Desired,
    observed: Observed,
    wanted: Reading,
    rendered: str,
    adopted: bool,
    view: HostView,
    context: Context,
) -> Difference:
    leaving = _leaving(view, context) if adopted else {}
    persistent = facts.read(read_xml(observed.xml), wanted.facts)
    active = facts.read(read_xml(observed.active_xml), wanted.facts) if observed.active_xml else None
    config = facts.changed(wanted.facts, persistent.facts, stated_only=adopted)
    live = facts.changed(wanted.facts, active.facts, stated_only=adopted) if active else []
    config += _dropped(wanted, persistent, leaving)
    live += _dropped(wanted, active, leaving)
    taken = _taken(observed, wanted, persistent, desired.spec.xml) if adopted else []
    config += [fact for fact in taken if fact not in config]
    if not fragments.has_metadata(observed.xml, desired.spec.xml):
        wanted.facts["metadata", ""] = "set"
        config.append(("metadata", ""))
    live = [fact for fact in live if fact[0] != "other"]  # the running one has things of libvirt's own
    held = guests.held(view, observed.name)
    stated = desired.spec.autostart
    autostart = True if stated is None and not adopted else stated
    detail = Detail(
        rendered,
        adopted,
        frozenset([*_dropped(wanted, persistent, leaving), *_dropped(wanted, active, leaving), *taken]),
        wanted,
        persistent,
        active,
        tuple(config),
        tuple(live),
        start=bool(held) or (not observed.running and desired.spec.state == "running"),
        autostart=autostart if autostart not in (None, observed.autostart) else None,
        fragment=desired.spec.xml or "",
    )
    changes = [
        *_changes(config, wanted.facts, persistent.facts, observed.running),
        *_changes((fact for fact in live if fact not in config), wanted.facts, (active or persistent).facts),
        *_state(detail, observed, held),
    ]
    return Difference(
        desired.address,
        Verb.UPDATE if changes else Verb.NO_OP,
        tuple(changes),
        before=shown(persistent.facts) | {"state": observed.state, "autostart": observed.autostart},
        after=shown(wanted.facts)
        | {
            "state": "running" if detail.start else observed.state,
            "autostart": _after(autostart, observed.autostart),
        },
        notes=tuple(_notes(desired, detail, view)),
        refusals=tuple(_refusals(desired, detail, view, context)),
        detail=detail,
    )


def _leaving(view: HostView, context: Context) -> dict[str, str]:
    """MAC → name of the VMs that go."""
    going = vms_leaving(view, context)
    return {mac: name for name, record in going.items() for mac in record.keys.networks.values()}


def _dropped(wanted: Reading, live: Reading | None, leaving: Mapping[str, str]) -> list[Fact]:
    """An adopted network keeps the reservations that nobody states, but not kvmspec's own for a VM
    that goes: it is known by its MAC and name."""
    found = [("reservation", mac) for mac in leaving]
    facts = live.facts if live else {}
    return [f for f in found if f in facts and f not in wanted.facts and facts[f][1] == leaving[f[1]]]


def _taken(observed: Observed, wanted: Reading, persistent: Reading, fragment: str | None) -> list[Fact]:
    """Facts that the fragment of an adopted network takes away."""
    if not fragment or "remove" not in fragment:
        return []
    left = facts.read(read_xml(merged(observed.xml, fragment)), wanted.facts)
    return [fact for fact in persistent.facts if fact not in left.facts]


def _refusals(desired: Desired, detail: Detail, view: HostView, context: Context) -> Iterator[Problem]:
    """A running guest's macvtap cannot become another kind of interface, nor the other way round (9.0)."""
    if ("mode", "") not in detail.live or detail.active is None:
        return
    before, after = (of.facts.get(("mode", "")) for of in (detail.active, detail.wanted))
    here = guests.on(view, desired.address.name)
    if "macvtap" in (before, after) and here:
        names = ", ".join(f"vm/{name}" for name in here)
        yield context.problem(
            (*desired.path, "mode"),
            f"network/{desired.address.name} on {desired.address.host} cannot go from {before} to {after} "
            f"while {names} runs: an interface in use cannot become a macvtap, nor cease to be one",
            "stop its VMs first, or make a network of another name and move their interfaces there",
        )


def _notes(desired: Desired, detail: Detail, view: HostView) -> Iterator[str]:
    """A guest asks for its address when it boots, and again at half of its lease."""
    owners: Mapping[str, str] = desired.extra or {}
    told = {owners[mac] for mac in _readdressed(detail) if mac in owners}
    running = [view.domains[name] for name in told if name in view.domains and view.domains[name].running]
    if running:
        one = len(running) == 1
        what = (
            "keeps its address until it renews its" if one else "keep their addresses until they renew their"
        )
        yield f"{compare.names(running)} {what} lease, or boots again"
    yield from _inherited(detail, owners)
    if detail.active is not None:
        yield from guests.notes(view, desired.address.name, detail.live, detail.active.facts)


def _inherited(detail: Detail, owners: Mapping[str, str]) -> Iterator[str]:
    """dnsmasq gives nobody an address that it has leased to another MAC, reserved or not (2.89)."""
    now = (detail.active or detail.persistent).facts
    before = {value[0]: fact[1] for fact, value in now.items() if fact[0] == "reservation"}
    for mac in sorted(_readdressed(detail), key=lambda mac: owners.get(mac, mac)):
        ip = detail.wanted.facts["reservation", mac][0]
        if before.get(ip, mac) != mac:
            whose = now["reservation", before[ip]][1] or before[ip]
            who = f"vm/{owners[mac]}" if mac in owners else mac
            yield f"{ip} was that of {whose}: {who} gets it when the old lease, if there is one, has run out"


def _readdressed(detail: Detail) -> set[str]:
    """The MACs whose reserved address is new to the network."""
    now = (detail.active or detail.persistent).facts
    wanted = detail.wanted.facts
    facts = [fact for fact in (*detail.config, *detail.live) if fact[0] == "reservation" and fact in wanted]
    return {fact[1] for fact in facts if fact not in now or now[fact][0] != wanted[fact][0]}


def _after(stated: bool | None, now: bool) -> bool:
    return now if stated is None else stated


def _changes(
    changed: Iterable[Fact], wanted: Facts, live: Facts, running: bool = True
) -> Iterator[FieldChange]:
    for fact in changed:
        name, key = fact
        field = FIELDS[name]
        impact = field.impact if running else Impact.NONE
        reason = field.reason if impact >= Impact.RESTART else ""
        before, after = live.get(fact), wanted.get(fact)
        if name in _ENDS and before and after:
            for path, old, new in zip(_ENDS[name], before, after, strict=True):
                if old != new:
                    yield FieldChange(path, old, new, impact, reason)
            continue
        yield FieldChange(field.path.format(key), _show(name, before), _show(name, after), impact, reason)


def _show(name: str, value: Any) -> Any:
    return None if value is None else FIELDS[name].show(value)


def _state(detail: Detail, observed: Observed, held: list[str]) -> Iterator[FieldChange]:
    if not observed.running and detail.start:
        yield FieldChange("state", "stopped", "running", Impact.LIVE)
    elif held:
        away = ", ".join(f"vm/{name}" for name in held)
        yield FieldChange("guests", f"{away} disconnected", "connected", Impact.LIVE)
    if detail.autostart is not None:
        yield FieldChange("autostart", observed.autostart, detail.autostart, Impact.LIVE)


def shown(of: Facts) -> dict[str, Any]:
    """The facts as a user writes them, by manifest path."""
    return {FIELDS[name].path.format(key): _show(name, value) for (name, key), value in of.items()}
