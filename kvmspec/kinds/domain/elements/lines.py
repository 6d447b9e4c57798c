"""Serial and parallel ports, consoles and channels."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.ends import ended
from kvmspec.kinds.domain.elements.part import below

if TYPE_CHECKING:
    from kvmspec.kinds.domain.lines_spec import (
        ChannelSpec,
        ConsoleSpec,
        LineSpec,
        ParallelSpec,
        SerialSpec,
    )
    from kvmspec.kinds.domain.source_parts import SourceLabelSpec
    from kvmspec.kinds.domain.spec import VmSpec

Line = tuple["LineSpec", ET.Element]


def lines(vm: VmSpec) -> Iterator[ET.Element]:
    """Those of a VM. A console that is a serial port is none of them."""
    for spec, node in _lines(vm):
        node.extend(spec.place)
        yield node


def _lines(vm: VmSpec) -> Iterator[Line]:
    devices, first = vm.devices, 1 if vm.console else 0
    for number, port in enumerate(devices.serials or (), first):
        yield port, serial(port, number)
    for number, line in enumerate(devices.parallels or ()):
        yield line, parallel(line, number)
    for console in devices.consoles or ():
        yield console, other_console(console)
    for channel_ in devices.channels or ():
        yield channel_, channel(channel_)


def serial(spec: SerialSpec, number: int) -> ET.Element:
    """A serial port."""
    node = _line("serial", spec)
    target = ET.SubElement(node, "target")
    if spec.model is not None:
        target.set("type", str(spec.target))
        ET.SubElement(target, "model", name=spec.model)
    target.set("port", str(number if spec.number is None else spec.number))
    return node


def parallel(spec: ParallelSpec, number: int) -> ET.Element:
    """A parallel port."""
    node = _line("parallel", spec)
    ET.SubElement(node, "target", port=str(number if spec.number is None else spec.number))
    return node


def other_console(spec: ConsoleSpec) -> ET.Element:
    """A console that is no serial port."""
    node = _line("console", spec)
    ET.SubElement(node, "target", type=spec.target)
    return node


def channel(spec: ChannelSpec) -> ET.Element:
    """A channel."""
    node = _line("channel", spec)
    if spec.clipboard is not None:
        below(node, "source/clipboard", copypaste="yes" if spec.clipboard else "no")
    if spec.mouse is not None:
        below(node, "source/mouse", mode=spec.mouse)
    if spec.guestfwd is not None:
        address, _, port = spec.guestfwd.partition(":")
        ET.SubElement(node, "target", type="guestfwd", address=address, port=port)
        return node
    target = ET.SubElement(node, "target", type=spec.target)
    if spec.name is not None:
        target.set("name", spec.name)
    return node


def _line(tag: str, spec: LineSpec) -> ET.Element:
    node = ended(ET.Element(tag), spec)
    if spec.append is not None:
        below(node, "source", append="on" if spec.append else "off")
    for label in spec.labels:
        below(node, "source").append(_label(label))
    if spec.log is not None:
        log = ET.SubElement(node, "log", file=spec.log.file)
        if spec.log.append is not None:
            log.set("append", "on" if spec.log.append else "off")
    return node


def _label(spec: SourceLabelSpec) -> ET.Element:
    """libvirt shows `yes` where nothing is said of it."""
    node = ET.Element("seclabel", {} if spec.model is None else {"model": spec.model})
    node.set("relabel", "no" if spec.relabel is False else "yes")
    if spec.label is not None:
        ET.SubElement(node, "label").text = spec.label
    return node
