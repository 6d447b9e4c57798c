"""Pools: what they may say, and what differs."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.canon import rng
from kvmspec.core.change import Verb
from kvmspec.core.impact import Impact
from kvmspec.core.observed import Observed, ObservedVolume
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.pool import KIND
from kvmspec.kinds.pool.spec import PoolSpec
from tests.unit.kinds.network.making import FOREIGN, PROJECT, context, domain, manifest, view

VMS: dict[str, Any] = {"path": "/srv/vms"}
OURS = derived_uuid(PROJECT, "pool", "vms")
LIVE = """
<pool type='dir'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <capacity unit='bytes'>270553174016</capacity>
  <allocation unit='bytes'>23717302272</allocation>
  <available unit='bytes'>246835871744</available>
  <source>
  </source>
  <target>
    <path>/srv/vms</path>
    <permissions><mode>0711</mode><owner>0</owner><group>0</group></permissions>
  </target>
</pool>
"""
DISK = "<disk type='file'><source file='{}'/><target dev='vda'/></disk>"


def live(uuid: str = OURS, name: str = "vms", **others: Any) -> Observed:
    return replace(Observed("pool", name, uuid, LIVE.format(name=name, uuid=uuid), "running", True), **others)


def diff(spec: dict[str, Any], *objects: Any) -> Any:
    about = context(manifest(pools={"vms": spec}))
    (desired,) = about.desired.values()
    return KIND.diff(desired, view(*objects), about)


def done(spec: dict[str, Any], *objects: Any) -> list[str]:
    about = context(manifest(pools={"vms": spec}))
    chain = KIND.steps(diff(spec, *objects), view(*objects), about)
    return [type(action).__name__ for action, _ in chain]


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "no path": ({}, (), "`path` is required"),
    "relative": ({"path": "vms"}, ("path",), "absolute"),
    "climbing": ({"path": "/srv/../etc"}, ("path",), "`..`"),
    "the root": ({"path": "/"}, ("path",), "root folder"),
    "no place on the host": (
        {"type": "rbd", "source": {"hosts": ["ceph1"]}, **VMS},
        ("path",),
        "a pool of type `rbd` has no place on the host, so `path` makes no sense",
    ),
    "no server": (
        {"type": "netfs", "source": {"dir": "/x"}, **VMS},
        ("source",),
        "`source.hosts` is required with `type: netfs`",
    ),
    "of another type": (
        {**VMS, "source": {"adapter": "scsi_host0"}},
        ("source", "adapter"),
        "a pool of type `dir` has no `adapter`",
    ),
    "mount of a folder": (
        {**VMS, "mount_options": ["sync"]},
        ("mount_options",),
        "goes with type `fs` or `netfs`",
    ),
    "half an adapter": (
        {"type": "scsi", "source": {"adapter": {"wwnn": "20000000c9831b4b"}}},
        ("source", "adapter"),
        "`wwnn` and `wwpn` go together",
    ),
    "no adapter": (
        {"type": "scsi", "source": {"adapter": {}}},
        ("source", "adapter"),
        "an adapter is known by",
    ),
    "broken fragment": ({**VMS, "xml": "<pool><"}, ("xml",), "not well-formed"),
    "fragment of a network": ({**VMS, "xml": "<network/>"}, ("xml",), "<pool> is needed"),
    "unknown type": ({**VMS, "type": "tape"}, ("type",), "'dir'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    data, where, words = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        PoolSpec.model_validate(data)
    errors = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert words in errors.get(where, ""), errors


def test_one_folder_for_one_pool() -> None:
    (finding,) = KIND.section.check(
        manifest(pools={"a": VMS, "b": {"path": "/srv/vms/"}, "c": {"path": "/srv/c"}})
    )
    assert finding.path == ("pools", "b", "path")
    assert "pool a" in finding.message


def test_rendered_as_libvirts_schema_wants() -> None:
    about = context(manifest(pools={"vms": {"path": "/srv/a&b<c"}}))
    (desired,) = about.desired.values()
    assert rng.errors(KIND.render(desired, about)) == []


def test_created_started_and_autostarted() -> None:
    assert diff(VMS).verb is Verb.CREATE
    assert done(VMS) == ["DefinePool", "StartPool", "SetAutostart"]
    assert done({**VMS, "autostart": False}) == ["DefinePool", "StartPool"]


def test_nothing_to_do() -> None:
    assert diff(VMS, live()).verb is Verb.NO_OP
    assert done({"path": "/srv//vms/"}, live()) == []


CHANGES: dict[str, tuple[dict[str, Any], Observed, list[str], list[str]]] = {
    "stopped": (VMS, live(state="stopped"), ["state"], ["StartPool"]),
    "autostart": ({**VMS, "autostart": False}, live(), ["autostart"], ["SetAutostart"]),
    "unstated autostart of a pool of ours": (VMS, live(autostart=False), ["autostart"], ["SetAutostart"]),
    "what others added": (
        VMS,
        live(xml=live().xml.replace("<target>", "<features><cow state='no'/></features><target>")),
        ["features.cow"],
        ["EditPool"],
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str) -> None:
    spec, observed, paths, actions = CHANGES[case]
    difference = diff(spec, observed)
    assert [change.path for change in difference.changes] == paths
    assert difference.impact <= Impact.LIVE
    assert done(spec, observed) == actions


REFUSED: dict[str, tuple[dict[str, Any], Observed, str]] = {
    "another path": ({"path": "/srv/new"}, live(), "path cannot change from /srv/vms"),
    "another type": (VMS, live(xml=live().xml.replace("'dir'", "'fs'")), "is a pool of type fs"),
    "foreign": (VMS, live(FOREIGN), "exists already and was not made by this project"),
    "transient": (VMS, live(persistent=False), "is transient"),
    "renamed": (VMS, live(name="old"), "was renamed to old"),
    "folder of another": (VMS, live(FOREIGN, "other"), "pool/other on hv1 is on /srv/vms already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    spec, observed, words = REFUSED[case]
    (problem,) = diff(spec, observed).refusals
    assert words in problem.message
    assert problem.hint
    assert done(spec, observed) == []


def test_adopted_by_uuid() -> None:
    observed = live(
        FOREIGN, xml=live(FOREIGN).xml.replace("<target>", "<features><cow state='no'/></features><target>")
    )
    assert diff({**VMS, "uuid": FOREIGN}, observed).changes == ()


def gone(*objects: Any, **options: Any) -> list[Any]:
    return KIND.leftovers(view(*objects), context(manifest(pools={"other": {"path": "/o"}}), **options))


def test_leftover_keeps_its_files() -> None:
    file = ObservedVolume("vms", "a.qcow2", "/srv/vms/a.qcow2", 20 * 2**30, "qcow2")
    (difference,) = gone(live(), live(FOREIGN, "theirs"), file)
    assert (difference.verb, difference.impact) == (Verb.DELETE, Impact.DELETE)
    assert difference.notes == ("its files stay in /srv/vms: a.qcow2 (20GiB)",)


USERS = {
    "foreign disk in its folder": (
        domain("x", DISK.format("/srv/vms/x"), ours=False, running=False),
        {},
        True,
    ),
    "foreign disk by name": (
        domain("x", "<disk type='volume'><source pool='vms' volume='x'/></disk>", ours=False),
        {},
        True,
    ),
    "foreign disk beside it": (domain("x", DISK.format("/srv/vms2/x"), ours=False), {}, False),
    "ours that goes": (domain("x", DISK.format("/srv/vms/x")), {}, False),
    "ours that stays": (domain("x", DISK.format("/srv/vms/x")), {"needs": {"x": ["pool/vms"]}}, True),
}


@pytest.mark.parametrize("case", USERS)
def test_a_pool_in_use_is_not_deleted(case: str) -> None:
    user, options, refused = USERS[case]
    (difference,) = gone(live(), user, **options)
    assert bool(difference.refusals) is refused
