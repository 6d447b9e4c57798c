"""<features>: what of it a manifest states."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any

from kvmspec.kinds.domain.elements.part import AMOUNT
from kvmspec.kinds.domain.features_spec import (
    ApicSpec,
    FeaturesSpec,
    HypervSpec,
    KvmSpec,
    SmmSpec,
    StimerSpec,
)
from kvmspec.kinds.domain.words import HYPERV, KVM, MARKS, STATES, VALUES


def features(spec: FeaturesSpec) -> Iterator[ET.Element]:
    """The element, where there is something to say in it."""
    node = ET.Element("features")
    node.extend(_parts(spec))
    if len(node):
        yield node


def _parts(spec: FeaturesSpec) -> Iterator[ET.Element]:
    yield from (ET.Element(name) for name in MARKS if getattr(spec, name))
    if spec.apic:
        eoi = spec.apic.eoi if isinstance(spec.apic, ApicSpec) else None
        yield ET.Element("apic", {} if eoi is None else {"eoi": "on" if eoi else "off"})
    yield from _states(spec, STATES.items())
    for name, (tag, attribute) in VALUES.items():
        if (value := getattr(spec, name)) is not None:
            yield ET.Element(tag, {attribute: str(value)})
    if spec.hyperv:
        yield _hyperv(spec.hyperv)
    if spec.kvm:
        yield _kvm(spec.kvm)
    if spec.smm is not None:
        tseg = spec.smm.tseg if isinstance(spec.smm, SmmSpec) else None
        yield _holding(_state("smm", spec.smm is not False), "tseg", tseg)
    if spec.tcg is not None:
        yield _holding(ET.Element("tcg"), "tb-cache", spec.tcg.tb_cache)


def _hyperv(spec: HypervSpec) -> ET.Element:
    node = ET.Element("hyperv", {"mode": spec.mode} if spec.mode else {})
    node.extend(_states(spec, ((name, name) for name in HYPERV)))
    if spec.spinlocks is not None:
        node.append(_valued("spinlocks", "retries", spec.spinlocks))
    if spec.stimer is not None:
        node.append(stimer := _state("stimer", spec.stimer is not False))
        if isinstance(spec.stimer, StimerSpec):
            stimer.append(_state("direct", spec.stimer.direct))
    if spec.vendor_id is not None:
        node.append(_valued("vendor_id", "value", spec.vendor_id))
    return node


def _kvm(spec: KvmSpec) -> ET.Element:
    node = ET.Element("kvm")
    node.extend(_states(spec, KVM.items()))
    if spec.dirty_ring is not None:
        node.append(_valued("dirty-ring", "size", spec.dirty_ring))
    return node


def _states(spec: Any, fields: Iterable[tuple[str, str]]) -> Iterator[ET.Element]:
    """Of pairs of a field and an element, those that are stated."""
    return (_state(tag, on) for name, tag in fields if (on := getattr(spec, name)) is not None)


def _state(tag: str, on: bool) -> ET.Element:
    return ET.Element(tag, state="on" if on else "off")


def _valued(tag: str, attribute: str, value: Any) -> ET.Element:
    """On with a value, or off with none."""
    node = _state(tag, value is not False)
    if value is not False:
        node.set(attribute, str(value))
    return node


def _holding(node: ET.Element, tag: str, size: int | None) -> ET.Element:
    """An element with an amount of memory in it, in bytes."""
    if size is not None:
        ET.SubElement(node, tag, unit="KiB").text = AMOUNT.write(size)
    return node
