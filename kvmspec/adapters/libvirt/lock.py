"""A lock on a host that no person ever has to take away.

The lock is a paused transient domain with AUTODESTROY: libvirt refuses a second one of its name,
and destroys it when the connection of its holder goes, however that dies. Its holder keeps a
channel of the domain open: libvirt gives that to one at a time and forgets it when the daemon
dies, so a lock whose channel is free has no holder any more (docs/decisions/lock.md).
"""

from __future__ import annotations

import getpass
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from html import escape
from typing import Any, NamedTuple

import libvirt

from kvmspec.adapters.libvirt.domains import LOCK_NAME, TEST_DRIVER
from kvmspec.adapters.libvirt.errors import failure
from kvmspec.core.errors import Interruption, LibvirtFailure, Refused
from kvmspec.core.problem import Problem

_TEMPLATE = """<domain type='qemu'>
  <name>{name}</name>
  <description>{holder}</description>
  <memory unit='KiB'>1024</memory>
  <os><type arch='{arch}'{machine}>hvm</type></os>
  <devices>
    <controller type='usb' model='none'/><memballoon model='none'/>
    <channel type='unix'><target type='virtio' name='{channel}'/></channel>
  </devices>
</domain>"""
_CHANNEL = "kvmspec.lock.{:08x}"  # another name each time: the file libvirt locks it by may be left over
_TRIES, _MOMENT = 20, 0.25  # seconds; the channel is opened within milliseconds of its domain
_SMALL_MACHINE = {"x86_64": "pc", "i686": "pc", "aarch64": "virt"}


class Held(Refused):
    """Another apply has the lock; `holder` says whose."""

    def __init__(self, host: str, holder: str, waited: float = 0.0) -> None:
        so_far = f"; it was waited for {waited:.0f} s" if waited else ""
        hint = "wait until it has finished; --lock-timeout 5m, say, does that"
        super().__init__([Problem(f"another apply is running on {host}: {holder}{so_far}", hint=hint)])
        self.host, self.holder = host, holder


class Patience(NamedTuple):
    """How long a lock is waited for, in seconds, and who is told.

    told(host, holder, seconds left) when the waiting begins, when the lock has changed hands, and every
    `again` seconds. Between two tries are up to `longest` seconds, at random: of several that wait each has
    the same chance. `interrupted` ends the waiting.
    """

    seconds: float = 0.0
    told: Callable[[str, str, float], None] = lambda host, holder, left: None
    interrupted: threading.Event | None = None
    again: float = 30.0
    longest: float = 1.0


AT_ONCE = Patience()


