"""Names of libvirt's behind fields: what models, templates and tables share. Nothing is imported for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

Off = Literal["destroy", "restart"]  # what the QEMU driver takes, of all that the schema has (9.0)
Crash = Literal["destroy", "restart", "preserve", "coredump-destroy", "coredump-restart"]
LockFailure = Literal["poweroff", "restart", "pause", "ignore"]
Access = Literal["shared", "private"]
CellNumber = Annotated[int, Field(ge=0, le=1023)]

MARKS = ("acpi", "pae", "viridian", "privnet")
"""Elements that are there, or not."""
STATES: Mapping[str, str] = {
    "hap": "hap",
    "pmu": "pmu",
    "pvspinlock": "pvspinlock",
    "vmport": "vmport",
    "vmcoreinfo": "vmcoreinfo",
    "ps2": "ps2",
    "htm": "htm",
    "nested_hv": "nested-hv",
    "ccf_assist": "ccf-assist",
}
"""Fields, and elements that say `on` or `off`."""
VALUES: Mapping[str, tuple[str, str]] = {
    "ioapic": ("ioapic", "driver"),
    "gic": ("gic", "version"),
    "msrs": ("msrs", "unknown"),
    "cfpc": ("cfpc", "value"),
    "sbbc": ("sbbc", "value"),
    "ibs": ("ibs", "value"),
}
"""Fields, and elements with the attribute that has their value."""
HYPERV = (
    "relaxed", "vapic", "vpindex", "runtime", "synic", "reset", "frequencies", "reenlightenment",
    "tlbflush", "ipi", "evmcs", "avic", "emsr_bitmap", "xmm_input",
)  # fmt: skip
"""What of <hyperv> is on or off, and nothing else."""
KVM: Mapping[str, str] = {
    "hidden": "hidden",
    "hint_dedicated": "hint-dedicated",
    "poll_control": "poll-control",
    "pv_ipi": "pv-ipi",
}
BLOCKS: Mapping[str, str] = {
    "bios": "bios",
    "system": "system",
    "base_board": "baseBoard",
    "chassis": "chassis",
}
"""Fields, and elements of named entries."""
CONTROLLER_DRIVER: Mapping[str, str] = {
    name: name
    for name in (
        "queues", "cmd_per_lun", "max_sectors", "ioeventfd", "iothread", "iommu", "ats", "packed",
        "page_per_vq",
    )
}  # fmt: skip
"""Field → attribute of <driver>."""
CONTROLLER_TARGET: Mapping[str, str] = {
    "chassis_nr": "chassisNr",
    "chassis": "chassis",
    "port": "port",
    "bus_nr": "busNr",
    "target_index": "index",
    "hotplug": "hotplug",
}
"""Field → attribute of <target>."""
RATES: Mapping[str, str] = {
    "read_iops": "read_iops_sec",
    "write_iops": "write_iops_sec",
    "read": "read_bytes_sec",
    "write": "write_bytes_sec",
}
"""Fields, and the elements that libvirt writes in this order."""


def format_delay(delay: int) -> str:
    """Milliseconds as a manifest says them."""
    return f"{delay // 1000}s" if delay % 1000 == 0 else f"{delay}ms"
