"""What keeps a guest and its host apart, and what is said to QEMU past libvirt, from libvirt's XML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, number, said, switch, text
from kvmspec.kinds.domain.qemu_spec import kind_of
from kvmspec.kinds.domain.tables import qemu as table
from kvmspec.kinds.domain.tables.security import NUMBERS, OSINFO, SWITCHES, TEXTS


def _ranges(value: Any) -> list[Data]:
    return [{name: number(one[f"@{name}"]) for name in ("start", "target", "count")} for one in value]


def _args(value: Any) -> list[str]:
    return [text(arg["@value"]) for arg in value]


def _env(value: Any) -> Data:
    return {name: one.get("@value") for name, one in value.items()}


def _switches(name: str) -> Any:
    return lambda value: {key: switch(one[name]) for key, one in value.items()}


def _override(value: Any) -> Data:
    return {
        alias: {
            name: _property(one)
            for name, one in (get(device, table.PROPERTIES) or {}).items()
            if name == one["@name"]  # one that is said twice has no word
        }
        for alias, device in value.items()
    }


def _property(one: Mapping[str, Any]) -> Any:
    """A value, with its type where the value does not tell."""
    kind = one["@type"]
    if kind == "remove":
        return {kind: True}
    value = _PLAIN[kind](one["@value"])
    return value if kind_of(value) == kind else {kind: value}


_PLAIN: Mapping[str, Any] = {
    "string": str,
    "signed": int,
    "unsigned": int,
    "bool": {"true": True, "on": True, "false": False, "off": False}.__getitem__,
}

SECURITY = (
    Leaf("genid/#", "genid"),
    Leaf("launchSecurity/@type", "launch_security.type"),
    Leaf("launchSecurity/policy/#", "launch_security.policy"),
    *(Leaf(f"launchSecurity/@{tag}", f"launch_security.{name}", switch) for name, tag in SWITCHES.items()),
    *(Leaf(f"launchSecurity/{tag}/#", f"launch_security.{name}", number) for name, tag in NUMBERS.items()),
    *(Leaf(f"launchSecurity/{tag}/#", f"launch_security.{name}") for name, tag in TEXTS.items()),
    Leaf("keywrap/cipher", "keywrap", _switches("@state")),
    Leaf("idmap/uid", "idmap.uid", _ranges),
    Leaf("idmap/gid", "idmap.gid", _ranges),
    Leaf("resource/partition/#", "resource.partition"),
    Leaf("resource/fibrechannel/@appid", "resource.appid"),
    Leaf("perf/event", "perf", _switches("@enabled")),
)
_LABEL = (
    Leaf("@model", "model"),
    Leaf("@type", "type", usual="dynamic"),
    Leaf("@relabel", "relabel", switch),
    Leaf("label/#", "label"),
    Leaf("baselabel/#", "baselabel"),
)


def security(data: Mapping[str, Any]) -> Data:
    """The fields of what keeps a guest and its host apart."""
    found = said(data, SECURITY)
    if data.get("genid") == {}:
        found["genid"] = "auto"
    if labels := [said(label, _LABEL) for label in (data.get("seclabel") or {}).values()]:
        found["seclabels"] = labels
    if system := _system(get(data, OSINFO[:2])):
        found["osinfo"] = system
    return found | _qemu(data)


def _system(element: Any) -> str | None:
    """libosinfo's id, where nothing else is said."""
    if not isinstance(element, dict) or element.keys() != {OSINFO[2]} or {*element[OSINFO[2]]} != {"@id"}:
        return None
    return text(element[OSINFO[2]]["@id"])


def _qemu(data: Mapping[str, Any]) -> Data:
    """Paths with a namespace are no places of leaves: there are slashes in it."""
    found: Data = {}
    for path, name, read in _QEMU:
        if (value := get(data, path)) is not None:
            found[name] = read(value)
    able = {name: on for way, on in table.ABLE.items() for name in get(data, (table.CAPABILITIES, way)) or {}}
    if able:
        found["capabilities"] = able
    return {"qemu": found} if found else {}


_QEMU: tuple[tuple[tuple[str, ...], str, Any], ...] = (
    ((table.COMMANDLINE, table.ARG), "args", _args),
    ((table.COMMANDLINE, table.ENV), "env", _env),
    ((table.DEPRECATION, "@behavior"), "deprecation", text),
    ((table.OVERRIDE, table.DEVICE), "override", _override),
)
OWNERS: Mapping[tuple[str, ...], str] = {
    **{path: f"qemu.{name}" for path, name, _ in _QEMU},
    (table.CAPABILITIES,): "qemu.capabilities",
    ("seclabel",): "seclabels",
    OSINFO[:2]: "osinfo",
    **{(tag,): field for tag, field in (("launchSecurity", "launch_security"), ("idmap", "idmap"))},
    **{(tag,): tag for tag in ("keywrap", "perf", "resource", "genid")},
}
"""Which field a place comes from, beside the leaves."""
