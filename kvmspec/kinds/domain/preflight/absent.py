"""What a domain asks for and its host does not have: bridges, interfaces, files, PCI devices, memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.kinds.domain.preflight.claims import Claim
from kvmspec.manifest.types import format_size

Told = tuple[Claim, str, str]


class Places(NamedTuple):
    """What is known besides what the host tells.

    bridges  those of libvirt's networks, there already or wanted
    folders  of pools: what lies there is a volume, which is looked for elsewhere
    """

    bridges: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()


def judge(claims: Iterable[Claim], memory: int, probe: Probe, places: Places, host: str) -> Iterator[Told]:
    """The claims on what is not there. What the host does not tell is not judged."""
    for claim in claims:
        match claim.what:
            case "bridge" | "interface":
                yield from _interface(claim, probe, places, host)
            case "pci":
                if (known := probe.pci()) and claim.value not in known:
                    hint = "`virsh nodedev-list --cap pci` on that host lists them"
                    yield claim, f"{host} has no PCI device {claim.value}", hint
            case "file":
                yield from _file(claim, probe, places, host)
            case "pages":
                yield from _pages(claim, memory, probe, host)


def _interface(claim: Claim, probe: Probe, places: Places, host: str) -> Iterator[Told]:
    known = probe.interfaces()
    if not known or claim.value in known or claim.value in places.bridges:
        return
    what = "bridge" if claim.what == "bridge" else "network interface"
    there = ", ".join(sorted(name for name in known if name != "lo"))
    hint = f"create it on the host, or choose one it has: {there}"
    yield claim, f"{host} has no {what} {claim.value}", hint


def _file(claim: Claim, probe: Probe, places: Places, host: str) -> Iterator[Told]:
    if not probe.has_our_files or claim.value.startswith(places.folders):
        return
    try:
        Path(claim.value).stat()
    except FileNotFoundError:
        yield claim, f"{claim.value} does not exist on {host}", "put it there, or correct the path"
    except OSError:  # not for our eyes: libvirt may see it
        return


def _pages(claim: Claim, memory: int, probe: Probe, host: str) -> Iterator[Told]:
    if claim.at:  # of some NUMA nodes alone, which have a part of the memory
        return
    size = int(claim.value)
    needed, free = -(-memory // size), probe.free_pages(size)
    if free is not None and free < needed:
        text = f"{host} has {free} free pages of {format_size(size)}, and it needs {needed}"
        yield claim, text, f"reserve them on the host (`virsh allocpages {size // 1024}KiB {needed}`)"
