"""The locks of the hosts that an apply acts on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kvmspec.adapters.libvirt import Host
from kvmspec.core.errors import Refused
from kvmspec.core.problem import Problem

if TYPE_CHECKING:
    from kvmspec.adapters.libvirt.lock import Patience


class Holding:
    """Locks on some of `hosts`, which are the connections as they are now, by name."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self._held: dict[str, Host] = {}
        self._locks = ExitStack()

    def take(self, names: Collection[str], patience: Patience | None = None) -> None:
        """Take those that are not held yet, in the order of their names, so that no two wait for each other.

        Raises Refused, with no lock kept, where another apply holds one and does so still when the patience
        is over.
        """
        from kvmspec.adapters.libvirt.lock import AT_ONCE, HostLock

        try:
            for name in sorted({*names} - {*self._held}):
                host = self._hosts[name]
                lock = HostLock(name, host.conn, host.arch)
                lock.take(patience or AT_ONCE)
                self._locks.callback(lock.release)
                self._held[name] = host
        except BaseException:
            self.release()
            raise

    @contextmanager
    def taken(self, names: Collection[str]) -> Iterator[None]:
        """Hold these locks, also those that were taken before, and then none."""
        try:
            self.take(names)
            yield
        finally:
            self.release()

    def check(self) -> None:
        """A lock goes with its connection, and looking again may have made a new one. Raises Refused."""
        lost = [name for name, host in self._held.items() if self._hosts[name] is not host]
        if lost:
            problems = [
                Problem(f"the connection to {name} broke, and its lock went with it") for name in lost
            ]
            raise Refused(problems, hint="nothing was done; try again")

    def release(self) -> None:
        """Let go of all that are held."""
        self._held.clear()
        self._locks.close()
