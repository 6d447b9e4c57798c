"""The serial console of a guest, copied to and from file descriptors.

One thread, on libvirt's event loop: a connection that dies is noticed (keepalive), and a signal ends
the copying. Two threads with blocking streams would hang in both cases.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Any

import libvirt

_READ = libvirt.VIR_STREAM_EVENT_READABLE | libvirt.VIR_STREAM_EVENT_HANGUP | libvirt.VIR_STREAM_EVENT_ERROR
_READABLE = libvirt.VIR_EVENT_HANDLE_READABLE | libvirt.VIR_EVENT_HANDLE_HANGUP
_PIECE, _MUCH = 1 << 14, 1 << 16  # bytes; no more is read from the user than can be passed on
_QUIET = 2000  # milliseconds of silence after the end of the input
_KEEPALIVE = 5, 3  # seconds, times: a connection without an answer for that long is lost
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class End(Enum):
    """Why the copying ended."""

    LEFT = "left"  # the leaving key
    INPUT = "input"  # the input ended, and the console has been quiet since
    OUTPUT = "output"  # nobody reads the output any more
    GUEST = "guest"  # the guest stopped, or somebody else took the console
    LOST = "lost"  # the connection to the host
    SIGNAL = "signal"


def prepare() -> None:
    """Register libvirt's event loop; before any connection that a console is opened on."""
    libvirt.virEventRegisterDefaultImpl()


class ConsoleStream:
    """An open console."""

    def __init__(self, conn: Any, stream: Any) -> None:
        self._conn, self._stream = conn, stream
        self._end: End | None = None
        self._error: BaseException | None = None
        self._out = b""
        self._input = self._timer = -1
        self._leave: int | None = None

    def copy(self, source: int, sink: int, leave: int | None = None) -> End:
        """Copy until it ends. `leave` is the byte that leaves. SIGTERM, SIGHUP and SIGINT end it, too."""
        self._source, self._sink, self._leave = source, sink, leave
        with suppress(libvirt.libvirtError):
            self._conn.setKeepAlive(*_KEEPALIVE)
        with suppress(libvirt.libvirtError):
            self._conn.registerCloseCallback(lambda *_: self._stop(End.LOST), None)
        self._stream.eventAddCallback(_READ, self._guarded(self._on_stream), None)
        self._input = libvirt.virEventAddHandle(source, _READABLE, self._guarded(self._on_input), None)
        self._timer = libvirt.virEventAddTimeout(-1, self._guarded(self._on_quiet), None)
        try:
            with self._signals():
                while self._end is None:
                    libvirt.virEventRunDefaultImpl()
        finally:
            self._close()
        if self._error is not None:
            raise self._error
        return self._end

    # --- what happens
    def _on_stream(self, events: int) -> None:
        if events & libvirt.VIR_STREAM_EVENT_READABLE:
            self._receive()
        if events & libvirt.VIR_STREAM_EVENT_WRITABLE:
            self._send()
        ended = libvirt.VIR_STREAM_EVENT_HANGUP | libvirt.VIR_STREAM_EVENT_ERROR
        if events & ended and self._end is None:
            self._stop(End.GUEST if self._conn.isAlive() else End.LOST)

    def _receive(self) -> None:
        data = self._stream.recv(_PIECE)
        if data == -2:  # nothing there after all
            return
        try:
            _write(self._sink, data)
        except OSError:  # a closed pipe, a terminal that went
            self._stop(End.OUTPUT)
        if not data:
            self._stop(End.GUEST)
        elif self._input == -1:
            libvirt.virEventUpdateTimeout(self._timer, _QUIET)

    def _on_input(self, *_: Any) -> None:
        try:
            data = os.read(self._source, _PIECE)
        except BlockingIOError:
            return
        except OSError:  # a terminal that went
            data = b""
        if self._leave is not None and self._leave in data:
            data = data[: data.index(self._leave)]
            self._stop(End.LEFT)
        self._out += data
        if not data and self._end is None:
            self._end_input()
        self._send()

    def _send(self) -> None:
        """Pass on what the guest takes; the rest when it takes more."""
        if self._out:
            sent = self._stream.send(self._out)
            self._out = self._out[max(sent, 0) :]
        waiting = libvirt.VIR_STREAM_EVENT_WRITABLE if self._out else 0
        self._stream.eventUpdateCallback(_READ | waiting)
        if self._input != -1:
            libvirt.virEventUpdateHandle(self._input, _READABLE if len(self._out) < _MUCH else 0)

    def _end_input(self) -> None:
        libvirt.virEventRemoveHandle(self._input)
        self._input = -1
        libvirt.virEventUpdateTimeout(self._timer, _QUIET)

    def _on_quiet(self, *_: Any) -> None:
        if not self._out:
            self._stop(End.INPUT)

    def _stop(self, end: End) -> None:
        self._end = self._end or end

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """libvirt's binding would print what a callback raises, and go on."""

        def call(*arguments: Any) -> None:
            try:
                # a stream's callback gets (stream, events, opaque), a handle's and a timer's others
                callback(*(arguments[1:2] if arguments[0] is self._stream else arguments))
            except libvirt.libvirtError:
                self._stop(End.GUEST if self._conn.isAlive() else End.LOST)
            except BaseException as error:  # noqa: BLE001  raised by copy()
                self._error = error
                self._stop(End.SIGNAL)

        return call

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """A signal wakes the loop through a pipe, because poll() in libvirt goes on after one."""
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        handle = libvirt.virEventAddHandle(
            reading, libvirt.VIR_EVENT_HANDLE_READABLE, lambda *_: os.read(reading, 64), None
        )
        before = {number: signal.signal(number, lambda *_: self._stop(End.SIGNAL)) for number in _SIGNALS}
        woken = signal.set_wakeup_fd(writing)
        try:
            yield
        finally:
            signal.set_wakeup_fd(woken)
            for number, handler in before.items():
                signal.signal(number, handler)
            libvirt.virEventRemoveHandle(handle)
            os.close(reading)
            os.close(writing)

    def _close(self) -> None:
        for remove, handle in (
            (libvirt.virEventRemoveHandle, self._input),
            (libvirt.virEventRemoveTimeout, self._timer),
        ):
            if handle != -1:
                remove(handle)
        for end in (self._stream.eventRemoveCallback, self._stream.abort, self._conn.unregisterCloseCallback):
            with suppress(libvirt.libvirtError):
                end()


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
