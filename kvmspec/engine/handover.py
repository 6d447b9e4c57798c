"""A disk that goes from one running VM to another: the one lets go of it before the other gets it.

QEMU locks the images it uses, so that the other order fails; it loses nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from kvmspec.canon.edit import select
from kvmspec.core.action import (
    AttachDevice,
    DefineDomain,
    DetachDevice,
    Edit,
    EditDomain,
    ShutdownDomain,
    StartDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.observed import HostView
from kvmspec.core.plan import Step

_SOURCE = re.compile(r"""<source [^>]*?\b(?:file|dev)=["']([^"']+)["']""")
_DISK = ("devices", "disk")
Edges = dict[int, frozenset[int]]


def in_order(steps: list[Step], views: Mapping[str, HostView]) -> list[Step]:
    """The steps, those that give a VM a disk after those that take it out of another one. Where that
    cannot be (one VM has to wait for the other besides), they stay as they are. Pure."""
    taking = [(step, files) for step in steps if (files := _taken(step, steps))]
    if not taking:
        return steps
    letting = [(step, files) for step in steps if (files := _let_go(step, views[step.action.address.host]))]
    after: Edges = {step.number: step.after for step in steps}
    for step, wanted in taking:
        for other, files in letting:
            apart = other.subject != step.subject and other.subject.host == step.subject.host
            if apart and wanted & files and not _needs(other.number, step.number, after):
                after[step.number] |= {other.number}
    changed = any(after[step.number] != step.after for step in steps)
    return _numbered(steps, after) if changed else steps


def _taken(step: Step, steps: list[Step]) -> set[str]:
    """The files of the disks that a step gives to a running VM."""
    match step.action:
        case AttachDevice(path=path, xml=xml) if path[:2] == _DISK:
            return set(_SOURCE.findall(xml))
        case StartDomain(address=address):
            return {file for other in steps for file in _defined(other, address)}
    return set()


def _defined(step: Step, address: Address) -> Iterator[str]:
    """The files that a step writes into the definition of a VM."""
    match step.action:
        case DefineDomain(xml=xml) if step.action.address == address:
            yield from _SOURCE.findall(xml)
        case EditDomain(edits=edits) if step.action.address == address:
            for edit in edits:
                yield from _written(edit)


def _written(edit: Edit) -> Iterator[str]:
    if edit.path[:2] == _DISK and edit.op == "add":
        yield from _SOURCE.findall(edit.value)
    elif edit.path[:2] == _DISK and edit.path[3:] in (("source", "@file"), ("source", "@dev")):
        yield edit.value


def _let_go(step: Step, view: HostView) -> set[str]:
    """The files that a step takes from a running VM."""
    observed = view.domains.get(step.action.address.name)
    active = observed.active_xml if observed else None
    if active is None:
        return set()
    match step.action:
        case DetachDevice(path=path) if path[:2] == _DISK:
            try:
                return set(_SOURCE.findall(select(active, path)))
            except LookupError:
                return set()
        case ShutdownDomain():
            return set(_SOURCE.findall(active))
    return set()


def _needs(step: int, other: int, after: Edges) -> bool:
    """Whether a step comes after another one, directly or not."""
    seen, ahead = set(), [step]
    while ahead:
        number = ahead.pop()
        if number == other:
            return True
        if number not in seen:
            seen.add(number)
            ahead += after[number]
    return False


def _numbered(steps: list[Step], after: Edges) -> list[Step]:
    """The steps in an order in which each comes after those it needs, numbered anew."""
    by_number = {step.number: step for step in steps}
    waiting = {number: set(needs) for number, needs in after.items()}
    ready = [number for number, needs in waiting.items() if not needs]
    new: dict[int, int] = {}
    while ready:
        number = heapq.heappop(ready)
        new[number] = len(new) + 1
        for other, needs in waiting.items():
            if number in needs:
                needs.remove(number)
                if not needs:
                    heapq.heappush(ready, other)
    return [
        replace(by_number[old], number=number, after=frozenset(new[need] for need in after[old]))
        for old, number in new.items()
    ]
