"""The elements of devices, from tables: displays, host devices, sound, video and everything under `devices:`;
templates/element.xml.j2 writes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kvmspec.kinds.domain.address_spec import Placeable
from kvmspec.kinds.domain.devices_spec import DevicesSpec
from kvmspec.kinds.domain.elements import small
from kvmspec.kinds.domain.elements.graphics import graphics
from kvmspec.kinds.domain.elements.hostdev import hostdev
from kvmspec.kinds.domain.elements.part import Table, element
from kvmspec.kinds.domain.elements.sound import audio, sound
from kvmspec.kinds.domain.elements.video import video
from kvmspec.kinds.domain.spec import VmSpec


def displays(vm: VmSpec, new: bool) -> Iterator[ET.Element]:
    """Its displays. `new`: each gets a port that is free, where none is stated."""
    return (graphics(display, new) for display in vm.graphics or ())


def further(vm: VmSpec, new: bool) -> Iterator[ET.Element]:
    """Every other device, in an order that stays. `new`: the VM is created, with its preset."""
    for node, spec in _further(vm, new):
        node.extend(spec.place if isinstance(spec, Placeable) else ())
        yield node


Device = tuple[ET.Element, Any]
"""An element, and the specification that has its place."""


def _each(make: Callable[[Any], ET.Element], specs: Iterable[Any] | None) -> Iterator[Device]:
    return ((make(spec), spec) for spec in specs or ())


def _by(tag: str, table: Table) -> Callable[[Any], ET.Element]:
    return lambda spec: element(tag, spec, table)


def _further(vm: VmSpec, new: bool) -> Iterator[Device]:
    devices = vm.devices
    yield from _each(small.input_, devices.inputs)
    yield from _each(small.tpm, (vm.tpm,) if vm.tpm else ())
    for card in devices.sounds:
        yield from ((node, card if node.tag == "sound" else None) for node in sound(card))
    yield from ((node, None) for node in audio(devices.audio or ()))
    yield from _each(video, devices.cards)
    yield from _each(hostdev, devices.hostdevs)
    yield from _usb(devices)
    yield from _each(_by("watchdog", small.WATCHDOG), devices.watchdogs)
    period = vm.memory.stats_period if vm.memory else None
    if devices.balloons or period or (new and vm.preset == "standard"):
        yield small.balloon(devices.balloons, period, new), devices.balloons
    yield from _each(small.rng, devices.rngs)
    yield from _each(_by("panic", small.PANIC), devices.panics)
    yield from _each(_by("shmem", small.SHMEM), devices.shmem)
    yield from _each(small.folder, vm.filesystems)
    yield from _each(_by("iommu", small.IOMMU), (devices.iommu,) if devices.iommu else ())
    yield from _each(small.vsock, (devices.vsock,) if devices.vsock else ())
    yield from _each(small.crypto, devices.crypto)
    yield from _each(_by("nvram", ()), (devices.nvram,) if devices.nvram else ())
    yield from _each(_by("lease", small.LEASE), devices.leases)


def _usb(devices: DevicesSpec) -> Iterator[Device]:
    yield from _each(small.redirdev, devices.redirected)
    if devices.redirfilter:
        yield small.redirfilter(devices.redirfilter), None
    yield from _each(lambda hub: ET.Element("hub", type=hub.type), devices.hubs)
    yield from _each(small.smartcard, devices.smartcards)
