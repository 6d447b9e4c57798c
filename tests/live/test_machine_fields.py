"""Fields of the machine itself: clock, events, features, firmware, controllers, CPU. Each is defined, changed and
taken away again, and each time there is nothing left to plan. What a running guest does not get is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import named_after, there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]

CLOCK: dict[str, tuple[Fields, Fields]] = {
    "another clock": ({"clock": "localtime"}, {"clock": {"offset": "timezone", "timezone": "Europe/Berlin"}}),
    "a clock that the guest sets": (
        {"clock": {"offset": "variable", "adjustment": 3600, "basis": "localtime"}},
        {"clock": {"offset": "utc", "adjustment": "reset"}},
    ),
    "a clock that stands": (
        {"clock": {"offset": "absolute", "start": 1700000000}},
        {"clock": {"offset": "variable", "adjustment": -60}},
    ),
    "timers": (
        {"clock": {"timers": {"hpet": True, "rtc": {"tickpolicy": "delay"}}}},
        {
            "clock": {
                "offset": "localtime",
                "timers": {
                    "rtc": {
                        "tickpolicy": "catchup",
                        "track": "guest",
                        "catchup": {"threshold": 123, "slew": 120, "limit": 10000},
                    },
                    "kvmclock": False,
                    "hypervclock": True,
                    "tsc": {"frequency": 3504000000, "mode": "native"},
                },
            }
        },
    ),
    "no timers": ({"clock": {"timers": {}}}, {"clock": {"timers": {"pit": {"tickpolicy": "discard"}}}}),
    "events": (
        {"on_poweroff": "destroy", "on_reboot": "destroy", "on_crash": "preserve"},
        {"on_reboot": "restart", "on_crash": "coredump-destroy", "on_lockfailure": "pause"},
    ),
    "power states": (
        {"pm": {"suspend_to_mem": False, "suspend_to_disk": True}},
        {"pm": {"suspend_to_disk": False}},
    ),
}
HYPERV = {"relaxed": True, "vapic": True, "spinlocks": 8191, "vpindex": True, "runtime": True, "synic": True}
FEATURES: dict[str, tuple[Fields, Fields]] = {
    "hyperv": (
        {"features": {"hyperv": HYPERV}},
        {
            "features": {
                "hyperv": HYPERV
                | {"spinlocks": 4096, "stimer": {"direct": True}, "reset": False, "vendor_id": "KVM Hv"}
                | {"frequencies": True, "reenlightenment": True, "tlbflush": True, "ipi": True}
                | {"evmcs": True, "avic": False}
            }
        },
    ),
    "less of hyperv": (
        {"features": {"hyperv": HYPERV | {"stimer": True}}},
        {"features": {"hyperv": {"relaxed": True, "spinlocks": False, "vendor_id": False}}},
    ),
    "all of hyperv": ({"features": {"hyperv": HYPERV}}, {"features": {"hyperv": "passthrough"}}),
    "no hyperv": ({"features": {"hyperv": HYPERV}}, {"features": {"hyperv": False}}),
    "kvm": (
        {"features": {"kvm": {"hidden": True, "hint_dedicated": True, "poll_control": True}}},
        {"features": {"kvm": {"hidden": False, "pv_ipi": False}}},
    ),
    "states": (
        {"features": {"smm": True, "pmu": False, "vmport": False, "vmcoreinfo": True, "pvspinlock": True}},
        {"features": {"smm": {"tseg": "48MiB"}, "pmu": True, "vmcoreinfo": False, "ioapic": "qemu"}},
    ),
    "the apic": ({"features": {"apic": {"eoi": True}}}, {"features": {"apic": True, "pae": True}}),
    "no acpi": (
        {"features": {"acpi": False, "msrs": "ignore"}},
        {"features": {"acpi": True, "msrs": "fault"}},
    ),
    "the emulation": (
        {"features": {"tcg": {"tb_cache": "128MiB"}}},
        {"features": {"tcg": {"tb_cache": "64MiB"}}},
    ),
}
CODE, VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"
IMAGE = {"loader": CODE, "nvram_template": VARS}
FIRMWARE: dict[str, tuple[Fields, Fields]] = {
    "uefi": (
        {"firmware": "uefi"},
        {"firmware": {"secure_boot": True, "enrolled_keys": True}, "features": {"smm": True}},
    ),
    "secure boot": (
        {"firmware": {"secure_boot": True, "enrolled_keys": True}},
        {"firmware": {"secure_boot": False}},
    ),
    "an image": ({"firmware": IMAGE}, {"firmware": IMAGE | {"nvram": "/var/lib/libvirt/images/other.fd"}}),
    "variables elsewhere": (
        {"firmware": IMAGE | {"nvram_source": {"file": "/var/lib/libvirt/images/b.fd"}}},
        {"firmware": IMAGE | {"nvram_source": {"protocol": "rbd", "name": "vms/b", "hosts": ["a", "b"]}}},
    ),
    "variables that come back": (
        {"firmware": IMAGE | {"nvram_source": {"file": "/var/lib/libvirt/images/b.fd"}}},
        {"firmware": IMAGE | {"nvram": "/var/lib/libvirt/images/other.fd"}},
    ),
    "an image that libvirt finds": ({"firmware": IMAGE}, {"firmware": "uefi"}),
    "another way to say it": ({"firmware": "uefi"}, {"firmware": IMAGE}),
    "back to a bios": ({"firmware": IMAGE}, {"firmware": "bios"}),
    "a bios again": ({"firmware": {"nvram": "/var/lib/libvirt/images/a.fd"}}, {"firmware": "bios"}),
    "no variables": ({"firmware": {"loader": CODE, "stateless": True}}, {"firmware": "uefi"}),
    "secured variables": (
        {"firmware": IMAGE | {"secure": True}, "features": {"smm": True}},
        {"firmware": IMAGE | {"secure": False}, "features": {"smm": True}},
    ),
    "a bios that libvirt chooses": ({"firmware": {"type": "bios", "auto": True}}, {"firmware": "bios"}),
    "an image of a bios": (
        {"firmware": {"type": "bios", "loader": "/usr/share/seabios/bios.bin"}},
        {"firmware": {"type": "bios", "loader": "/usr/share/seabios/bios-256k.bin", "loader_type": "rom"}},
    ),
    "a boot menu": (
        {"boot": {"devices": ["disk", "floppy"], "menu": True, "menu_timeout": "3s"}},
        {"boot": {"menu": False, "serial": True}},
    ),
    "a bios that tries again": (
        {"boot": {"serial": True, "reboot_timeout": "5s"}},
        {"boot": {"reboot_timeout": "never"}},
    ),
    "a table": ({"boot": {"slic": "/srv/slic.bin"}}, {"boot": {"menu": True}}),
}
EHCI = [
    {"type": "usb", "model": "ich9-ehci1"},
    {"type": "usb", "model": "ich9-uhci1", "master": 0},
    {"type": "usb", "model": "ich9-uhci2", "master": 2},
]
CONTROLLERS: dict[str, tuple[Fields, Fields]] = {
    "usb": (
        {"controllers": [{"type": "usb", "model": "qemu-xhci", "ports": 8}]},
        {"controllers": [{"type": "usb", "model": "nec-xhci", "ports": 4}, "usb"]},
    ),
    "usb with companions": (
        {"controllers": EHCI},
        {"controllers": [{"type": "usb", "model": "qemu-xhci"}]},
    ),
    "no usb": (
        {"controllers": [{"type": "usb", "model": "none"}]},
        {"controllers": [{"type": "usb", "model": "piix3-uhci"}]},
    ),
    "scsi": (
        {"controllers": [{"type": "scsi", "model": "virtio-scsi"}]},
        {
            "controllers": [
                {"type": "scsi", "model": "virtio-scsi", "queues": 4, "cmd_per_lun": 128, "max_sectors": 512},
                {"type": "scsi", "model": "lsilogic", "index": 2},
            ]
        },
    ),
    "scsi by an I/O thread": (
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "iothread": 1}], "iothreads": 2},
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "iothread": 2}], "iothreads": 2},
    ),
    "virtio-serial": (
        {"controllers": [{"type": "virtio-serial", "ports": 16, "vectors": 4}]},
        {"controllers": ["virtio-serial", {"type": "virtio-serial", "ports": 8}]},
    ),
    "sata": ({"controllers": ["sata", "sata"]}, {"controllers": ["sata", "ccid"]}),
    "pci": (
        {
            "preset": "bare",
            "machine": "q35",
            "controllers": [
                {"type": "pci", "model": "pcie-root"},
                {"type": "pci", "model": "pcie-root-port", "chassis": 5, "port": 24, "hotplug": False},
                {"type": "pci", "model": "pcie-root-port"},
            ],
        },
        {
            "preset": "bare",
            "machine": "q35",
            "controllers": [
                {"type": "pci", "model": "pcie-root"},
                {"type": "pci", "model": "pcie-root-port", "chassis": 6, "port": 24},
                {"type": "pci", "model": "pcie-root-port"},
                {"type": "pci", "model": "pcie-root-port"},
            ],
        },
    ),
}
MODEL = {"count": 1, "model": "Nehalem"}
CPU: dict[str, tuple[Fields, Fields]] = {
    "a model": (
        {"cpus": MODEL | {"check": "none", "fallback": "forbid"}},
        {"cpus": MODEL | {"match": "minimum", "check": "partial", "fallback": "allow", "vendor": "Intel"}},
    ),
    "the vendor it shows": (
        {"cpus": MODEL | {"vendor_id": "KVMKVMKVMKVM"}},
        {"cpus": {"count": 1, "mode": "host-model", "vendor_id": "KVMKVMKVMKVM"}},
    ),
    "a mode": (
        {"cpus": {"count": 1, "mode": "maximum", "migratable": False}},
        {"cpus": MODEL | {"match": "exact", "check": "full"}},
    ),
    "a cache": (
        {"cpus": {"count": 1, "cache": {"mode": "emulate", "level": 3}}},
        {"cpus": {"count": 1, "cache": "disable"}},
    ),
    "addresses": (
        {"cpus": {"count": 1, "address_bits": {"mode": "emulate", "bits": 42}}},
        {"cpus": {"count": 1, "address_bits": {"mode": "emulate", "bits": 40}}},
    ),
}
SYSINFO: dict[str, tuple[Fields, Fields]] = {
    "sysinfo": (
        {"sysinfo": {"system": {"manufacturer": "Example", "serial": "1"}, "oem_strings": ["a:1", "b:2"]}},
        {
            "sysinfo": {
                "system": {"serial": "2 & 3"},
                "bios": {"vendor": "Example"},
                "chassis": {"asset": "7"},
                "base_board": {"product": "B1"},
                "oem_strings": ["b:<2>", "a:1"],
            }
        },
    ),
    "the firmware's": (
        {"sysinfo": {"fw_cfg": {"opt/a": "<1>", "opt/b": "2"}}},
        {"sysinfo": {"fw_cfg": {"opt/a": {"file": "/srv/a"}}, "oem_strings": ["a:1"]}},
    ),
    "of the host": ({"sysinfo": "host"}, {"sysinfo": {"bios": {"vendor": "Example", "version": "1"}}}),
}
EVERY = SYSINFO | CPU | {**CLOCK, **FEATURES, **FIRMWARE, **CONTROLLERS}


def idle(state: str = "stopped", **fields: Any) -> Fields:
    return {"web": idle_vm(state=state, **fields)}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, EVERY)


RESTARTS: dict[str, tuple[Fields, str, str]] = {
    "clock": ({"clock": "localtime"}, "clock.offset", "the clock is set when the guest starts"),
    "timers": (
        {"clock": {"timers": {"hpet": True}}},
        "clock.timers.hpet.present",
        "the guest finds its timers at boot",
    ),
    "controllers": (
        {"controllers": [{"type": "usb", "model": "qemu-xhci", "ports": 9}]},
        "controllers.usb/0.ports",
        "the guest finds its controllers at boot",
    ),
    "firmware": (
        {"firmware": "uefi"},
        "firmware.type",
        "the firmware is loaded at boot; a guest that was installed with another may not start",
    ),
    "a menu": ({"boot": {"menu": True}}, "boot.menu", "read at boot"),
    "features": ({"features": {"vmcoreinfo": True}}, "features.vmcoreinfo", "read at boot"),
    "power states": (
        {"pm": {"suspend_to_mem": False}},
        "pm.suspend_to_mem",
        "the firmware tells the guest at boot",
    ),
}


def test_what_takes_a_restart_says_why(scene: Scene) -> None:
    later = {"restart": "later"}
    names = {case: named_after(case) for case in RESTARTS}
    scene.settle(scene.manifest({name: idle_vm(lifecycle=later) for name in names.values()}))
    changed = {names[case]: idle_vm(lifecycle=later, **fields) for case, (fields, *_) in RESTARTS.items()}
    told = changes_of(scene.plan_json(scene.manifest(changed))["resource_changes"])
    scene.apply()
    left = changes_of(scene.plan_json()["pending"])
    for case, (_, path, reason) in RESTARTS.items():
        assert told[names[case]][path] == reason
        pending = left[names[case]]
        assert any(path.startswith(inner) or inner.startswith(path) for inner in pending), case


def changes_of(items: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By VM: the paths that change, with the reason."""
    return {
        item["address"].rpartition("/")[2]: {change["path"]: change["reason"] for change in item["changes"]}
        for item in items
    }


