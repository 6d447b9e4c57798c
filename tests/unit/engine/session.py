"""A host of libvirt's test driver: all of it lives in this process, as long as a connection is open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import libvirt

from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Plan, Result
from kvmspec.pipeline import Request, Session
from tests.support.manifests import as_yaml

URI = "test:///default"
BUILT_IN = {"test", "default", "default-pool"}  # a domain, a network and a pool that it comes with
EVERYTHING = frozenset(Permission)

Manifest = dict[str, Any]


class Workshop:
    """One host, on which several manifests are planned and applied after each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conn: Any = libvirt.open(URI)
        self._clear()

    def session(
        self, manifest: Manifest, granted: Iterable[Permission] = EVERYTHING, **given: Any
    ) -> Session:
        """A session, as the command line makes one."""
        path = self.folder / "kvmspec.yaml"
        path.write_text(as_yaml({"kvmspec": 1, "project": "shop", **manifest}))
        return Session(Request((path,), connect=URI, granted=frozenset(granted), environ={}, **given))

    def apply(self, manifest: Manifest, **given: Any) -> Result:
        with self.session(manifest, **given) as session:
            return apply(session, session.plan())

    def plan(self, manifest: Manifest, **given: Any) -> Plan:
        with self.session(manifest, **given) as session:
            return session.plan()

    def domain(self, name: str) -> Any:
        return self.conn.lookupByName(name)

    def names(self) -> set[str]:
        """What is there besides what the driver comes with: `vm/web`, `network/front`, `pool/vms`."""
        found = {f"vm/{domain.name()}" for domain in self.conn.listAllDomains()}
        found |= {f"network/{network.name()}" for network in self.conn.listAllNetworks()}
        found |= {f"pool/{pool.name()}" for pool in self.conn.listAllStoragePools()}
        return {name for name in found if name.partition("/")[2] not in BUILT_IN}

    def foreign(self) -> list[str]:
        """The definitions of what the driver comes with."""
        return [
            self.domain("test").XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE),
            self.conn.networkLookupByName("default").XMLDesc(0),
            self.conn.storagePoolLookupByName("default-pool").XMLDesc(0),
        ]

    def close(self) -> None:
        self._clear()
        self.conn.close()

    def _clear(self) -> None:
        """A test that failed keeps its connection alive in its traceback, and with it the state."""
        for group in ("listAllDomains", "listAllNetworks", "listAllStoragePools"):
            for thing in getattr(self.conn, group)():
                if thing.name() in BUILT_IN:
                    continue
                persistent = thing.isPersistent()
                if thing.isActive():
                    thing.destroy()
                if persistent:
                    thing.undefine()


def apply(
    session: Session, plan: Plan, on_event: Callable[[Event], None] = lambda event: None, parallelism: int = 4
) -> Result:
    """Apply a plan of this session."""
    return session.apply(plan, on_event=on_event, interrupted=threading.Event(), parallelism=parallelism)
