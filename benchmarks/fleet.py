"""The VMs that are measured: two profiles, a title and a description each, one network, perhaps a disk."""

from __future__ import annotations

from pathlib import Path

SAME, OTHER = "serves number", "is the replica of"

_HEAD = """\
kvmspec: 1
project: fleet
defaults:
  vms: {{accel: tcg, state: {state}}}
networks:
  front:
    mode: nat
    subnet: 10.77.0.0/16
    domain: fleet.test
    autostart: {autostart}
    dhcp: {{start: 10.77.1.0, end: 10.77.200.0}}
"""
_POOL = """\
pools:
  vms: {{type: dir, path: {folder}}}
"""
_PROFILES = """\
profiles:
  base:
    machine: q35
    cpus: {count: 1, max: 4}
    memory: {size: 512MiB, max: 2GiB}
    features: {acpi: true, apic: true}
    guest_agent: true
    networks: [front]
  big: {extends: base, cpus: {count: 4, max: 8}, memory: {size: 4GiB, max: 8GiB}}
"""


def manifest(
    size: int, words: str = SAME, *, state: str = "stopped", pool: Path | None = None, autostart: bool = True
) -> str:
    """A manifest of `size` VMs whose descriptions hold `words`.

    pool       a folder: each VM has a disk of its own in a pool there
    autostart  of the network and of every tenth VM
    """
    disks = "    disks: [{name: root, size: 20GiB}]\n" if pool else ""
    return (
        _HEAD.format(state=state, autostart=_word(autostart))
        + (_POOL.format(folder=pool) if pool else "")
        + _PROFILES
        + ("vms:\n" if size else "")
        + "".join(_vm(number, words, disks, autostart) for number in range(1, size + 1))
    )


def _vm(number: int, words: str, disks: str, autostart: bool) -> str:
    return (
        f"  node-{number:04}:\n"
        f"    profile: {'big' if number % 5 == 0 else 'base'}\n"
        f"    title: Node {number}\n"
        f"    description: {words} {number}, rack {number % 40}\n"
        f"    autostart: {_word(autostart and number % 10 == 0)}\n"
        f"{disks}"
    )


def _word(value: bool) -> str:
    return "true" if value else "false"
