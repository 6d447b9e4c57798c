"""The secrets and network filters that the VMs and pools of a host use, when these are imported."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kvmspec.adapters.libvirt import Host
from kvmspec.core.observed import Observed
from kvmspec.engine.gathered import Gathered
from kvmspec.kinds.nwfilter.importing import import_nwfilter
from kvmspec.kinds.secret.facts import Facts, read
from kvmspec.kinds.secret.importing import import_secret

_USAGES = {"passphrase": "volume"}
"""What an encryption calls the kind of its secret; others call it as the secret itself does."""
_LIBVIRTS = ("allow-", "clean-traffic", "no-arp-", "no-ip", "no-mac-", "no-other-", "qemu-announce-self")
"""How the filters begin that libvirt brings along (9.0); every host has them."""


class Keys(NamedTuple):
    """What a host has: secrets by their UUID, filters by name."""

    secrets: Mapping[str, Observed] = {}
    filters: Mapping[str, Observed] = {}


def keys_of(host: Host, xmls: Iterable[str]) -> Keys:
    """Asked only for what the XML of VMs and pools speaks of. Raises LibvirtFailure."""
    xmls = list(xmls)
    secrets = filters = []
    if any("secret" in xml for xml in xmls):
        secrets = host.secrets.list({one.uuid for one in host.secrets.list()})
    if any("<filterref" in xml for xml in xmls):
        filters = host.nwfilters.list(["all of them"])
    return Keys({one.uuid: one for one in secrets}, {one.name: one for one in filters})


def bring_along(xmls: Mapping[tuple[str, str], str], keys: Keys, gathered: Gathered) -> None:
    """Declare what the XML of VMs and pools, by section and name, refers to, and remark what is not there."""
    for where, xml in xmls.items():
        root = ET.fromstring(xml)
        for name in dict.fromkeys(node.get("filter", "") for node in root.iter("filterref")):
            _add_filter(name, where, keys, gathered)
    refers = {where: list(_secrets(ET.fromstring(xml))) for where, xml in xmls.items() if "secret" in xml}
    facts = {uuid: read(one.xml) for uuid, one in keys.secrets.items()}
    spoken = {ref.value for refs in refers.values() for ref in refs}
    for where, refs in refers.items():
        for ref in dict.fromkeys(refs):
            uuid = next((uuid for uuid, each in facts.items() if _is(each, ref)), None)
            if uuid is None:
                gathered.remark(*where, f"There is no secret {ref.value} on this host.")
            else:
                others = {each.usage_id for each in facts.values() if each.uuid != uuid}
                own = {uuid, facts[uuid].usage_id}
                _add_secret(keys.secrets[uuid], others | (spoken - own), gathered)


class _Reference(NamedTuple):
    """How XML names a secret: by `uuid`, or by the `usage` of a kind."""

    by: str
    value: str
    kind: str


def _secrets(root: ET.Element) -> Iterator[_Reference]:
    for node in root.iter():
        if node.tag == "secret":
            for by in ("uuid", "usage"):
                if value := node.get(by):
                    yield _Reference(by, value, node.get("type", ""))
        elif node.tag == "encryption" and node.get("secret"):  # of a TPM
            yield _Reference("uuid", node.get("secret", ""), "")


def _is(facts: Facts, ref: _Reference) -> bool:
    if ref.by == "uuid":
        return facts.uuid == ref.value
    kind = _USAGES.get(ref.kind, ref.kind)
    return facts.usage_id == ref.value and (not kind or facts.usage == kind)


def _add_secret(observed: Observed, taken: Iterable[str], gathered: Gathered) -> None:
    """Under a name that is no other secret's usage: that is how VMs name them, too."""
    known = gathered.sections["secrets"]
    if any(entry["uuid"] == observed.uuid for entry in known.values()):
        return
    one = import_secret(observed.xml, {*known, *taken}, gathered.variables)
    gathered.add("secrets", one.name, one.entry)
    gathered.variables |= one.variables


def _add_filter(name: str, where: tuple[str, str], keys: Keys, gathered: Gathered) -> None:
    """With those it names itself."""
    if name.startswith(_LIBVIRTS) or name in gathered.sections["nwfilters"]:
        return
    if name not in keys.filters:
        gathered.remark(*where, f"There is no network filter {name} on this host.")
        return
    xml = keys.filters[name].xml
    gathered.add("nwfilters", *import_nwfilter(xml))
    for node in ET.fromstring(xml).iter("filterref"):
        _add_filter(node.get("filter", ""), ("nwfilters", name), keys, gathered)