class HostLock:
    """Held from `take` to `release`, or until the connection is gone."""

    def __init__(self, name: str, conn: Any, arch: str = "x86_64") -> None:
        self._name, self._conn, self._arch = name, conn, arch
        self._domain: Any = None
        self._channel: Any = None

    def take(self, patience: Patience = AT_ONCE) -> None:
        """Take the lock.

        Raises Held (a Refused) when somebody else still has it when the patience is over, Interruption
        when the waiting is interrupted, LibvirtFailure when it cannot be taken for another reason.
        libvirt's test driver needs none: its state is this process's.
        """
        if self._conn.getType() == TEST_DRIVER:
            return
        try:
            self._try()
        except Held as held:
            if not patience.seconds:
                raise
            self._wait(patience, held)

    def _wait(self, patience: Patience, held: Held) -> None:
        """Try again and again. Raises Held, LibvirtFailure, Interruption."""
        import tenacity

        begun, said = time.monotonic(), _Said(patience, self._name)
        said.say(held.holder, 0.0)
        stop = patience.interrupted or threading.Event()

        def tell(state: tenacity.RetryCallState) -> None:
            found = state.outcome.exception() if state.outcome else None
            if isinstance(found, Held):
                said.say(found.holder, time.monotonic() - begun)

        def pause(state: tenacity.RetryCallState) -> float:
            left = max(patience.seconds - (time.monotonic() - begun), 0.0)
            return min(random.uniform(0.2, 1.0) * patience.longest, left)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Held),
            stop=tenacity.stop_after_delay(patience.seconds) | tenacity.stop_when_event_set(stop),
            sleep=tenacity.sleep_using_event(stop),
            wait=pause,
            before_sleep=tell,
            reraise=True,
        )
        try:
            retrying(self._try)
        except Held as last:
            if stop.is_set():
                words = f"interrupted while another apply is running on {self._name}; nothing was done"
                raise Interruption(words) from None
            raise Held(self._name, last.holder, time.monotonic() - begun) from None

    def _try(self) -> None:
        """Take it now. Raises Held, LibvirtFailure."""
        for _ in range(_TRIES):
            try:
                self._create()
            except libvirt.libvirtError as error:
                last = error
            else:
                self._channel = self._held_channel()
                return
            holder = self._holder()
            if holder is not None and not self._take_away_stale():
                raise Held(self._name, holder) from last
            if holder is None and last.get_error_code() != libvirt.VIR_ERR_OPERATION_FAILED:
                break
            time.sleep(_MOMENT)  # its holder has just ended, and QEMU takes a moment to
        raise failure(f"lock {self._name}", last) from last

    def release(self) -> None:
        """Let go, and wait until it is gone. A lock that is gone already is as good."""
        for end in (self._channel and self._channel.abort, self._domain and self._domain.destroy):
            if end:
                with suppress(libvirt.libvirtError):
                    end()
        self._domain = self._channel = None

    def _create(self) -> None:
        flags = libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_AUTODESTROY
        self._domain = self._conn.createXML(_xml(self._arch), flags)

    def _holder(self) -> str | None:
        """What the lock that is there says of its holder; None where it is gone."""
        try:
            found = self._conn.lookupByName(LOCK_NAME)
            return str(found.metadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None))
        except libvirt.libvirtError:
            return None

    def _found(self) -> Any:
        try:
            return self._conn.lookupByName(LOCK_NAME)
        except libvirt.libvirtError:
            return None

    def _held_channel(self) -> Any:
        """The channel, which whoever looks whether the lock is stale may have for a moment."""
        for _ in range(_TRIES):
            channel = _open_channel(self._conn, self._domain)
            if channel is not None:
                return channel
            time.sleep(_MOMENT)
        self.release()
        raise LibvirtFailure(f"lock {self._name}: the channel of {LOCK_NAME} cannot be opened")

    def _take_away_stale(self) -> bool:
        """Whether nobody holds the lock that is there; it is taken away then. That happens when
        libvirtd dies with a lock: QEMU runs on, AUTODESTROY is forgotten.

        A lock that is being made is somebody's: a daemon that dies meanwhile destroys it when it comes
        again (qemuProcessReconnect). A holder that has just made its lock opens the channel within a
        moment. So the channel is tried, left alone for longer than that, and kept the second time while
        the lock goes.
        """
        domain = self._found()
        if domain is None:
            return True
        if _is_starting(domain):
            return False
        first = _open_channel(self._conn, domain)
        if first is None:
            return False
        with suppress(libvirt.libvirtError):
            first.abort()
        time.sleep(3 * _MOMENT)
        kept = _open_channel(self._conn, domain)  # held by its name: a stream nobody refers to is closed
        if kept is None:
            return self._found() is None
        with suppress(libvirt.libvirtError):
            domain.destroy()
            kept.abort()
        return True


class _Said:
    """Says that a lock is waited for: not at each try."""

    def __init__(self, patience: Patience, host: str) -> None:
        self._patience, self._host = patience, host
        self._last: tuple[str, float] | None = None

    def say(self, holder: str, waited: float) -> None:
        if self._last and self._last[0] == holder and waited - self._last[1] < self._patience.again:
            return
        self._last = holder, waited
        self._patience.told(self._host, holder, max(self._patience.seconds - waited, 0.0))


def _is_starting(domain: Any) -> bool:
    """Whether libvirt still waits for its QEMU, which takes seconds on a busy host (measured on 9.0)."""
    try:
        state, reason = domain.state()
    except libvirt.libvirtError:  # it has gone meanwhile
        return False
    return bool((state, reason) == (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP))


def _open_channel(conn: Any, domain: Any) -> Any:
    """The stream of the domain's only channel, or None where somebody has it."""
    try:
        stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
        domain.openChannel(None, stream, 0)
    except libvirt.libvirtError:
        return None
    return stream


def _xml(arch: str) -> str:
    machine = f" machine='{_SMALL_MACHINE[arch]}'" if arch in _SMALL_MACHINE else ""
    holder = escape(_holder())
    channel = _CHANNEL.format(random.getrandbits(32))
    return _TEMPLATE.format(name=LOCK_NAME, channel=channel, holder=holder, arch=arch, machine=machine)


def _holder() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's nameless user
        user = str(os.getuid())
    since = datetime.now(UTC).strftime("%H:%M:%S UTC")
    return f"{user}@{socket.gethostname()}, process {os.getpid()}, since {since}"
