"""Rows of what keeps a guest and its host apart: all of it is set up when the guest starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.canon import shape
from kvmspec.canon.compare import get
from kvmspec.core.live import Call
from kvmspec.kinds.domain.row import ANY, Field, Path, attribute, number
from kvmspec.kinds.domain.rules import live, restart
from kvmspec.kinds.domain.tables.devices import switch

SWITCHES: Mapping[str, str] = {"kernel_hashes": "kernelHashes", "author_key": "authorKey", "vcek": "vcek"}
"""Fields, and attributes that say `yes` or `no`."""
NUMBERS: Mapping[str, str] = {"cbitpos": "cbitpos", "reduced_phys_bits": "reducedPhysBits"}
TEXTS: Mapping[str, str] = {
    "dh_cert": "dhCert",
    "session": "session",
    "guest_visible_workarounds": "guestVisibleWorkarounds",
    "id_block": "idBlock",
    "id_auth": "idAuth",
    "host_data": "hostData",
}
"""Fields, and elements with their text."""

OSINFO: Path = ("metadata", shape.OSINFO + "libosinfo", shape.OSINFO + "os")
"""Where libosinfo's id of the guest's system is."""

_CONFINED = restart("QEMU is confined when it starts")
_SEALED = restart("the memory is encrypted from the start")
_STARTED = restart("QEMU is started so")
_LAUNCH = ("launchSecurity",)


def _label(value: Any) -> Any:
    """`static (system_u:system_r:svirt_t:s0)`"""
    if not isinstance(value, dict):
        return value
    text = value.get("label") or value.get("baselabel")
    kind = value.get("@type", "dynamic")
    return f"{kind} ({text.get('#', '')})" if isinstance(text, dict) else kind


def _text(value: Any) -> Any:
    return value.get("#") if isinstance(value, dict) else value


def _ranges(value: Any) -> Any:
    """`0 → 1000 (10)`: the first in the guest, the first on the host, how many."""
    listed = value if isinstance(value, list) else []
    return [f"{one['@start']} → {one['@target']} ({one['@count']})" for one in listed] or None


def _genid(value: Any) -> Any:
    return value.get("#", "auto") if isinstance(value, dict) else value


def _on(name: str) -> Any:
    return lambda value: switch(attribute(name)(value))


def _system(value: Any) -> Any:
    return get(value, (*OSINFO[2:], "@id")) if isinstance(value, dict) else value


ROWS: tuple[Field, ...] = (
    Field("osinfo", (*OSINFO, "@id"), live(), call=Call.METADATA),
    Field("osinfo", OSINFO[:2], live(), _system, removable=True, call=Call.METADATA, whole=True),
    Field("genid", ("genid",), restart("the guest reads it at boot"), _genid, removable=True, whole=True),
    Field("seclabels.{key}", ("seclabel", ANY), _CONFINED, _label, removable=True, whole=True),
    Field("launch_security.type", (*_LAUNCH, "@type"), _SEALED),
    *(
        Field(f"launch_security.{name}", (*_LAUNCH, f"@{tag}"), _SEALED, switch, removable=True)
        for name, tag in SWITCHES.items()
    ),
    Field("launch_security.policy", (*_LAUNCH, "policy"), _SEALED),
    *(
        Field(f"launch_security.{name}", (*_LAUNCH, tag), _SEALED, number, removable=True)
        for name, tag in NUMBERS.items()
    ),
    *(
        Field(f"launch_security.{name}", (*_LAUNCH, tag), _SEALED, _text, removable=True)
        for name, tag in TEXTS.items()
    ),
    Field(
        "launch_security",
        _LAUNCH,
        _SEALED,
        attribute("type"),
        removable=True,
        whole=True,
        unproved="a host that can encrypt a guest's memory",
    ),
    Field(
        "keywrap.{key}",
        ("keywrap", "cipher", ANY),
        _STARTED,
        _on("state"),
        removable=True,
        whole=True,
        unproved="a host of IBM's Z",
    ),
    Field("idmap.uid", ("idmap", "uid"), _STARTED, _ranges, removable=True),
    Field("idmap.gid", ("idmap", "gid"), _STARTED, _ranges, removable=True),
    Field("resource.partition", ("resource", "partition"), _STARTED, _text, removable=True),
    Field(
        "resource.appid",
        ("resource", "fibrechannel"),
        _STARTED,
        attribute("appid"),
        removable=True,
        whole=True,
        unproved="a host with Fibre Channel",
    ),
    Field(
        "perf.{key}",
        ("perf", "event", ANY),
        restart("counting starts with QEMU"),
        _on("enabled"),
        removable=True,
        whole=True,
    ),
)
