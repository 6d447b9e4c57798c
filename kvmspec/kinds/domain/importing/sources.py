"""Where a disk's data lies, from libvirt's XML: read in full, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.canon.identities import data_of
from kvmspec.kinds.domain.disk_origin import by_suffix
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, Unsaid, number, said, seconds, size, switch
from kvmspec.kinds.domain.source_parts import usual_port

_PLACE: Mapping[str, tuple[Leaf, ...]] = {
    "file": (Leaf("@file", "file"), Leaf("@fdgroup", "fd_group")),
    "block": (Leaf("@dev", "block"),),
    "dir": (Leaf("@dir", "dir"),),
    "volume": (Leaf("@pool", "pool"), Leaf("@volume", "volume"), Leaf("@mode", "mode")),
    "nvme": (Leaf("@namespace", "namespace", number), Leaf("@managed", "managed", switch)),
    "vhostuser": (Leaf("@path", "vhostuser"),),
    "vhostvdpa": (Leaf("@dev", "vhostvdpa"),),
    "network": (
        Leaf("@protocol", "protocol"),
        Leaf("@name", "name"),
        Leaf("@query", "query"),
        Leaf("snapshot/@name", "snapshot"),
        Leaf("config/@file", "config"),
        Leaf("@tls", "tls", switch),
        Leaf("@tlsHostname", "tls_hostname"),
        Leaf("ssl/@verify", "ssl_verify", switch),
        Leaf("readahead/@size", "readahead", size),
        Leaf("timeout/@seconds", "timeout", seconds),
        Leaf("initiator/iqn/@name", "initiator"),
        Leaf("identity/@user", "identity.user"),
        Leaf("identity/@username", "identity.user"),
        Leaf("identity/@group", "identity.group"),
        Leaf("identity/@keyfile", "identity.keyfile"),
        Leaf("identity/@agentsock", "identity.agentsock"),
        Leaf("knownHosts/@path", "known_hosts"),
    ),
}
"""libvirt's type → what tells where the data is."""


def source(device: Mapping[str, Any]) -> Data | None:
    """A disk's or a layer's source. None of a type that has no word, or where there is nothing."""
    kind, data = device.get("@type", ""), device.get("source")
    if not data or kind not in _PLACE:
        return None
    found = said(data, _PLACE[kind])
    if kind == "nvme":
        found = {"nvme": str(data_of(data)).removeprefix("nvme:").rpartition("/")[0]} | found
    if hosts := [_host(one, data.get("@protocol")) for one in _each(data.get("host"))]:
        found["hosts"] = hosts
    if cookies := data.get("cookies"):
        found["cookies"] = {name: one.get("#", "") for name, one in cookies["cookie"].items()}
    if labels := [_label(one) for one in _each(data.get("seclabel"))]:
        found["seclabels"] = labels
    for name, read in _PARTS.items():
        if name in data:
            found[_FIELDS.get(name, name)] = read(data[name])
    return found


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _host(host: Mapping[str, Any], protocol: Any) -> Data:
    found = said(
        host,
        (
            Leaf("@name", "name"),
            Leaf("@port", "port", number, usual=usual_port(protocol, host.get("@transport"))),
            Leaf("@socket", "socket"),
            Leaf("@transport", "transport", usual="unix"),
        ),
    )
    if found.get("transport") == "tcp":
        raise Unsaid
    return found


def _label(label: Mapping[str, Any]) -> Data:
    table = (
        Leaf("@model", "model"),
        Leaf("label/#", "label"),
        Leaf("@relabel", "relabel", switch, usual=True),
    )
    return said(label, table)


def secret(value: Mapping[str, Any]) -> str:
    """Which of libvirt's secrets: its UUID, or what it is used for."""
    return str(value["@uuid"] if "@uuid" in value else value["@usage"])


def auth(value: Mapping[str, Any]) -> Data:
    """The user of a storage server. Of which kind its secret is the protocol tells, where that is usual."""
    return {
        "username": value["@username"],
        "secret": secret(value["secret"]),
        "type": value["secret"]["@type"],
    }


def encryption(value: Mapping[str, Any]) -> Data:
    """The encryption of the data."""
    found: Data = {}
    listed = [secret(one) for one in _each(value.get("secret"))]
    if listed:
        found["secret"] = listed[0]
    if len(listed) > 1:
        found["secrets"] = listed[1:]
    table = (Leaf("@format", "format", usual="luks"), Leaf("@engine", "engine", usual="qemu"))
    found |= said(value, table)
    for name in ("cipher", "ivgen"):
        if name in value:
            inner = {key.lstrip("@"): part for key, part in value[name].items()}
            found[name] = inner | ({"size": int(inner["size"])} if "size" in inner else {})
    return found


def _slice(value: Mapping[str, Any]) -> Data:
    part = value["slice"]
    table = (Leaf("@offset", "offset", number, usual=0), Leaf("@size", "size", size))
    return said(part, table)


def _reservations(value: Mapping[str, Any]) -> Data:
    if value.get("@managed") != "no":
        return {"managed": True}
    return {"managed": False, "path": value["source"]["@path"]}


def _reconnect(value: Mapping[str, Any]) -> Any:
    if value.get("@enabled") == "no":
        return False
    return f"{int(value.get('@timeout') or value['@delay'])}s"


_FIELDS = {"slices": "slice"}
_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "auth": auth,
    "encryption": encryption,
    "slices": _slice,
    "reservations": _reservations,
    "reconnect": _reconnect,
}
"""Elements of a source that have parts of their own."""


def layers(value: Mapping[str, Any]) -> list[Data]:
    """What lies below a disk, the nearest first."""
    found: list[Data] = []
    while value:
        found.append(_layer(value))
        if "backingStore" not in value:
            found[-1]["detect_below"] = True
        value = value.get("backingStore", {})
    return found


def _layer(value: Mapping[str, Any]) -> Data:
    data = source(value)
    if data is None:
        raise Unsaid
    path = data.get("file") or data.get("block")
    plain = data.keys() in ({"file"}, {"block"}) and ("block" in data) == str(path).startswith("/dev/")
    found: Data = {"path": path} if plain else {"source": data}
    form = value["format"]
    if form.get("@type") != by_suffix(path if plain and path else ""):
        found["format"] = form.get("@type")
    if cache := form.get("metadata_cache"):
        found["metadata_cache"] = size(cache["max_size"]["#"])
    return found
