"""What changing each field of a VM costs, in words: from the field table, and what it cannot hold."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.core.effect import Effect
from kvmspec.core.impact import Impact
from kvmspec.kinds.domain import fields, rules
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.nic_spec import PLACES
from kvmspec.kinds.domain.row import Field
from kvmspec.kinds.domain.tables import disks, memory, nics
from kvmspec.kinds.domain.tables.nic_places import ANOTHER

_DEPENDS = {
    rules.vcpus: (
        "live, or restart",
        "live up to the maximum it booted with; taking one away needs a restart",
    ),
    rules.memory: ("live, or restart", "live up to the maximum it booted with, by the memory balloon"),
    memory.dimm: (
        "live, or restart",
        "plugged in up to the ceiling it booted with, and out where the guest lets go of it",
    ),
    rules.password: (
        "live, or restart",
        "another one is asked of whoever connects next; the first, and none, at the next boot",
    ),
    nics.PORTGROUP: (
        "live, or restart",
        "live together with another network; of the same network libvirt takes it, and does nothing",
    ),
    rules.machine: ("restart, or replace", "another family changes every PCI address"),
}
"""Rules that ask the running guest."""

_DISK = "disks.{key}.source"
_SOURCES = ("volume", "path", "pool", "source")
_SWAPPED = (
    "another disk takes its place; the old one stays as it is. On virtio, scsi and usb the guest runs on, "
    "unless it was started from it"
)

_BESIDES = (
    Effect("profile", "as its fields", "what the profiles state differently is what changes"),
    Effect("count", "delete", "of the VMs beyond a smaller count; for a larger one more are created"),
    Effect("host", "refused", "a VM is not moved to another host; `virsh migrate` it first"),
    Effect("uuid", "refused", "a VM's UUID is for life"),
    Effect("state", "restart", "to `stopped` the guest is asked to shut down; to `running` it is started"),
    Effect(
        "install", "none", "read when the VM is created; the drive for its CD comes and goes with a restart"
    ),
    *(
        Effect(f"install.{name}", "none", "read when the VM is installed")
        for name in ("iso", "cmdline", "done_when", "timeout")
    ),
    *(
        Effect(f"install.unattended.{kind}", "none", "read when the VM is installed")
        for kind in ("preseed", "kickstart", "autoinstall")
    ),
    Effect(
        "strict",
        "live, or restart",
        "devices that the manifest does not name are taken out, live where they can be unplugged",
    ),
    Effect("firmware.auto", "restart", "the firmware is loaded at boot"),
    *(
        Effect(f"controllers.{name}", "restart", "the guest finds its controllers at boot")
        for name in ("type", "index", "count", "master")
    ),
    Effect("blkio.devices.path", "restart", "limits of the host's disks are set at boot"),
    Effect("memory.devices", "restart", "the guest finds it at boot"),
    Effect("preset", "none", "read when the VM, or a device of it, is created"),
    Effect("hotplug_ports", "none", "read when the VM is created"),
    Effect(
        "cloud_init",
        "none, or restart",
        "nothing with `on_change: ignore`; with `new-instance` the guest reads the new seed at its next boot",
    ),
    Effect("xml", "restart", "as the field has it that says the same; what no field says is read at boot"),
    Effect("depends_on", "none", "the order in which kvmspec starts VMs"),
    Effect("wait_for", "none", "what kvmspec waits for when it has started the VM"),
    Effect("lifecycle", "none", "what kvmspec may do to the VM; the guest does not see it"),
    Effect(
        "pool", "replace", "its own disks would be others, in the other pool; the old ones stay as they are"
    ),
    Effect(
        "disks.name", "restart", "another name is another disk, with a volume of its own; the old one stays"
    ),
    Effect("disks.target", "none", "read when the disk is first attached"),
    Effect("disks.size", "live", "grows through the running guest; never shrinks"),
    Effect("disks.image", "none", "read when the disk is created; `--replace` takes a newer one"),
    Effect("disks.clone", "none", "read when the disk is created"),
    Effect("disks.backing", "none", "read when the disk is created"),
    Effect("networks.name", "restart", "another name is another interface, with another MAC"),
    Effect(
        "networks.ip",
        "live, or none",
        "the network's DHCP server gives it when the guest renews its lease or boots; "
        "cloud-init sets one at the guest's first boot",
    ),
    *(
        Effect(f"networks.{field}", "restart", ANOTHER(None, None, Guest()).reason)
        for field in PLACES
        if field not in ("network", "bridge", "macvtap", "udp")
    ),
    Effect("networks.gateway", "none", "cloud-init sets it at the guest's first boot"),
    Effect("networks.nameservers", "none", "cloud-init sets them at the guest's first boot"),
    Effect("graphics.type", "restart", "a display cannot be plugged in"),
)
"""What no row of the field table is about."""


def effects() -> Iterator[Effect]:
    """The cost of every field of a VM."""
    table = {effect.path: effect for row in fields.FIELDS[:-1] for effect in _of_row(row)}
    table |= {effect.path: effect for effect in _BESIDES}
    for effect in table.values():
        yield Effect(f"vms.{effect.path}", effect.impact, effect.reason)


def _of_row(row: Field) -> Iterator[Effect]:
    if row.manifest == _DISK:
        yield from (Effect(f"disks.{source}", "replace", _SWAPPED) for source in _SOURCES)
        yield _effect("disks.cdrom", disks.MEDIUM)
        yield _effect("disks.floppy", disks.MEDIUM)
        return
    effect = _effect(row.manifest.replace(".{key}", ""), row.rule)
    proof = f"not proved by a test, which needs {row.unproved}" if row.unproved else ""
    yield Effect(effect.path, effect.impact, "; ".join(filter(None, (effect.reason, proof))))


def _effect(path: str, rule: rules.Rule) -> Effect:
    if rule in _DEPENDS:
        return Effect(path, *_DEPENDS[rule])
    if isinstance(rule, rules.Plug | rules.Unless):
        return Effect(path, "live, or restart", rule.told)
    verdict = rule(None, None, Guest())
    return Effect(path, verdict.impact.label, verdict.reason if verdict.impact >= Impact.LIVE else "")
