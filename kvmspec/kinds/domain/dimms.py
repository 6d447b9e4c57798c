"""DIMMs: canonical data has a VM's memory without them, libvirt's XML and calls have it with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.core.action import Edit
from kvmspec.kinds.domain.compare import Comparison

Path = tuple[str, ...]
DEVICES: Path = ("devices", "memory")


def plugged(data: Mapping[str, Any], model: str = "") -> int:
    """Bytes of the memory devices in canonical data, of all models or one."""
    found = (get(data, DEVICES) or {}).values()
    return sum(d["target"]["size"]["#"] for d in found if model in ("", d.get("@model")))


def as_defined(guest: dict[str, Any], defined: Mapping[str, Any]) -> None:
    """Give a guest's memory the sizes of its definition where libvirt only rounded them up to whole MiB when
    it started (qemuDomainAlignMemorySizes, 9.0)."""
    cells = get(guest, ("cpu", "numa", "cell")) or {}
    for name, cell in cells.items():
        wanted = get(defined, ("cpu", "numa", "cell", name, "@memory"))
        if wanted is not None and 0 < int(cell.get("@memory", 0)) - int(wanted) < 1024:
            cell["@memory"] = wanted
    size, wanted = get(guest, ("memory", "#")), get(defined, ("memory", "#"))
    if size and wanted and 0 < size - wanted < max(len(cells), 1) << 20:
        guest["memory"] = {**guest["memory"], "#": wanted}


def after(comparison: Comparison, there: Mapping[str, Any]) -> dict[str, Any]:
    """The memory devices of the definition, or the running guest, when the plan is done."""
    gone = {path[2] for path in comparison.dropped() if path[:2] == DEVICES and len(path) > 2}
    kept = {key: device for key, device in (get(there, DEVICES) or {}).items() if key not in gone}
    return {"devices": {"memory": kept | (get(comparison.stated, DEVICES) or {})}}


def totals(comparison: Comparison) -> Iterator[Edit]:
    """The definition's <memory> and <currentMemory>, which count its DIMMs; without any, or where all of it
    stays as it is, nothing."""
    have, final = comparison.persistent, after(comparison, comparison.persistent)
    if not plugged(have) and not plugged(final):
        return
    sizes = {
        name: int(get(comparison.stated, (name, "#")) or get(have, (name, "#")))
        for name in ("memory", "currentMemory")
    }
    amounts = [plugged(data, model) for model in ("", "dimm") for data in (have, final)]
    same = amounts[0] == amounts[1] and amounts[2] == amounts[3]
    if same and all(size == get(have, (name, "#")) for name, size in sizes.items()):
        return
    stated = comparison.spec.memory
    whole = sizes["memory"] == sizes["currentMemory"] and (stated is None or stated.max is None)
    for name, size in sizes.items():
        more = plugged(final) if name == "memory" or whole else plugged(final, "dimm")
        yield Edit("set", (name, "@unit"), "KiB")
        yield Edit("set", (name, "#"), str(-(-(size + more) // 1024)))
