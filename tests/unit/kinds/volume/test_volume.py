"""Volumes: what they may say, and what differs."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.canon import rng
from kvmspec.core.action import CreateVolume, GrowDisk, ResizeVolume
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.observed import HostView, Observed, ObservedVolume
from kvmspec.kinds.ownership import derived_uuid, mac_for
from kvmspec.kinds.volume import KIND
from kvmspec.kinds.volume.apply import misfit
from kvmspec.kinds.volume.spec import VolumeSpec
from tests.unit.kinds.network.making import HOST, PROJECT, context, domain, manifest, view

GIB = 2**30
POOLS = {"vms": {"path": "/srv/vms"}}
POOL = Observed(
    "pool",
    "vms",
    derived_uuid(PROJECT, "pool", "vms"),
    "<pool type='dir'><name>vms</name><target><path>/srv/vms</path></target></pool>",
    "running",
)
DATA = ObservedVolume("vms", "data", "/srv/vms/data", GIB, "qcow2")
DISK = "<disk type='file'><source file='/srv/vms/data'/><target dev='vdb'/></disk>"
SNAPSHOT = (
    "<disk type='file'><source file='/srv/vms/data.s'/><backingStore type='file'>"
    "<source file='/srv/vms/data'/></backingStore><target dev='vdb'/></disk>"
)


def diff(spec: dict[str, Any], host: HostView, owner: str | None = None, **volumes: Any) -> Difference:
    about = context(manifest(pools=POOLS, volumes={"data": spec, **volumes}))
    desired = about.desired[Address(HOST, "volume", "vms/data")]
    if owner:
        desired = replace(desired, owner=Address(HOST, "vm", owner))
    return KIND.diff(desired, host, about)


def actions(difference: Difference, host: HostView) -> list[Any]:
    return [action for action, _ in KIND.steps(difference, host, context(manifest()))]


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "neither size nor backing": ({}, (), "`size` is required"),
    "no unit": ({"size": 20}, ("size",), "needs a unit"),
    "raw overlay": ({"backing": "base", "format": "raw"}, (), "cannot be an overlay"),
    "unknown format": ({"size": "1GiB", "format": "vmdk"}, ("format",), "'qcow2'"),
    "two backings": ({"backing": {"volume": "a", "path": "/a"}}, ("backing",), "either `volume` or `path`"),
    "pool of a path": ({"backing": {"pool": "a", "path": "/a"}}, ("backing",), "`pool` goes with"),
    "image and backing": ({"image": "debian", "backing": "base"}, (), "either `image` or `backing`"),
    "clone of nothing": ({"size": "1GiB", "clone": "full"}, (), "`clone: full` goes with `image`"),
    "raw overlay of an image": (
        {"image": "debian", "format": "raw"},
        (),
        "cannot be an overlay of its image",
    ),
    "climbing pool": ({"size": "1GiB", "pool": "../x"}, ("pool",), "a name is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    data, where, words = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        VolumeSpec.model_validate(data)
    errors = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert words in errors.get(where, ""), errors


TWO_POOLS = {**POOLS, "more": {"path": "/srv/more"}}
FINDINGS: dict[str, tuple[dict[str, Any], list[tuple[tuple[str, ...], str]]]] = {
    "which pool": (
        {"pools": TWO_POOLS, "volumes": {"a": {"size": "1GiB"}}},
        [(("volumes", "a"), "which pool")],
    ),
    "pool of the host": ({"volumes": {"a": {"size": "1GiB", "pool": "elsewhere"}}}, []),
    "backing unknown": (
        {"pools": POOLS, "volumes": {"a": {"backing": "b"}}},
        [(("volumes", "a", "backing"), "not declared")],
    ),
    "backing of the host": (
        {"pools": POOLS, "volumes": {"a": {"backing": {"volume": "b", "pool": "p"}}}},
        [],
    ),
    "itself": (
        {"pools": POOLS, "volumes": {"a": {"backing": "a"}}},
        [(("volumes", "a", "backing"), "a → a")],
    ),
    "circle": (
        {"pools": POOLS, "volumes": {"a": {"backing": "b"}, "b": {"backing": "a"}, "c": {"backing": "a"}}},
        [(("volumes", "a", "backing"), "a → b → a"), (("volumes", "b", "backing"), "b → a → b")],
    ),
    "kept and removed": (
        {"pools": POOLS, "volumes": {"a": {"size": "1GiB"}}, "removed": [("vms", "a")]},
        [(("volumes", "a"), "`removed:` too")],
    ),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_check(case: str) -> None:
    parts, expected = FINDINGS[case]
    found = list(KIND.section.check(manifest(**parts)))
    assert [finding.path for finding in found] == [path for path, _ in expected]
    assert all(words in finding.message for finding, (_, words) in zip(found, expected, strict=True))


RENDERED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "blank": ({"size": "1GiB"}, ["1073741824", "compat"]),
    "raw": ({"size": "1GiB", "format": "raw"}, ['type="raw"', "allocation"]),
    "rounded up to libvirt's KiB": ({"size": "1500B"}, [">2048<"]),
    "overlay": ({"backing": "base"}, ["/srv/vms/base<", 'type="raw"']),
    "overlay of a file": (
        {"size": "1GiB", "backing": {"path": "/a/b.qcow2"}},
        ["/a/b.qcow2", 'type="qcow2"'],
    ),
    "overlay of a file, format said": ({"backing": {"path": "/a/b", "format": "qcow2"}}, ["/a/b<"]),
}


@pytest.mark.parametrize("case", RENDERED)
def test_rendered_as_libvirts_schema_wants(case: str) -> None:
    spec, parts = RENDERED[case]
    about = context(manifest(pools=POOLS, volumes={"data": spec, "base": {"size": "1GiB", "format": "raw"}}))
    xml = KIND.render(about.desired[Address(HOST, "volume", "vms/data")], about)
    assert rng.errors(xml) == []
    assert all(part in xml for part in parts), xml
    assert ("<capacity" in xml) is ("size" in spec)


def test_needs_its_pool_and_what_it_rests_on() -> None:
    about = context(manifest(pools=POOLS, volumes={"data": {"backing": "base"}, "base": {"size": "1GiB"}}))
    needs = about.desired[Address(HOST, "volume", "vms/data")].needs
    assert [address.short for address in needs] == ["pool/vms", "volume/vms/base"]


def test_absent_is_created() -> None:
    difference = diff({"size": "1GiB"}, view(POOL))
    assert difference.verb is Verb.CREATE
    (action,) = actions(difference, view(POOL))
    assert (action.capacity, action.format, action.backing, action.take_up) == (GIB, "qcow2", None, False)


UNSEEN = {"stopped": view(replace(POOL, state="stopped")), "to be made": view()}


@pytest.mark.parametrize("case", UNSEEN)
def test_pool_that_could_not_be_read(case: str) -> None:
    difference = diff({"size": "1GiB"}, UNSEEN[case])
    (action,) = actions(difference, UNSEEN[case])
    assert action.take_up
    assert "taken up with its data" in difference.notes[0]


FITS: dict[str, tuple[dict[str, Any], ObservedVolume, str]] = {
    "the same": ({"size": "1GiB"}, DATA, ""),
    "size of the backing": ({"backing": {"path": "/b", "format": "raw"}}, replace(DATA, backing="/b"), ""),
    "larger": ({"size": "1023MiB"}, DATA, "never shrunk"),
    "another format": ({"size": "1GiB"}, replace(DATA, format="raw"), "format cannot change"),
    "another backing": ({"size": "1GiB"}, replace(DATA, backing="/b"), "backing cannot change"),
}


@pytest.mark.parametrize("owner", [None, "web"])
@pytest.mark.parametrize("case", FITS)
def test_is_there_already(case: str, owner: str | None) -> None:
    spec, volume, words = FITS[case]
    difference = diff(spec, view(POOL, volume), owner)
    if words:
        (problem,) = difference.refusals
        assert words in problem.hint
    else:
        assert difference.verb is (Verb.ADOPT if owner else Verb.NO_OP)
    assert actions(difference, view(POOL, volume)) == []


USERS: dict[str, tuple[Observed, str | None, str]] = {
    "a stranger": (domain("x", DISK, ours=False), None, "is used by vm/x"),
    "a stranger's snapshot": (domain("x", SNAPSHOT, ours=False), None, "is used by vm/x"),
    "a stranger by name": (
        domain("x", "<disk><source volume='data' pool='vms'/></disk>", ours=False, running=False),
        None,
        "is used by",
    ),
    "one of ours": (domain("x", DISK), None, ""),
    "its own VM": (domain("web", DISK), "web", ""),
    "another VM of ours has the disk of web": (domain("x", DISK), "web", "is used by vm/x"),
}


@pytest.mark.parametrize("case", USERS)
def test_used_by_others(case: str) -> None:
    user, owner, words = USERS[case]
    difference = diff({"size": "1GiB"}, view(POOL, DATA, user), owner)
    assert [words in problem.message for problem in difference.refusals] == ([True] if words else [])
    if not words:
        assert difference.verb is Verb.NO_OP


def test_listed_in_the_metadata_is_known_under_a_snapshot() -> None:
    web = domain("web", '<!-- "volumes":["vms/data"] -->', running=False)
    difference = diff({"size": "1GiB"}, view(POOL, replace(DATA, backing="/new/base"), web), "web")
    assert (difference.verb, difference.refusals) == (Verb.NO_OP, ())
    assert "rests on /new/base now" in difference.notes[0]


GROWTH: dict[str, tuple[tuple[Any, ...], Any]] = {
    "unused": ((), ResizeVolume(Address(HOST, "volume", "vms/data"), 2 * GIB)),
    "stopped VM": (
        (domain("x", DISK, running=False),),
        ResizeVolume(Address(HOST, "volume", "vms/data"), 2 * GIB),
    ),
    "running VM": ((domain("x", DISK),), GrowDisk(Address(HOST, "vm", "x"), "vdb", 2 * GIB)),
    "running VM, by name": (
        (domain("x", "<disk><source pool='vms' volume='data'/><target dev='vdc'/></disk>"),),
        GrowDisk(Address(HOST, "vm", "x"), "vdc", 2 * GIB),
    ),
    "snapshot": ((domain("x", SNAPSHOT),), "vm/x rests on it"),
    "overlay": (
        (ObservedVolume("vms", "o", "/srv/vms/o", GIB, "qcow2", "/srv/vms/data"),),
        "volume/vms/o rests on it",
    ),
    "shared": ((domain("x", DISK), domain("y", DISK)), "shared by vm/x, vm/y"),
}


@pytest.mark.parametrize("case", GROWTH)
def test_growth(case: str) -> None:
    others, expected = GROWTH[case]
    host = view(POOL, DATA, *others)
    difference = diff({"size": "2GiB"}, host)
    if isinstance(expected, str):
        (problem,) = difference.refusals
        assert expected in problem.message
        assert actions(difference, host) == []
        return
    (change,) = difference.changes
    impact = Impact.LIVE if isinstance(expected, GrowDisk) else Impact.NONE  # no guest, no cost
    assert (change.path, change.before, change.after, change.impact) == ("size", "1GiB", "2GiB", impact)
    assert actions(difference, host) == [expected]


NOWHERE = {
    "pool": {"pool": "lost", "size": "1GiB"},
    "backing": {"pool": "vms", "backing": {"volume": "lost", "pool": "vms"}},
    "pool of the backing": {"pool": "vms", "backing": {"volume": "lost", "pool": "lost"}},
}


@pytest.mark.parametrize("case", NOWHERE)
def test_reference_to_nothing(case: str) -> None:
    about = context(manifest(pools=POOLS, volumes={"data": NOWHERE[case]}))
    desired: Desired = next(each for address, each in about.desired.items() if address.kind == "volume")
    (problem,) = KIND.diff(desired, view(POOL), about).refusals
    assert "neither in the manifest nor on hv1" in problem.message


def gone(
    *objects: Any, removed: Any = (("vms", "data"),), volumes: Any = None, **options: Any
) -> list[Difference]:
    about = context(manifest(pools=POOLS, removed=removed, volumes=volumes), **options)
    return KIND.leftovers(view(POOL, *objects), about)


def test_removed() -> None:
    (difference,) = gone(DATA)
    assert (difference.verb, difference.impact) == (Verb.DELETE, Impact.DATA_LOSS)
    assert [type(action).__name__ for action in actions(difference, view(POOL, DATA))] == ["DeleteVolume"]
    assert gone() == []


OVERLAY = ObservedVolume("vms", "o", "/srv/vms/o", GIB, "qcow2", "/srv/vms/data")
KEPT: dict[str, tuple[tuple[Any, ...], dict[str, Any], list[str]]] = {
    "foreign user": ((domain("x", DISK, ours=False, running=False),), {}, ["is used by vm/x"]),
    "own user that stays": ((domain("x", DISK),), {"needs": {"x": ["volume/vms/data"]}}, ["is used by vm/x"]),
    "own user that lets go": ((domain("x", DISK),), {"needs": {"x": ["volume/vms/other"]}}, []),
    "overlay": ((OVERLAY,), {}, ["is the backing of volume/vms/o"]),
    "overlay that goes too": ((OVERLAY,), {"removed": [("vms", "data"), ("vms", "o")]}, []),
}


@pytest.mark.parametrize("case", KEPT)
def test_removed_but_in_use(case: str) -> None:
    others, options, words = KEPT[case]
    difference = gone(DATA, *others, **options)[0]
    assert len(difference.refusals) == len(words)
    assert all(each in problem.message for each, problem in zip(words, difference.refusals, strict=True))


def test_destroy_keeps_volumes_unless_data_loss_is_granted() -> None:
    declared: dict[str, Any] = {"data": {"size": "1GiB"}}
    (difference,) = gone(DATA, removed=(), volumes=declared, destroy=True)
    assert (difference.verb, difference.notes[0][:12]) == (Verb.NO_OP, "stays: data ")
    granted = {"destroy": True, "granted": [Permission.DATA_LOSS]}
    (difference,) = gone(DATA, removed=(), volumes=declared, **granted)
    assert (difference.verb, difference.refusals) == (Verb.DELETE, ())
    declared["data"]["prevent_destroy"] = True
    (difference,) = gone(DATA, removed=(), volumes=declared, **granted)
    assert "prevent_destroy" in difference.refusals[0].message


def test_fingerprint_tells_another_volume_of_that_name() -> None:
    assert KIND.fingerprint("vms/data", view(POOL)) == ""
    before = KIND.fingerprint("vms/data", view(POOL, DATA))
    assert KIND.fingerprint("vms/data", view(POOL, replace(DATA, capacity=2 * GIB))) != before
    assert KIND.fingerprint("vms/data", view(POOL, replace(DATA))) == before
    assert KIND.fingerprint("vms/data", view(POOL, replace(DATA, format="raw"))) != before


MISFITS = {
    "fits": (DATA, ""),
    "smaller": (replace(DATA, capacity=1), ""),
    "format": (replace(DATA, format="raw"), "is raw"),
    "larger": (replace(DATA, capacity=2 * GIB), "has 2GiB"),
    "backing": (replace(DATA, backing="/b"), "rests on /b"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_take_up(case: str) -> None:
    found, words = MISFITS[case]
    action = CreateVolume(Address(HOST, "volume", "vms/data"), "", GIB, "qcow2", None, True)
    assert misfit(action, found).startswith(words)
    assert bool(misfit(action, found)) is bool(words)


def test_identities_are_stable() -> None:
    assert derived_uuid("shop", "network", "front") == "f19bb55e-648c-5743-850d-b2f75abb4f57"
    assert mac_for("shop", "web", "front").startswith("52:54:")
    assert mac_for("shop", "web", "front") != mac_for("shop", "web", "back")
