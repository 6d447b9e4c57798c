"""What a host's QEMU can do, held against what a domain asks for.

From libvirt's domain capabilities (https://libvirt.org/formatdomaincaps.html). What they do not speak of is
not judged: 9.0 lists no mdev among hostdevs, nor `tcp` among channels, and starts both.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.kinds.domain.preflight.claims import Claim, Wanted

Told = tuple[Claim, str, str]
"""A claim that cannot be met, why, and what to do."""

_ENUMS = {
    "disk.bus": ("devices/disk", "bus", "disks on bus {}"),
    "disk.device": ("devices/disk", "diskDevice", "disks of the kind {}"),
    "disk.model": ("devices/disk", "model", "disks of model {}"),
    "graphics.type": ("devices/graphics", "type", "{} graphics"),
    "video.model": ("devices/video", "modelType", "video model {}"),
    "rng.model": ("devices/rng", "model", "random number generators of model {}"),
    "rng.backend": ("devices/rng", "backendModel", "random number generators fed by {}"),
    "filesystem.driver": ("devices/filesystem", "driverType", "filesystems by {}"),
    "tpm.model": ("devices/tpm", "model", "TPM model {}"),
    "tpm.backend": ("devices/tpm", "backendModel", "TPMs by {}"),
    "tpm.version": ("devices/tpm", "backendVersion", "TPM version {}"),
    "redirdev.bus": ("devices/redirdev", "bus", "redirected devices on bus {}"),
    "memory.source": ("memoryBacking", "sourceType", "memory of source {}"),
    "firmware": ("os", "firmware", "firmware of type {}"),
}
"""What is claimed → element of the capabilities, name of its <enum>, in words."""

_HINTS = {
    "filesystem.driver": "install virtiofsd on the host, or use `driver: path` (9p)",
    "tpm.backend": "install swtpm on the host",
    "firmware": "install UEFI for it on the host (`ovmf`, `edk2-ovmf`), or state `firmware: bios`",
    "cpu.mode": "host-passthrough and host-model need KVM; `maximum` is the most that TCG can do",
}

KNOWN = frozenset({*_ENUMS, "cpu.mode", "cpu.model", "vcpus", "iothreads", "security"})
"""The claims that are judged here."""


def judge(wanted: Wanted, claims: Iterable[Claim], capabilities: str, probe: Probe) -> Iterator[Told]:
    """The claims that the host's capabilities do not meet."""
    root = ET.fromstring(capabilities)
    for claim in claims:
        if claim.what in _ENUMS:
            yield from _enum(claim, root, wanted)
        elif claim.what in ("cpu.mode", "cpu.model"):
            yield from _cpu(claim, root, wanted, probe)
        elif claim.what == "vcpus":
            most = root.find("vcpu")
            if most is not None and int(claim.value) > int(most.get("max", claim.value)):
                text = f"a {_machine(wanted)} has at most {most.get('max')} vCPUs, not {claim.value}"
                yield claim, text, f"state at most {most.get('max')}"
        elif claim.what == "iothreads" and _refused(root.find("iothreads")):
            yield claim, f"a {_machine(wanted)} has no I/O threads there", "leave `iothread` out"
        elif claim.what == "security" and _refused(root.find(f"features/{claim.value.partition('-')[0]}")):
            yield claim, f"the host has no {claim.value}", "leave it out, or choose a host that has it"


def _enum(claim: Claim, root: ET.Element, wanted: Wanted) -> Iterator[Told]:
    path, name, words = _ENUMS[claim.what]
    element = root.find(path)
    values = _values(element, name)
    what = words.format(claim.value)
    if _refused(element):
        yield claim, f"a {_machine(wanted)} has no {what} there", _HINTS.get(claim.what, "leave it out")
    elif values and claim.value not in values:
        hint = _HINTS.get(claim.what, f"it has {', '.join(values)}")
        yield claim, f"a {_machine(wanted)} has no {what} there", hint


def _cpu(claim: Claim, root: ET.Element, wanted: Wanted, probe: Probe) -> Iterator[Told]:
    if claim.what == "cpu.mode":
        if _refused(root.find(f"cpu/mode[@name='{claim.value}']")):
            yield claim, f"the host has no CPU mode {claim.value} for {_virt(wanted)}", _HINTS["cpu.mode"]
        return
    models = {
        (m.text or "").strip(): m.get("usable") for m in root.iterfind("cpu/mode[@name='custom']/model")
    }
    if models and claim.value not in models:
        # libvirt takes the nearest one of what QEMU knows instead of a model of its own (9.0)
        if claim.at == "forbid" or (claim.value not in (known := probe.cpu_models(wanted.arch)) and known):
            near = get_close_matches(claim.value, models, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "`virsh domcapabilities` lists them"
            yield claim, f"the host's QEMU knows no CPU {claim.value}", hint
    elif models.get(claim.value) == "no" and wanted.virt == "kvm" and wanted.cpu and probe.lacks(wanted.cpu):
        text = f"the host's CPU lacks what {claim.value} needs"
        yield claim, text, "choose another model, or `mode: host-model`; `virsh domcapabilities` lists them"


def _values(element: ET.Element | None, name: str) -> list[str]:
    if element is None:
        return []
    return [(value.text or "").strip() for value in element.iterfind(f"enum[@name='{name}']/value")]


def _refused(element: ET.Element | None) -> bool:
    return element is not None and element.get("supported") == "no"


def _machine(wanted: Wanted) -> str:
    return f"{wanted.machine or wanted.arch} machine"


def _virt(wanted: Wanted) -> str:
    return "KVM" if wanted.virt == "kvm" else "TCG"
