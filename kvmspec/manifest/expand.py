"""The manifest after all merging, as plain data to show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kvmspec.manifest.roots import FORMAT
from kvmspec.manifest.secrets import has_token
from kvmspec.manifest.section import Item, Manifest, Section

_TOKEN = re.compile(r"kvmspec-secret-[0-9a-f]{16}")
_LOGIN = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")  # of a URL, with its password
HIDDEN = "(secret)"


def expand(manifest: Manifest, sections: Sequence[Section]) -> dict[str, Any]:
    """Every object as it was validated: variables, profiles and counts resolved, secrets hidden.

    Hosts are stated where the manifest has several. Sections without objects are left out.
    """
    result: dict[str, Any] = {"kvmspec": FORMAT, "project": manifest.project}
    if manifest.id is not None:
        result["id"] = manifest.id
    several = len(manifest.hosts) > 1
    if several:
        result["hosts"] = {name: _host(entry.uri, entry.labels) for name, entry in manifest.hosts.items()}
    for section in sections:
        items = manifest.of(section.kind)
        if items:
            result[section.key] = {item.name: _placed(item, section, several) for item in items}
    return result


def _host(uri: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {"uri": uri, "labels": dict(labels)} if labels else {"uri": uri}


def _placed(item: Item, section: Section, several: bool) -> dict[str, Any]:
    """One object, with where it is."""
    hosts = {"host": item.hosts[0]} if section.profiles else {"hosts": list(item.hosts)}
    return {**(hosts if several else {}), **_hidden(item.expanded)}


def _hidden(value: Any) -> Any:
    """A copy in which nothing is secret or shared, so that YAML writes no anchors."""
    if isinstance(value, Mapping):
        return {key: _hidden(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(child) for child in value]
    if not isinstance(value, str):
        return value
    return _LOGIN.sub(f"{HIDDEN}@", _TOKEN.sub(HIDDEN, value) if has_token(value) else value)
