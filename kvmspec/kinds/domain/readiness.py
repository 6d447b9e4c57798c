"""Waiting for a guest: the conditions as a table, and what was seen last when time is up."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from kvmspec.adapters.jump import Jump
from kvmspec.adapters.libvirt import Host
from kvmspec.adapters.probe import probe
from kvmspec.core.action import WaitForGuest
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.guest import GuestAddress
from kvmspec.kinds.domain import cloudinit

_LOOK_AGAIN = 0.5  # seconds
SSH = 22


@dataclass(frozen=True)
class Look:
    """One look at a guest. `old` are leases from before it was started."""

    host: Host
    name: str
    old: Collection[tuple[GuestAddress, int]] = ()

    @cached_property
    def addresses(self) -> list[GuestAddress]:
        """Its addresses, without those of a lease that was not renewed since."""
        found = self.host.guests.addresses(self.name)
        if self.old and not self.host.guests.agent_connected(self.name):
            now = self.host.guests.leases(self.name)
            found = [a for a in found if a.source != "lease" or (a, now.get(a, 0)) not in self.old]
        return found


def _ip(look: Look) -> str:
    return "" if look.addresses else _no_address(look)


def _no_address(look: Look) -> str:
    """Why there is none, as far as its host can tell."""
    if not look.host.guests.has_nic(look.name):
        return "it has no network interface"
    agent = "the guest agent tells of none" if look.host.guests.agent_connected(look.name) else ""
    old = "its lease is from before it was started" if look.old else "no DHCP lease"
    return f"{', '.join(filter(None, [old, agent, 'nothing in the ARP table']))}"


def _agent(look: Look) -> str:
    guests = look.host.guests
    if not guests.has_agent_channel(look.name):
        return "it has no channel for a guest agent (`guest_agent: true` gives it one)"
    if not guests.agent_connected(look.name):
        return "the guest agent is not connected: is qemu-guest-agent installed and running in the guest?"
    try:
        guests.agent(look.name, {"execute": "guest-ping"})
    except LibvirtFailure as error:
        return f"the guest agent is connected and does not answer: {error.message}"
    return ""


def _port(number: int) -> Callable[[Look], str]:
    def look_at(look: Look) -> str:
        return _each(look, number, lambda address: _connects(look, address, number))

    return look_at


def _ssh(look: Look) -> str:
    return _each(look, SSH, lambda address: _greets(look, address))


def _each(look: Look, port: int, attempt: Callable[[str], str]) -> str:
    """Empty where one of its addresses will do; else what became of each."""
    if not look.addresses:
        return f"no address to reach port {port} at: {_no_address(look)}"
    seen = []
    for entry in look.addresses:
        why = attempt(entry.address)
        if not why:
            return ""
        seen.append(f"{entry} port {port}: {why}")
    return "; ".join(seen)


def _connects(look: Look, address: str, port: int, *, greets: bool = False) -> str:
    try:
        probe(address, port, Jump.of(look.host.uri), greets=greets)
    except OSError as error:
        return str(error)
    return ""


def _greets(look: Look, address: str) -> str:
    try:
        banner = probe(address, SSH, Jump.of(look.host.uri), greets=True)
    except OSError as error:
        return str(error)
    if banner.startswith(b"SSH-"):
        return ""
    return (
        f"something answers, but not as an SSH server: {banner[:40]!r}" if banner else "it hangs up at once"
    )


def _cloud_init(look: Look) -> str:
    return _agent(look) or cloudinit.unfinished(look.host.guests, look.name)


@dataclass(frozen=True)
class Condition:
    """What is waited for, in words, and how it is looked at: empty when it holds, else what was seen.

    A look raises LibvirtFailure where waiting longer is of no use.
    """

    words: str
    look: Callable[[Look], str]


_CONDITIONS: tuple[tuple[str, Condition], ...] = (
    ("ip", Condition("an address", _ip)),
    ("agent", Condition("the guest agent", _agent)),
    ("ssh", Condition("ssh", _ssh)),
    ("cloud_init", Condition("cloud-init", _cloud_init)),
)
"""Field of the action → condition; in the order in which a booting guest meets them."""


def conditions(action: WaitForGuest) -> list[Condition]:
    """What the action waits for, ports last but for cloud-init."""
    found = [condition for name, condition in _CONDITIONS[:-1] if getattr(action, name)]
    found += [Condition(f"port {number}", _port(number)) for number in action.ports]
    return found + [condition for name, condition in _CONDITIONS[-1:] if getattr(action, name)]


def wait(
    action: WaitForGuest,
    host: Host,
    report: Callable[[str], None],
    *,
    started: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until all conditions hold, one after the other. Changes nothing. What is waited for is reported
    at every look, mostly in the same words.

    With `started` the guest has just been started, and leases from before do not count. Raises
    LibvirtFailure when time is up, with what was seen last, and at once when the guest stops.
    """
    name, end = action.address.name, clock() + action.timeout
    old = _leases(host, name) if started else ()
    pending = conditions(action)
    while pending:
        _stop_if_stopped(host, name, pending[0])
        try:
            seen = _seen(pending, Look(host, name, old))
        except LibvirtFailure:
            _stop_if_stopped(host, name, pending[0])  # it stopped while it was looked at
            raise
        if pending:
            if clock() >= end:
                raise _timeout(action, host, pending, seen)
            report(f"waiting for {pending[0].words}, at most {action.timeout} s: {seen} …")
            sleep(_LOOK_AGAIN)


def _seen(pending: list[Condition], look: Look) -> str:
    """Take away the conditions that hold; what is seen of the first that does not."""
    while pending:
        try:
            if seen := pending[0].look(look):
                return seen
        except Absent as error:
            return error.message
        pending.pop(0)
    return ""


def _leases(host: Host, name: str) -> Collection[tuple[GuestAddress, int]]:
    """Its leases with their ends; one without an end would never be told from a renewed one."""
    try:
        return [(address, end) for address, end in host.guests.leases(name).items() if end]
    except LibvirtFailure:  # it has stopped already, which is said below
        return ()


def _stop_if_stopped(host: Host, name: str, condition: Condition) -> None:
    try:
        state = host.guests.stopped(name)
    except Absent:
        state = "gone"
    if state:
        raise LibvirtFailure(
            f"vm/{name} is {state}; there is no use in waiting for {condition.words}",
            hint=f"why: /var/log/libvirt/qemu/{name}.log on {host.name}; `kvmspec apply` starts it again",
        )


def _timeout(action: WaitForGuest, host: Host, pending: list[Condition], seen: str) -> LibvirtFailure:
    name = action.address.name
    others = ", ".join(condition.words for condition in pending[1:])
    after = f" (and then {others})" if others else ""
    return LibvirtFailure(
        f"vm/{name} was not ready within {action.timeout} s, waiting for {pending[0].words}{after}; "
        f"seen last: {seen}",
        hint=_where_to_look(host, name),
    )


def _where_to_look(host: Host, name: str) -> str:
    """The log of its console, or how to see the console."""
    try:
        log = host.guests.console_log(name)
    except LibvirtFailure:
        log = ""
    where = (
        f"its console log is {log} on {host.name}" if log else f"`kvmspec console {name}` shows its console"
    )
    return f"it goes on running; {where}"
