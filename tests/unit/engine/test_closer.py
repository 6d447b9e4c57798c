"""The closer look: what it asks for, and that a plan without changes asks for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from kvmspec.core.action import DeleteVolume, PowerOffDomain
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed, ObservedVolume
from kvmspec.engine.closer import closer
from kvmspec.kinds.base import Context
from tests.unit.kinds.network.making import HOST, context, domain, manifest

DISK = "<disk type='file'><source file='/srv/vms/data'/><target dev='vdb'/></disk>"
DATA = ObservedVolume("vms", "data", "/srv/vms/data", 1, "qcow2")
THEIRS = ObservedVolume("theirs", "x", "/srv/theirs/x", 1, "qcow2", "/srv/vms/data")
POOLS = {name: Observed("pool", name, name, "<pool/>", "running") for name in ("vms", "theirs")}
VM, VOLUME = Address(HOST, "vm", "web"), Address(HOST, "volume", "vms/data")


@dataclass
class Asked:
    """A host that notes what it is asked for."""

    calls: list[str] = field(default_factory=list)

    @property
    def domains(self) -> Any:
        return SimpleNamespace(jobs=lambda name: self.calls.append(f"jobs of {name}") or (("vdb", "pull"),))

    @property
    def volumes(self) -> Any:
        return SimpleNamespace(list=lambda pools: self.calls.append(f"volumes of {pools}") or [THEIRS])


def about(*, running: bool = True) -> Context:
    view = HostView(
        HOST,
        "test:///default",
        pools=POOLS,
        volumes={"vms/data": DATA},
        domains={"web": domain("web", DISK, running=running), "db": domain("db")},
        pools_read=frozenset({"vms"}),
    )
    found = context(manifest())
    return Context(found.manifest, found.renderer, {HOST: view})


def change(path: str, impact: Impact = Impact.LIVE) -> FieldChange:
    return FieldChange(path, 1, 2, impact)


CASES: dict[str, tuple[Difference, list[str]]] = {
    "nothing to do": (Difference(VM, Verb.NO_OP, (change("disks.root.size"),)), []),
    "no disk": (Difference(VM, Verb.UPDATE, (change("memory.size"),)), []),
    "a disk": (Difference(VM, Verb.UPDATE, (change("disks.root.size"),)), ["jobs of web"]),
    "a restart": (Difference(VM, Verb.UPDATE, (change("machine", Impact.RESTART),)), ["jobs of web"]),
    "renamed": (
        Difference(
            Address(HOST, "vm", "new"), Verb.UPDATE, (FieldChange("name", "web", "new", Impact.RESTART),)
        ),
        ["jobs of web"],
    ),
    "a volume that a guest runs on": (
        Difference(VOLUME, Verb.UPDATE, (change("size"),)),
        ["jobs of web"],
    ),
    "deletion without its volumes": (
        Difference(VM, Verb.DELETE, impact_floor=Impact.DELETE, detail=((PowerOffDomain(VM), "power off"),)),
        ["jobs of web"],
    ),
    "deletion with its volumes": (
        Difference(
            VM, Verb.DELETE, impact_floor=Impact.DATA_LOSS, detail=((DeleteVolume(VOLUME), "delete"),)
        ),
        ["jobs of web", "volumes of ['theirs']"],
    ),
    "deletion of a volume": (
        Difference(VOLUME, Verb.DELETE, impact_floor=Impact.DATA_LOSS),
        ["jobs of web", "volumes of ['theirs']"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_it_asks_for(case: str) -> None:
    difference, expected = CASES[case]
    host, before = Asked(), about()
    told = closer([difference], before, {HOST: host})  # type: ignore[dict-item]  # as much of a Host as it asks
    assert host.calls == expected
    assert (told is None) is not bool(expected)
    if told is not None:
        view = told.views[HOST]
        assert view.domains["web"].jobs == (("vdb", "pull"),)
        assert list(view.beyond) == (["theirs/x"] if len(expected) > 1 else [])
        assert view.volumes == before.views[HOST].volumes


def test_a_stopped_vm_has_no_jobs() -> None:
    host = Asked()
    difference = CASES["a disk"][0]
    assert closer([difference], about(running=False), {HOST: host}) is None  # type: ignore[dict-item]  # likewise
    assert host.calls == []
