"""kvmspec's element in a domain's <metadata>: whose it is, its keys, and what was last applied.

Namespace urn:kvmspec:1. Anyone who may read the domain can read it, so it holds no secret: a
secret leaf is stored as its salted digest.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Any

from kvmspec.core.memo import once
from kvmspec.core.observed import HostView
from kvmspec.manifest.secrets import digest, is_token, matches

NAMESPACE = "urn:kvmspec:1"
SECRET = "scrypt:"
PENDING, STARTED, RUNNING = "pending", "started", "running"

_ELEMENT = re.compile(r"<kvmspec:vm\b.*?(?:</kvmspec:vm>|/>)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class KeyMap:
    """key → target of each disk, key → MAC of each NIC, as first allocated.

    `retired` are targets of disks that were dropped: no other disk gets them while the VM exists.
    """

    disks: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    retired: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Record:
    """What kvmspec wrote into a domain.

    uuid     the domain's own; in a clone that copied the metadata it differs, so the clone is foreign
    applied  canonical data of the fields that were stated
    own      `pool/volume` of each disk declared inside the VM, by key; a rename of the VM leaves them
    left     those of disks that are not declared any more
    sealed   whether `applied` has a secret's digest in it
    install  of a VM that is not installed yet: `pending` until its installer ran for the first time, then
             `started`; `running` only in the XML of the domain that runs the installer
    installer  the volumes, `pool/name`, that only the installer needs
    unbooted  what a guest has not booted with and its XML does not show: paths that were removed from the
             definition, with "", and others with a digest of what the guest has there
    state    `state` as it was stated, where that is not `running`
    renewed  how often each disk was made anew, by key: a saved plan that did so is seen to be applied
    """

    project: str
    uuid: str
    id: str | None = None
    prevent_destroy: bool = False
    keys: KeyMap = field(default_factory=KeyMap)
    applied: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    left: tuple[str, ...] = ()
    sealed: bool = False
    install: str = ""
    installer: tuple[str, ...] = ()
    renewed: Mapping[str, int] = field(default_factory=dict)
    unbooted: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    state: str = ""

    @property
    def volumes(self) -> tuple[str, ...]:
        """Every volume that was made for the VM."""
        return tuple(sorted({*self.own.values(), *self.left}))

    def body(self) -> str:
        """The JSON text inside the element."""
        data: dict[str, Any] = {
            "applied": self.applied,
            "disks": dict(self.keys.disks),
            "networks": dict(self.keys.networks),
            "left": sorted(self.left),
            "own": dict(self.own),
            "retired": sorted(self.keys.retired),
        }
        if self.installer:
            data["installer"] = list(self.installer)
        if self.renewed:
            data["renewed"] = dict(self.renewed)
        if self.unbooted:
            data["unbooted"] = [[list(path), mark] for path, mark in sorted(self.unbooted.items())]
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def xml(self) -> str:
        """The element, as it goes into <metadata>."""
        attributes = {"project": self.project, "uuid": self.uuid, "id": self.id or ""}
        if self.prevent_destroy:
            attributes["prevent_destroy"] = "yes"
        if self.install:
            attributes["install"] = self.install
        if self.state:
            attributes["state"] = self.state
        text = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
        return (
            f'<kvmspec:vm xmlns:kvmspec="{NAMESPACE}"{text}>{escape(self.body(), quote=False)}</kvmspec:vm>'
        )


@lru_cache(maxsize=8192)
def read(xml: str, uuid: str) -> Record | None:
    """The record in a domain's XML; None where there is none, or it was copied from another VM."""
    match = _ELEMENT.search(xml) if NAMESPACE in xml else None
    if match is None:
        return None
    text = match[0]
    if "xmlns:kvmspec" not in text.partition(">")[0]:
        text = text.replace("<kvmspec:vm", f'<kvmspec:vm xmlns:kvmspec="{NAMESPACE}"', 1)
    try:
        node = ET.fromstring(text)
        data = json.loads(node.text or "{}")
    except (ET.ParseError, ValueError):
        return None
    if node.get("uuid") != uuid or not isinstance(data, dict):
        return None
    return Record(
        node.get("project", ""),
        uuid,
        node.get("id"),
        node.get("prevent_destroy") == "yes",
        KeyMap(data.get("disks", {}), data.get("networks", {}), frozenset(data.get("retired", ()))),
        data.get("applied", {}),
        data.get("own", {}),
        tuple(data.get("left", ())),
        sealed=SECRET in text,
        install=node.get("install", ""),
        installer=tuple(data.get("installer", ())),
        renewed=data.get("renewed", {}),
        unbooted={tuple(path): mark for path, mark in data.get("unbooted", ())},
        state=node.get("state", ""),
    )


@once
def records(view: HostView) -> Mapping[str, Record]:
    """The records of all domains of a host, by name; of a clone there is none."""
    found = {
        name: read(domain.xml, domain.uuid)
        for name, domain in view.domains.items()
        if NAMESPACE in domain.xml and domain.persistent
    }
    return {name: record for name, record in found.items() if record is not None}


@once
def macs(view: HostView) -> frozenset[str]:
    """The MACs that kvmspec gave to the VMs of a host: a renamed one keeps that of its old name."""
    return frozenset(mac for record in records(view).values() for mac in record.keys.networks.values())


def sealed(data: Any, reveal: Any) -> Any:
    """`data` with every secret token replaced by a salted digest of its value."""
    if isinstance(data, dict):
        return {key: sealed(value, reveal) for key, value in data.items()}
    return SECRET + digest(reveal(data)) if is_token(data) else data


def unsealed(applied: Any, stated: Any, reveal: Any) -> Any:
    """`applied` with each digest that is the stated token's replaced by that token, so that
    the two compare as plain data."""
    if isinstance(applied, dict):
        other = stated if isinstance(stated, dict) else {}
        return {key: unsealed(value, other.get(key), reveal) for key, value in applied.items()}
    if isinstance(applied, str) and applied.startswith(SECRET) and is_token(stated):
        return stated if matches(reveal(stated), applied.removeprefix(SECRET)) else applied
    return applied
