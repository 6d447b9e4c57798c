"""What changing each field of a network costs, in words: from the field table, and what it cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.effect import Effect
from kvmspec.core.impact import Impact
from kvmspec.kinds.network.fields import FIELDS, Field

_MANIFEST = {"dhcp.range": ("dhcp.start", "dhcp.end")}
"""Rows that stand for several fields of the manifest."""

_BESIDES = (
    Effect("hosts", "none", "it is made on the hosts that are added, and stays on the others"),
    Effect("uuid", "refused", "a network's UUID is for life"),
    Effect("mask", "none", "it is another way to write the same"),
    Effect("state", "live"),
    Effect("autostart", "live"),
    Effect("xml", "restart", "what no field says is not known to change while it runs"),
)


def effects() -> Iterator[Effect]:
    """The cost of every field of a network. A restart reconnects the NICs of the guests on it."""
    rows = [
        effect for name, row in FIELDS.items() if name not in ("metadata", "other") for effect in _of_row(row)
    ]
    for effect in (*rows, *_BESIDES):
        yield Effect(f"networks.{effect.path}", effect.impact, effect.reason)


def _of_row(row: Field) -> Iterator[Effect]:
    path = row.path.replace("[{}]", "")
    reason = row.reason if row.impact >= Impact.RESTART else "; ".join(filter(None, (row.call, row.reason)))
    if row.unproved:
        reason += f"; not proved by a test, which needs {row.unproved}"
    for manifest in _MANIFEST.get(path, (path,)):
        yield Effect(manifest, row.impact.label, reason)
