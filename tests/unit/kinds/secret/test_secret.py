"""Secrets: what they may say, what differs, and that no value is shown."""

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.canon import rng
from kvmspec.core.action import SetSecret
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.observed import Observed
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.pool import KIND as POOL
from kvmspec.kinds.secret import KIND, naming
from kvmspec.kinds.secret.facts import noted, read
from kvmspec.kinds.secret.importing import import_secret
from kvmspec.kinds.secret.spec import SecretSpec
from kvmspec.manifest.secrets import SecretStore, digest
from tests.unit.kinds.network.making import FOREIGN, HOST, PROJECT, context, domain, manifest, view

OURS = derived_uuid(PROJECT, "secret", "key")
CEPH: dict[str, Any] = {"usage": "ceph", "value": "QUJD"}
NOTE = "[kvmspec shop/key]"


def live(
    state: str = "same",
    *,
    uuid: str = OURS,
    name: str = "key",
    usage: str = "<usage type='ceph'><name>key</name></usage>",
    text: str = NOTE,
    flags: str = "ephemeral='no' private='no'",
) -> Observed:
    xml = f"<secret {flags}><uuid>{uuid}</uuid><description>{text}</description>{usage}</secret>"
    return Observed("secret", name, uuid, xml, state)


def diff(spec: dict[str, Any], *objects: Any) -> Difference:
    about = context(manifest(secrets={"key": spec}))
    (desired,) = about.desired.values()
    return KIND.diff(desired, view(*objects), about)


