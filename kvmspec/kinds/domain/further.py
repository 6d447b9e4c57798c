"""The XML of devices, from tables: displays, host devices, sound, video and everything under `devices:`."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from kvmspec.kinds.domain.devices_spec import DevicesSpec
from kvmspec.kinds.domain.elements import small
from kvmspec.kinds.domain.elements.graphics import graphics
from kvmspec.kinds.domain.elements.hostdev import hostdev
from kvmspec.kinds.domain.elements.part import element, written
from kvmspec.kinds.domain.elements.sound import audio, sound
from kvmspec.kinds.domain.elements.video import video
from kvmspec.kinds.domain.spec import VmSpec


def displays(vm: VmSpec, new: bool) -> Iterator[str]:
    """Its displays. `new`: each gets a port that is free, where none is stated."""
    return (written(graphics(display, new)) for display in vm.graphics or ())


def further(vm: VmSpec, new: bool) -> Iterator[str]:
    """Every other device, in an order that stays. `new`: the VM is created, with its preset."""
    return map(written, _further(vm, new))


def _further(vm: VmSpec, new: bool) -> Iterator[ET.Element]:
    devices = vm.devices
    yield from map(small.input_, devices.inputs or ())
    if vm.tpm:
        yield small.tpm(vm.tpm)
    for card in devices.sounds:
        yield from sound(card)
    yield from audio(devices.audio or ())
    yield from map(video, devices.cards)
    yield from map(hostdev, devices.hostdevs or ())
    yield from _usb(devices)
    for dog in devices.watchdogs:
        yield element("watchdog", dog, small.WATCHDOG)
    period = vm.memory.stats_period if vm.memory else None
    if devices.balloons or period or (new and vm.preset == "standard"):
        yield small.balloon(devices.balloons, period, new)
    yield from map(small.rng, devices.rngs)
    for panic in devices.panics:
        yield element("panic", panic, small.PANIC)
    for memory in devices.shmem or ():
        yield element("shmem", memory, small.SHMEM)
    yield from map(small.folder, vm.filesystems or ())
    if devices.iommu:
        yield element("iommu", devices.iommu, small.IOMMU)
    if devices.vsock:
        yield small.vsock(devices.vsock)
    yield from map(small.crypto, devices.crypto or ())
    for lease in devices.leases or ():
        yield element("lease", lease, small.LEASE)


def _usb(devices: DevicesSpec) -> Iterator[ET.Element]:
    yield from map(small.redirdev, devices.redirected)
    if devices.redirfilter:
        yield small.redirfilter(devices.redirfilter)
    for hub in devices.hubs or ():
        yield ET.Element("hub", type=hub.type)
    yield from map(small.smartcard, devices.smartcards)
