"""A session on a host of libvirt's test driver, whose state lives as long as the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import libvirt
import yaml

from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Plan, Result
from kvmspec.pipeline import Request, Session

NODE = (
    "<node><cpu><mhz>2000</mhz><model>x86_64</model><active>4</active></cpu><memory>4194304</memory></node>"
)
EVERYTHING = frozenset(Permission)


class Workshop:
    """One host, several manifests after each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "node.xml").write_text(NODE)
        self.uri = f"test://{folder / 'node.xml'}"
        self._conn: Any = libvirt.open(self.uri)

    @property
    def conn(self) -> Any:
        """The host's one connection: each opening of test:///FILE is a host of its own."""
        return self._conn

    def session(
        self, manifest: dict[str, Any] | str, granted: Iterable[Permission] = EVERYTHING, **given: Any
    ) -> Session:
        path = self.folder / "kvmspec.yaml"
        path.write_text(manifest if isinstance(manifest, str) else yaml.safe_dump(manifest))
        return Session(Request((path,), connect=self.uri, granted=frozenset(granted), environ={}, **given))

    def apply(self, manifest: dict[str, Any] | str, **given: Any) -> Result:
        with self.session(manifest, **given) as session:
            return apply(session, session.plan())

    def plan(self, manifest: dict[str, Any] | str, **given: Any) -> Plan:
        with self.session(manifest, **given) as session:
            return session.plan()

    def close(self) -> None:
        self._conn.close()


def apply(
    session: Session, plan: Plan, on_event: Callable[[Event], None] = lambda event: None, parallelism: int = 4
) -> Result:
    return session.apply(plan, on_event=on_event, interrupted=threading.Event(), parallelism=parallelism)
