"""What a machine is by itself, from libvirt's XML: firmware, boot, features, clock, events, what it reads of
its hardware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kvmspec.canon.compare import get
from kvmspec.kinds.domain.importing.leaf import Data, Leaf, Unsaid, number, said, size, switch, there, word
from kvmspec.kinds.domain.importing.sources import source
from kvmspec.kinds.domain.tables.clock import LIFECYCLE
from kvmspec.kinds.domain.words import BLOCKS, HYPERV, KVM, MARKS, STATES, VALUES, format_delay


def _state(value: Any) -> bool:
    """An element without a state is on. Raises Unsaid where it says more."""
    if value == {}:
        return True
    return bool(_only(value, "state", switch))


def _only(value: Any, name: str, convert: Callable[[Any], Any]) -> Any:
    """An element's only attribute. Raises Unsaid where it says more."""
    if not isinstance(value, dict) or value.keys() != {f"@{name}"}:
        raise Unsaid
    return convert(value[f"@{name}"])


def _valued(name: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Off, or on with a value."""

    def read(value: Any) -> Any:
        if isinstance(value, dict) and value.get("@state") == "on":
            return _only({key: inner for key, inner in value.items() if key != "@state"}, name, convert)
        return _state(value)

    return read


def _apic(value: Any) -> Any:
    return {"eoi": _only(value, "eoi", switch)} if value else True


def _smm(value: Any) -> Any:
    return {"tseg": size(value["tseg"]["#"])} if "tseg" in value else _state(value)


def _stimer(value: Any) -> Any:
    return {"direct": _state(value["direct"])} if "direct" in value else _state(value)


def _number_or_word(value: Any) -> Any:
    return int(value) if value.isdecimal() else value


def _delay(value: Any) -> str:
    return "never" if number(value) < 0 else format_delay(number(value))


def _texts(value: Any) -> list[str]:
    return [entry["#"] for entry in value]


FEATURES = (
    *(Leaf(f"features/{name}", f"features.{name}", there) for name in MARKS),
    Leaf("features/apic", "features.apic", _apic),
    Leaf("features/hyperv/@mode", "features.hyperv.mode"),
    *(Leaf(f"features/hyperv/{name}", f"features.hyperv.{name}", _state) for name in HYPERV),
    Leaf("features/hyperv/spinlocks", "features.hyperv.spinlocks", _valued("retries", number)),
    Leaf("features/hyperv/stimer", "features.hyperv.stimer", _stimer),
    Leaf("features/hyperv/vendor_id", "features.hyperv.vendor_id", _valued("value", str)),
    *(Leaf(f"features/kvm/{tag}", f"features.kvm.{name}", _state) for name, tag in KVM.items()),
    Leaf("features/kvm/dirty-ring", "features.kvm.dirty_ring", _valued("size", number)),
    Leaf("features/smm", "features.smm", _smm),
    *(Leaf(f"features/{tag}", f"features.{name}", _state) for name, tag in STATES.items()),
    *(
        Leaf(f"features/{tag}/@{attribute}", f"features.{name}", _number_or_word)
        for name, (tag, attribute) in VALUES.items()
    ),
    Leaf("features/tcg/tb-cache/#", "features.tcg.tb_cache", size),
)
FIRMWARE = (
    Leaf("os/@firmware", "firmware.type", word(efi="uefi", bios="bios")),
    Leaf("os/firmware/feature/secure-boot/@enabled", "firmware.secure_boot", switch),
    Leaf("os/firmware/feature/enrolled-keys/@enabled", "firmware.enrolled_keys", switch),
    Leaf("os/loader/#", "firmware.loader"),
    Leaf("os/loader/@type", "firmware.loader_type"),
    Leaf("os/loader/@readonly", "firmware.readonly", switch),
    Leaf("os/loader/@secure", "firmware.secure", switch),
    Leaf("os/loader/@stateless", "firmware.stateless", switch),
    Leaf("os/nvram/#", "firmware.nvram"),
    Leaf("os/nvram/@template", "firmware.nvram_template"),
)
BOOT = (
    Leaf("os/bootmenu/@enable", "boot.menu", switch),
    Leaf("os/bootmenu/@timeout", "boot.menu_timeout", _delay),
    Leaf("os/bios/@useserial", "boot.serial", switch),
    Leaf("os/bios/@rebootTimeout", "boot.reboot_timeout", _delay),
    Leaf("os/kernel/#", "boot.kernel"),
    Leaf("os/initrd/#", "boot.initrd"),
    Leaf("os/cmdline/#", "boot.cmdline"),
    Leaf("os/dtb/#", "boot.dtb"),
    Leaf("os/acpi/table/#", "boot.slic"),
)
SYSINFO = (
    Leaf("os/smbios/@mode", "sysinfo.mode", usual="sysinfo"),
    Leaf("sysinfo/smbios/oemStrings/entry", "sysinfo.oem_strings", _texts),
)
CLOCK = (
    Leaf("clock/@offset", "clock.offset", usual="utc"),
    Leaf("clock/@timezone", "clock.timezone"),
    Leaf("clock/@adjustment", "clock.adjustment", lambda value: value if value == "reset" else number(value)),
    Leaf("clock/@basis", "clock.basis"),
    Leaf("clock/@start", "clock.start", number),
    *(Leaf(f"{name}/#", name, usual=usual) for name, usual in LIFECYCLE.items()),
    Leaf("on_lockfailure/#", "on_lockfailure"),
    Leaf("pm/suspend-to-mem/@enabled", "pm.suspend_to_mem", switch),
    Leaf("pm/suspend-to-disk/@enabled", "pm.suspend_to_disk", switch),
)
_TIMER = (
    Leaf("@present", "present", switch),
    Leaf("@tickpolicy", "tickpolicy"),
    *(Leaf(f"catchup/@{name}", f"catchup.{name}", number) for name in ("threshold", "slew", "limit")),
    Leaf("@track", "track"),
    Leaf("@frequency", "frequency", number),
    Leaf("@mode", "mode"),
)
PLATFORM = (*FEATURES, *FIRMWARE, *BOOT, *SYSINFO, *CLOCK)


def platform(data: Mapping[str, Any]) -> Data:
    """The fields of a machine by itself, in their long forms."""
    found = said(data, PLATFORM)
    _firmware(found, data)
    _clock(found, get(data, ("clock", "timer")) or {})
    blocks = {name: _block(get(data, ("sysinfo", "smbios", tag, "entry"))) for name, tag in BLOCKS.items()}
    blocks["fw_cfg"] = _files(get(data, ("sysinfo", "fwcfg", "entry")))
    if any(blocks.values()):
        found["sysinfo"] = {name: block for name, block in blocks.items() if block} | found.get("sysinfo", {})
    return found


def _firmware(found: Data, data: Mapping[str, Any]) -> None:
    """An image in flash memory is UEFI where it is read-only, or keeps variables elsewhere."""
    firmware: Data = found.setdefault("firmware", {})
    if place := source(get(data, ("os", "nvram")) or {}):
        firmware["nvram_source"] = place
    if firmware.get("type") == "bios":
        firmware["auto"] = True
    if not firmware or "type" in firmware:
        return
    apart = firmware.get("readonly") or not firmware.keys().isdisjoint(
        {"nvram", "nvram_template", "nvram_source"}
    )
    flash = firmware.get("loader_type") == "pflash" and apart
    firmware["type"] = "uefi" if flash else "bios"
    if flash:
        del firmware["loader_type"]
        if firmware.get("readonly"):
            del firmware["readonly"]


def _clock(found: Data, timers: Mapping[str, Any]) -> None:
    clock: Data = found.get("clock", {})
    if clock.get("adjustment") == "reset":
        clock.setdefault("offset", "utc")
    if timers:
        found["clock"] = clock | {"timers": {name: said(timer, _TIMER) for name, timer in timers.items()}}


def _files(entries: Mapping[str, Any] | None) -> Data:
    """Entries of the firmware's: a text, or a file of the host."""
    return {
        name: {"file": entry["@file"]} if "@file" in entry else entry["#"]
        for name, entry in (entries or {}).items()
    }


def _block(entries: Mapping[str, Any] | None) -> Data:
    return {name: entry["#"] for name, entry in (entries or {}).items() if "#" in entry}
