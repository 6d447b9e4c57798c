"""Secrets and network filters on a real libvirtd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libvirt
import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.adapters.libvirt.secrets import decoded
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.section import Manifest
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, PROJECT, apply, manifest, plan

pytestmark = pytest.mark.libvirtd
STORE = SecretStore()
KINDS = ("secret", "nwfilter")


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    """A connection of kvmspec's own, and no secrets or filters of the tests before or after."""
    opened = connect(HOST, clean_host.uri, STORE)
    yield opened
    for secret in opened.conn.listAllSecrets():
        secret.undefine()
    apply(manifest(nwfilters={}), opened, KINDS, destroy=True)
    for name in ("lower", "web"):
        opened.nwfilters.delete(name)
    opened.close()


def wanted(**secrets: Any) -> Manifest:
    return manifest(secrets=secrets, store=STORE)


USAGES: dict[str, dict[str, Any]] = {
    "ceph": {"usage": "ceph", "value": "QUJDRA=="},
    "iscsi": {"usage": "iscsi", "usage_id": "iqn.2013-07.lan.shop:target", "value": "chap & <secret>"},
    "volume": {"usage": "volume", "usage_id": "/srv/a.luks", "value": "pass", "description": "of a"},
    "tls": {"usage": "tls", "value": "grün"},
    "vtpm": {"usage": "vtpm", "value": "c2VjcmV0", "encoding": "base64", "ephemeral": True},
    "private": {"usage": "tls", "value": "hidden", "private": True, "description": "of b"},
    "none": {"usage": "none", "value": "x"},
    "no value": {"usage": "tls"},
}


@pytest.mark.parametrize("case", USAGES)
def test_made_then_nothing_to_do_then_changed(host: Host, case: str) -> None:
    spec = USAGES[case]
    apply(wanted(key=spec), host, KINDS)
    assert plan(wanted(key=spec), host, KINDS) == []
    kept = host.conn.secretLookupByUUIDString(derived_uuid(PROJECT, "secret", "key"))
    if "value" in spec and not spec.get("private"):
        encoding = spec.get("encoding") or ("base64" if spec["usage"] == "ceph" else "text")
        assert kept.value() == decoded(spec["value"], encoding)
    if "value" in spec:
        changed = wanted(key={**spec, "value": "bmV3"})
        assert "SetSecret" in apply(changed, host, KINDS)
        assert plan(changed, host, KINDS) == []
    other = wanted(key={**spec, "description": "another"})
    apply(other, host, KINDS)
    assert plan(other, host, KINDS) == []


def test_a_value_that_is_gone_is_set_again(host: Host) -> None:
    apply(wanted(key=USAGES["tls"]), host, KINDS)
    key = host.conn.secretLookupByUUIDString(derived_uuid(PROJECT, "secret", "key"))
    xml = key.XMLDesc()
    key.undefine()
    host.conn.secretDefineXML(xml)
    assert apply(wanted(key=USAGES["tls"]), host, KINDS) == ["SetSecret"]


def test_made_private_afterwards(host: Host) -> None:
    spec = USAGES["tls"]
    apply(wanted(key=spec), host, KINDS)
    private = wanted(key={**spec, "private": True})
    apply(private, host, KINDS)
    apply(private, host, KINDS)
    assert plan(private, host, KINDS) == []


def test_deleted_when_it_is_not_declared_any_more(host: Host) -> None:
    apply(wanted(key=USAGES["ceph"], other=USAGES["tls"]), host, KINDS)
    assert apply(wanted(other=USAGES["tls"]), host, KINDS) == ["DeleteSecret"]
    assert apply(wanted(other=USAGES["tls"]), host, KINDS, destroy=True) == ["DeleteSecret"]
    assert host.conn.listAllSecrets() == []


def test_adopted_with_its_value(host: Host) -> None:
    xml = "<secret><description>old</description><usage type='tls'><name>theirs</name></usage></secret>"
    theirs = host.conn.secretDefineXML(xml)
    theirs.setValue(b"kept", 0)
    spec = {"usage": "tls", "usage_id": "theirs", "uuid": theirs.UUIDString()}
    before = theirs.XMLDesc()
    assert plan(wanted(key=spec), host, KINDS) == []
    assert plan(wanted(key={**spec, "value": "kept"}), host, KINDS) == []
    assert apply(wanted(key={**spec, "value": "new"}), host, KINDS) == ["SetSecret"]
    assert (theirs.XMLDesc(), theirs.value()) == (before, b"new")


RULES = [
    {"action": "accept", "direction": "in", "protocol": "tcp", "match": {"dstportstart": "0x50"}},
    {"action": "accept", "direction": "in", "protocol": "tcp-ipv6", "match": {"srcipaddr": "FE80::01"}},
    {"action": "drop", "direction": "out", "protocol": "mac", "except": {"srcmacaddr": "$MAC"}},
    {"action": "return", "direction": "inout", "protocol": "arp", "match": {"opcode": 2}},
    {"action": "drop", "direction": "inout", "protocol": "stp", "match": {"root_priority": 5}},
    {"action": "drop", "direction": "inout", "protocol": "vlan", "match": {"vlanid": 16}},
    {"action": "drop", "direction": "in", "protocol": "all", "match": {"connlimit_above": 2}},
    {"action": "drop", "direction": "in", "protocol": "tcp", "match": {"flags": "ACK,SYN/ALL"}},
    {"action": "continue", "direction": "in", "statematch": False, "priority": -5},
]


def test_filters_made_then_nothing_to_do_then_changed(host: Host) -> None:
    filters = {
        "web": {
            "filters": ["clean-traffic", {"name": "lower", "parameters": {"IP": ["1.2.3.4", "1.2.3.5"]}}]
        },
        "lower": {"chain": "ipv4-shop", "rules": RULES},
    }
    of = manifest(nwfilters=filters)
    assert apply(of, host, KINDS) == ["DefineNwfilter"] * 2
    assert plan(of, host, KINDS) == []
    filters["lower"] = {"rules": RULES[:2]}
    assert apply(manifest(nwfilters=filters), host, KINDS) == ["DefineNwfilter"]
    assert plan(manifest(nwfilters=filters), host, KINDS) == []
    assert apply(manifest(nwfilters=filters), host, KINDS, destroy=True) == ["DeleteNwfilter"] * 2


def test_what_libvirt_brings_along_can_be_adopted_as_it_is(host: Host) -> None:
    from kvmspec.kinds.nwfilter.importing import import_nwfilter

    filters = dict(import_nwfilter(each.XMLDesc()) for each in host.conn.listAllNWFilters())
    assert len(filters) > 20
    assert plan(manifest(nwfilters=filters), host, KINDS) == []


def test_libvirt_does_not_care_for_filters_that_name_another(host: Host) -> None:
    """Why kvmspec looks itself."""
    host.nwfilters.define("<filter name='lower'/>")
    host.nwfilters.define("<filter name='web'><filterref filter='lower'/></filter>")
    host.conn.nwfilterLookupByName("lower").undefine()
    assert "lower" in host.conn.nwfilterLookupByName("web").XMLDesc()
    with pytest.raises(libvirt.libvirtError):
        host.conn.nwfilterLookupByName("lower")