def done(difference: Difference) -> list[str]:
    return [type(action).__name__ for action, _ in difference.detail or ()]


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "no usage": ({}, ("usage",), "required"),
    "unknown usage": ({"usage": "tape"}, ("usage",), "'ceph'"),
    "a volume without its path": ({"usage": "volume"}, (), "the path of that volume"),
    "a usage's name for none": ({"usage": "none", "usage_id": "x"}, (), "nothing it is named by"),
    "encoding of nothing": ({"usage": "tls", "encoding": "base64"}, (), "goes with `value`"),
    "a number": ({"usage": "tls", "value": 5}, ("value",), "put it in quotes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    data, where, words = WRONG[case]
    with pytest.raises(ValidationError) as caught:
        SecretSpec.model_validate(data)
    errors = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert words in errors.get(where, ""), errors


FINDINGS: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "not base64": ({"a": {"usage": "ceph", "value": "no!"}}, ("secrets", "a", "value"), "not base64"),
    "empty": ({"a": {"usage": "tls", "value": ""}}, ("secrets", "a", "value"), "empty"),
    "twice for one usage": (
        {"a": {"usage": "tls"}, "b": {"usage": "tls", "usage_id": "a"}},
        ("secrets", "b", "usage_id"),
        "secret a is for tls a",
    ),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_findings(case: str) -> None:
    secrets, path, words = FINDINGS[case]
    (finding,) = KIND.section.check(manifest(secrets=secrets))
    assert finding.path == path
    assert words in finding.message


@pytest.mark.parametrize("example", SecretSpec.examples, ids=str)
def test_rendered_as_libvirts_schema_wants(example: dict[str, Any]) -> None:
    about = context(manifest(secrets={"key": example}))
    (desired,) = about.desired.values()
    assert rng.errors(KIND.render(desired, about)) == []


def test_created_then_its_value_set() -> None:
    found = diff(CEPH)
    assert found.verb is Verb.CREATE
    assert done(found) == ["DefineSecret", "SetSecret"]
    assert "QUJD" not in repr(found) + repr(found.detail)
    assert done(diff({"usage": "tls"})) == ["DefineSecret"]


def test_nothing_to_do() -> None:
    assert diff(CEPH, live()).verb is Verb.NO_OP
    usage = "<usage type='iscsi'><target>san</target></usage>"
    spec = {"usage": "iscsi", "usage_id": "san", "description": "of san"}
    assert diff(spec, live("", usage=usage, text=f"of san {NOTE}")).verb is Verb.NO_OP


CHANGES: dict[str, tuple[dict[str, Any], Observed, list[str], list[str]]] = {
    "another value": (CEPH, live("other"), ["value"], ["SetSecret"]),
    "no value yet": (CEPH, live("unset"), ["value"], ["SetSecret"]),
    "description": ({**CEPH, "description": "d"}, live(), ["description"], ["DefineSecret"]),
    "a lost note": (CEPH, live(text=""), ["description"], ["DefineSecret"]),
    "ephemeral": ({**CEPH, "ephemeral": True}, live(), ["ephemeral"], ["DefineSecret"]),
    "private": ({**CEPH, "private": True}, live(), ["private"], ["DefineSecret"]),
}


@pytest.mark.parametrize("case", CHANGES)
def test_changes(case: str) -> None:
    spec, observed, paths, actions = CHANGES[case]
    found = diff(spec, observed)
    assert [change.path for change in found.changes] == paths
    assert done(found) == actions
    assert all(change.sensitive for change in found.changes if change.path == "value")


REFUSED: dict[str, tuple[dict[str, Any], Observed, str]] = {
    "usage": ({"usage": "tls"}, live(), "is for ceph key"),
    "no longer private": (CEPH, live("private", flags="ephemeral='no' private='yes'"), "is private"),
    "somebody else's": (CEPH, live(uuid=FOREIGN, name=FOREIGN), "has a secret for ceph key already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    spec, observed, words = REFUSED[case]
    (problem,) = diff(spec, observed).refusals
    assert words in problem.message
    assert problem.hint


PRIVATE = {**CEPH, "private": True}


def private(value: str) -> Observed:
    text = noted("", "shop", "key", f"scrypt:{digest(value)}")
    return live("private", text=text, flags="ephemeral='no' private='yes'")


def test_a_private_value_is_known_by_its_digest() -> None:
    assert diff(PRIVATE, private("QUJD")).verb is Verb.NO_OP
    found = diff(PRIVATE, private("QUJE"))
    assert done(found) == ["DefineSecret", "SetSecret"]  # without the note first, for a plan in between
    (define, _), (setting, _) = found.detail
    assert "scrypt:" not in define.xml
    assert isinstance(setting, SetSecret)
    assert "scrypt:" in setting.xml


def test_adoption_compares_what_is_stated() -> None:
    usage = "<usage type='tls'><name>theirs</name></usage>"
    there = live("", uuid=FOREIGN, text="old", usage=usage, flags="ephemeral='yes' private='no'")
    assert diff({"usage": "tls", "usage_id": "theirs", "uuid": FOREIGN}, there).verb is Verb.NO_OP
    found = diff({"usage": "tls", "usage_id": "theirs", "uuid": FOREIGN, "description": "new"}, there)
    ((action, _),) = found.detail
    assert read(action.xml) == read(there.xml)._replace(text="new")


def test_names_of_secrets_that_are_not_declared_any_more() -> None:
    of = manifest(secrets={"other": {"usage": "tls"}})
    copied = live(uuid=FOREIGN, name=FOREIGN)  # the note alone proves nothing
    assert set(naming.named([live(name=OURS), copied], {}, of)) == {"key", FOREIGN}


def leftovers(*objects: Any) -> Difference:
    about = context(manifest(secrets={"other": {"usage": "tls"}}))
    (found,) = KIND.leftovers(view(*objects), about)
    return found


def test_deleted_when_it_is_not_declared_any_more() -> None:
    assert done(leftovers(live())) == ["DeleteSecret"]


@pytest.mark.parametrize("reference", [f"uuid='{OURS}'", "usage='key'"])
def test_not_deleted_while_somebody_uses_it(reference: str) -> None:
    disk = f"<disk><source><auth username='x'><secret type='ceph' {reference}/></auth></source></disk>"
    (problem,) = leftovers(live(), domain("theirs", disk, ours=False)).refusals
    assert "vm/theirs" in problem.message
    auth = f"<source><auth type='ceph'><secret {reference}/></auth></source>"
    pool = Observed("pool", "rbd", FOREIGN, f"<pool type='rbd'><name>rbd</name>{auth}</pool>")
    (problem,) = leftovers(live(), pool).refusals
    assert "pool/rbd" in problem.message


def test_a_pool_comes_after_its_secret_and_names_it_by_its_usage() -> None:
    source = {"name": "vms", "hosts": ["ceph1"], "auth": {"username": "libvirt", "secret": "key"}}
    of = manifest(
        secrets={"key": {"usage": "ceph", "usage_id": "client.libvirt"}},
        pools={"ceph": {"type": "rbd", "source": source}},
    )
    about = context(of)
    pool = about.desired[Address(HOST, "pool", "ceph")]
    assert pool.needs == (Address(HOST, "secret", "key"),)
    assert '<secret usage="client.libvirt"/>' in POOL.render(pool, about)
    assert ("secret", "key") in of.of("pool")[0].spec.references()


def test_imported_without_its_value() -> None:
    usage = "<usage type='volume'><volume>/srv/a b.luks</volume></usage>"
    found = import_secret(live(uuid=FOREIGN, usage=usage, text="costs $5").xml)
    assert found.name == "a-b.luks"
    assert found.entry["value"] == "${a_b_luks_value}"
    assert found.variables == {"a_b_luks_value": {"env": "A_B_LUKS_VALUE", "secret": True}}
    assert found.entry["description"] == "costs $$5"
    spec = SecretSpec.model_validate(found.entry, context={"secrets": SecretStore()})
    assert (spec.usage_id, spec.uuid) == ("/srv/a b.luks", FOREIGN)


SECRET = "<secret><uuid>u</uuid><usage type='iscsi'><target>a/key</target></usage></secret>"


@pytest.mark.parametrize(
    ("names", "name", "variable"),
    [
        ((), "key", "key_value"),
        (("key",), "key-2", "key_2_value"),
        (("key", "key-2"), "key-3", "key_3_value"),
    ],
)
def test_imported_under_a_name_of_its_own(names: tuple[str, ...], name: str, variable: str) -> None:
    """The other's usage may be that name, and a VM may name it so."""
    found = import_secret(SECRET, names)
    assert (found.name, found.entry["value"], [*found.variables]) == (name, f"${{{variable}}}", [variable])
    assert import_secret(SECRET, names, {variable}).entry["value"] == f"${{{variable}_2}}"