def test_events_change_while_the_guest_runs(scene: Scene) -> None:
    scene.settle(scene.manifest(idle("running")))
    number = scene.domain("web").ID()
    for fields in (
        {"on_crash": "preserve"},
        {"on_crash": "coredump-restart", "on_poweroff": "restart"},
        {"on_reboot": "destroy", "on_poweroff": "destroy"},
        {"on_reboot": "restart", "on_poweroff": "restart"},
        {"on_reboot": "destroy"},
        {},
    ):
        scene.settle(scene.manifest(idle("running", **fields)))
        for active in (True, False):
            tree = scene.tree("web", active=active)
            assert {name: tree.findtext(name) for name in fields} == fields
    assert scene.domain("web").ID() == number
    assert scene.tree("web", active=True).findtext("on_reboot") == "restart"


@pytest.mark.skipif(not Path(CODE).exists(), reason="OVMF is not installed")
@pytest.mark.parametrize("firmware", ["uefi", IMAGE], ids=["found", "named"])
def test_uefi_starts_and_nothing_is_pending(scene: Scene, firmware: Any) -> None:
    scene.settle(scene.manifest(idle("running", firmware=firmware)))
    loader = scene.tree("web", active=True).find("os/loader")
    assert loader is not None and loader.get("type") == "pflash"
    assert "Pending" not in scene.plan(expect=0)
    gone = scene.manifest({})
    scene.apply(gone, "--allow", "delete")
    assert "web" not in scene.domains(), "with its variables"
