"""Rows of hypervisor features: all of them are read when the guest starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvmspec.kinds.domain.row import Field, attribute, number, present, size
from kvmspec.kinds.domain.rules import restart
from kvmspec.kinds.domain.tables.devices import switch
from kvmspec.kinds.domain.words import HYPERV, KVM, MARKS, STATES, VALUES

FEATURES = ("features",)
_BOOT = restart("read at boot")


def _state(value: Any) -> Any:
    """An element without a state is on."""
    return switch(value.get("@state", "on")) if isinstance(value, dict) else switch(value)


def _valued(name: str) -> Any:
    """Off, or on with a value."""

    def show(value: Any) -> Any:
        on = _state(value)
        return value.get(f"@{name}", on) if on is True and isinstance(value, dict) else on

    return show


def _smm(value: Any) -> Any:
    return _state(value) if not isinstance(value, dict) or "tseg" not in value else {"tseg": _tseg(value)}


def _tseg(value: Any) -> Any:
    return size(value["tseg"]["#"])


def _row(manifest: str, *path: str, show: Any = _state) -> Field:
    return Field(f"features.{manifest}", (*FEATURES, *path), _BOOT, show, removable=True, whole=True)


def _hyperv() -> Iterator[Field]:
    yield Field("features.hyperv.mode", (*FEATURES, "hyperv", "@mode"), _BOOT, removable=True)
    yield from (_row(f"hyperv.{name}", "hyperv", name) for name in HYPERV)
    yield _row("hyperv.spinlocks", "hyperv", "spinlocks", show=_valued("retries"))
    yield _row("hyperv.stimer.direct", "hyperv", "stimer", "direct")
    yield _row("hyperv.stimer", "hyperv", "stimer")
    yield _row("hyperv.vendor_id", "hyperv", "vendor_id", show=_valued("value"))
    yield Field("features.hyperv", (*FEATURES, "hyperv"), _BOOT, present)


def _kvm() -> Iterator[Field]:
    yield from (_row(f"kvm.{name}", "kvm", tag) for name, tag in KVM.items())
    yield _row("kvm.dirty_ring", "kvm", "dirty-ring", show=_valued("size"))
    yield Field("features.kvm", (*FEATURES, "kvm"), _BOOT, present)


ROWS: tuple[Field, ...] = (
    *_hyperv(),
    *_kvm(),
    _row("apic.eoi", "apic", "@eoi", show=switch),
    _row("smm.tseg", "smm", "tseg", show=lambda value: size(int(value["#"]) if value else None)),
    _row("smm", "smm", show=_smm),
    _row("tcg.tb_cache", "tcg", "tb-cache", show=lambda value: size(int(value["#"]) if value else None)),
    Field("features.tcg", (*FEATURES, "tcg"), _BOOT, present),
    *(_row(name, name, show=present) for name in (*MARKS, "apic")),
    *(_row(name, tag) for name, tag in STATES.items()),
    *(
        _row(name, tag, show=(lambda value, of=of: number_or_word(attribute(of)(value))))
        for name, (tag, of) in VALUES.items()
    ),
)


def number_or_word(value: Any) -> Any:
    """A gic's version is a number, but for the host's."""
    return number(value) if isinstance(value, str) and value.isdecimal() else value
