"""What libvirt tells of devices that a guest was asked to let go of.

Events need libvirt's event loop, registered before their connection is opened, and a thread that runs it.
They have a connection of their own, opened by the first that waits: libvirtd closes a connection that
was opened with a loop which nobody runs, because its keepalive is not answered (measured on 9.0: "Broken
pipe" after 50 s without a call), and a plan has no use for a thread. Opening it takes 1 ms locally,
registering the loop 25 µs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Any

import libvirt

_KEEPALIVE = 5, 3  # seconds, times: a connection without an answer for that long is lost


class Happened(Enum):
    """What an event says."""

    REMOVED = "removed"
    REFUSED = "refused"  # the guest's firmware said no; some kinds of device never say it
    STOPPED = "stopped"
    LOST = "lost"  # the connection that tells; what is there has to be looked at


class Watch:
    """Events about one device of one guest."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._events: SimpleQueue[Happened] = SimpleQueue()

    def wait(self, seconds: float) -> Happened | None:
        """The next event; None where there is none within `seconds`."""
        try:
            return self._events.get(timeout=max(seconds, 0))
        except Empty:
            return None

    def tell(self, happened: Happened, alias: str | None = None) -> None:
        """Called by the thread that runs the loop."""
        if alias in (None, self._alias):
            self._events.put(happened)


class Removals:
    """Watches the guests of one host."""

    def __init__(self, conn: Any) -> None:
        self._main = conn
        self._guard = threading.Lock()
        self._conn: Any = None
        self._watches: set[Watch] = set()

    @contextmanager
    def watch(self, name: str, alias: str) -> Iterator[Watch]:
        """Watch before the guest is asked. Raises libvirtError, also where there is no such guest."""
        watch = Watch(alias)
        conn = self._connection()
        domain = conn.lookupByName(name)
        events = (
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, _on_removed),
            (libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, _on_refused),
            (libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, _on_lifecycle),
        )
        registered = []
        self._watches.add(watch)
        try:
            for event, callback in events:
                registered.append(conn.domainEventRegisterAny(domain, event, callback, watch))
            yield watch
        finally:
            self._watches.discard(watch)
            for callback_id in registered:
                with suppress(libvirt.libvirtError):
                    conn.domainEventDeregisterAny(callback_id)

    def close(self) -> None:
        """Close the connection that events come from, if it was opened."""
        with self._guard:
            conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(libvirt.libvirtError):
                conn.unregisterCloseCallback()
            with suppress(libvirt.libvirtError):
                conn.close()

    def _connection(self) -> Any:
        with self._guard:
            if self._conn is None or not self._conn.isAlive():
                _LOOP.run()
                self._conn = libvirt.open(self._main.getURI())
                with suppress(libvirt.libvirtError):  # a driver of this process has none
                    self._conn.setKeepAlive(*_KEEPALIVE)
                with suppress(libvirt.libvirtError):
                    self._conn.registerCloseCallback(self._on_close, None)
            return self._conn

    def _on_close(self, *_: Any) -> None:
        for watch in tuple(self._watches):
            watch.tell(Happened.LOST)


class _Loop:
    """libvirt's event loop: one a process, and one thread may run it. `kvmspec console` runs it itself."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Have it run, from the first call to the end of the process."""
        with self._guard:
            if (
                self._thread is None or not self._thread.is_alive()
            ):  # not alive: the fork of a process that ran it
                libvirt.virEventRegisterDefaultImpl()
                self._thread = threading.Thread(target=_turn, name="libvirt-events", daemon=True)
                self._thread.start()


_LOOP = _Loop()


def _turn() -> None:
    libvirt.virEventAddTimeout(60_000, lambda *_: None, None)  # a loop without anything returns at once
    while True:
        with suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()


def _on_removed(conn: Any, domain: Any, alias: str, watch: Watch) -> None:
    watch.tell(Happened.REMOVED, alias)


def _on_refused(conn: Any, domain: Any, alias: str, watch: Watch) -> None:
    watch.tell(Happened.REFUSED, alias)


def _on_lifecycle(conn: Any, domain: Any, event: int, detail: int, watch: Watch) -> None:
    if event == libvirt.VIR_DOMAIN_EVENT_STOPPED:
        watch.tell(Happened.STOPPED)
