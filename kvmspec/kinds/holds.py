"""What holds the disks of a VM as they are, and is broken by changing them: block jobs that run,
snapshots, checkpoints. Each is named, with what to do about it.

Measured on libvirt 9.0 and QEMU 7.2:
- QEMU refuses to grow a disk under any block job; libvirt refuses to detach it. Powering off ends the job.
- A qcow2 file grows under an internal snapshot (one of version 2 does not), and going back to the snapshot
  makes it as small as it was: so it is not grown.
- A file grows under a checkpoint, and the checkpoint stays good.
- Nothing of libvirt keeps a disk with a snapshot or checkpoint from being detached, replaced or deleted.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from enum import Flag, auto
from functools import lru_cache
from typing import NamedTuple

from kvmspec.core.observed import Observed


class Holding(Flag):
    """What it is that holds a disk."""

    JOB = auto()
    INTERNAL = auto()
    EXTERNAL = auto()
    CHECKPOINT = auto()
    SNAPSHOT = INTERNAL | EXTERNAL


BARS_GROWTH = Holding.JOB | Holding.SNAPSHOT
BARS_CHANGE = Holding.JOB | Holding.SNAPSHOT | Holding.CHECKPOINT
"""Detaching the disk, giving it another source, making it anew."""


class Hold(NamedTuple):
    """One of them, on the disk `target`."""

    holding: Holding
    name: str
    target: str
    vm: str

    @property
    def words(self) -> str:
        """`snapshot before-upgrade`, `a running block copy`"""
        if self.holding is Holding.JOB:
            return f"a running block job ({self.name})"
        external = "external " if self.holding is Holding.EXTERNAL else ""
        kind = "checkpoint" if self.holding is Holding.CHECKPOINT else "snapshot"
        return f"the {external}{kind} {self.name}"

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.holding is Holding.JOB and self.name == "backup":
            return f"let it end, or stop it (`virsh domjobabort {self.vm}`)"
        if self.holding is Holding.JOB:
            return f"let it end, or stop it (`virsh blockjob {self.vm} {self.target} --abort`)"
        if self.holding is Holding.CHECKPOINT:
            return f"delete it first (`virsh checkpoint-delete {self.vm} {self.name}`)"
        if self.holding is Holding.EXTERNAL:
            return (
                f"merge it first (`virsh blockcommit {self.vm} {self.target} --active --pivot`, then "
                f"`virsh snapshot-delete {self.vm} {self.name} --metadata`)"
            )
        return f"delete it first (`virsh snapshot-delete {self.vm} {self.name}`)"


def holds(domain: Observed, targets: set[str] | None, which: Holding) -> list[Hold]:
    """What holds these disks of a domain, all of them without `targets`; each once."""
    found = dict.fromkeys(_all(domain))
    return [
        hold
        for hold in found
        if hold.holding in which and (targets is None or not hold.target or hold.target in targets)
    ]


def remembering(domain: Observed, path: str, key: str) -> Iterator[str]:
    """The snapshots of a domain that had a disk on the file `path` (the volume `key`, `pool/name`)."""
    for text in domain.snapshots:
        if path not in text and key.partition("/")[2] not in text:
            continue
        root = ET.fromstring(text)
        sources = [*root.iterfind("domain/devices/disk//source"), *root.iterfind("disks/disk/source")]
        if any(
            source.get("file") == path or f"{source.get('pool')}/{source.get('volume')}" == key
            for source in sources
        ):
            yield root.findtext("name") or ""


def names(found: list[Hold]) -> str:
    """`the snapshot a, the checkpoint b`, each once."""
    return ", ".join(dict.fromkeys(hold.words for hold in found))


def kinds(found: list[Hold]) -> str:
    """`snapshots and checkpoints`"""
    words = {
        Holding.JOB: "a running block job",
        Holding.INTERNAL: "snapshots",
        Holding.EXTERNAL: "snapshots",
        Holding.CHECKPOINT: "checkpoints",
    }
    return " and ".join(dict.fromkeys(words[hold.holding] for hold in found))


def hints(found: list[Hold]) -> str:
    """What to do about each."""
    return "; ".join(dict.fromkeys(hold.hint for hold in found))


def _all(domain: Observed) -> Iterator[Hold]:
    jobs = dict(_mirrors(domain.active_xml)) if domain.active_xml and "<mirror" in domain.active_xml else {}
    for target, kind in (jobs | dict(domain.jobs)).items():
        yield Hold(Holding.JOB, kind, target, domain.name)
    for text in domain.snapshots:
        name, disks = _snapshot(text)
        for target, how, file in disks:
            if how != "external":
                yield Hold(Holding.INTERNAL, name, target, domain.name)
            elif file in domain.xml or file in (domain.active_xml or ""):
                yield Hold(Holding.EXTERNAL, name, target, domain.name)
    for text in domain.checkpoints:
        name, disks = _snapshot(text)
        for target, _, _ in disks:
            yield Hold(Holding.CHECKPOINT, name, target, domain.name)


def _mirrors(active_xml: str) -> Iterator[tuple[str, str]]:
    for disk in ET.fromstring(active_xml).iterfind("devices/disk"):
        mirror, target = disk.find("mirror"), disk.find("target")
        if mirror is not None and target is not None:
            yield target.get("dev", ""), mirror.get("job", "copy")


@lru_cache(maxsize=1024)
def _snapshot(text: str) -> tuple[str, tuple[tuple[str, str, str], ...]]:
    """Name and (target, how, file over it) of the disks in a snapshot or a checkpoint; one that lists none
    holds all. The file tells an external one that was merged since: libvirt keeps listing it."""
    root = ET.fromstring(text)
    disks = [_disk(disk) for disk in root.iterfind("disks/disk")]
    kept = tuple(disk for disk in disks if disk[1] != "no")
    return root.findtext("name") or "", kept if disks else (("", "internal", ""),)


def _disk(disk: ET.Element) -> tuple[str, str, str]:
    source = disk.find("source")
    how = disk.get("snapshot") or disk.get("checkpoint") or "internal"
    file = (source.get("file") or source.get("dev") or "") if source is not None else ""
    return disk.get("name", ""), how, file
