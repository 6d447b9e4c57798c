"""Where devices are plugged in, and what they are plugged into: defined, changed and taken away again, and each
time there is nothing left to plan. What is not stated any more stays where it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm
from tests.live.turns import there_and_back

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

Fields = dict[str, Any]
BRIDGES = [{"type": "pci", "model": "pcie-to-pci-bridge", "index": 5}]
NIC = {"network": "front", "mac": "52:54:00:00:00:01"}


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


def nic(**fields: Any) -> Fields:
    return {"networks": [NIC | fields]}


def rng(**fields: Any) -> Fields:
    return devices(rng=[{"source": "builtin", **fields}])


CASES: dict[str, tuple[Fields, Fields]] = {
    "a place on pci": (rng(address="00:15.0"), rng(address="00:16.0")),
    "several functions": (
        rng(address={"pci": "00:15.0", "multifunction": True}),
        rng(address={"pci": "00:15.0", "multifunction": False}),
    ),
    "an interface's place": (nic(address="00:15.0"), nic(address="00:16.0", model="e1000e")),
    "the balloon's place": (
        devices(balloon={"model": "virtio", "address": "00:15.0"}),
        devices(balloon={"model": "virtio", "address": "00:16.0"}),
    ),
    "a channel's port": (
        devices(channels=[{"name": "a.0", "address": {"virtio_serial": "0:0:3"}}]),
        devices(channels=[{"name": "a.0", "address": {"virtio_serial": "0:0:5"}}]),
    ),
    "a usb port": (
        devices(inputs=[{"type": "tablet", "address": {"usb": "0:3"}}]),
        devices(inputs=[{"type": "tablet", "address": {"usb": "0:4"}}]),
    ),
    "an isa address": (
        devices(panic={"model": "isa", "address": {"isa": {"iobase": "0x505"}}}),
        devices(panic={"model": "isa", "address": {"isa": {"iobase": "0x506"}}}),
    ),
    "a name": (rng(alias="ua-luck"), rng(alias="ua-chance")),
    "a number in acpi": (nic(acpi_index=3), nic(acpi_index=4)),
    "ports of pci express": (
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 1, "count": 9}]},
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 1, "count": 11}]},
    ),
    "a port's place": (
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 20, "address": "00:15.0"}]},
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 20, "address": "00:16.0"}]},
    ),
    "QEMU's device for a port": (
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 1, "model_name": "ioh3420"}]},
        {"controllers": [{"type": "pci", "model": "pcie-root-port", "index": 1, "model_name": "pcie-root-port"}]},
    ),
    "a bridge": (
        {"controllers": [*BRIDGES, {"type": "pci", "model": "pci-bridge", "index": 20, "chassis_nr": 7}]},
        {"controllers": [*BRIDGES, {"type": "pci", "model": "pci-bridge", "index": 20, "chassis_nr": 8}]},
    ),
    "an expander's bus": (
        {"machine": "pc", "controllers": [{"type": "pci", "model": "pci-expander-bus", "index": 1, "bus_nr": 200}]},
        {"machine": "pc", "controllers": [{"type": "pci", "model": "pci-expander-bus", "index": 1, "bus_nr": 100}]},
    ),
    "a root's hole": (
        {"controllers": [{"type": "pci", "model": "pcie-root", "pcihole64": "1GiB"}]},
        {"controllers": [{"type": "pci", "model": "pcie-root", "pcihole64": "2GiB"}]},
    ),
    "options of virtio": (
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "packed": True, "ioeventfd": False}]},
        {"controllers": [{"type": "scsi", "model": "virtio-scsi", "packed": False, "iommu": True}]},
    ),
}  # fmt: skip


def idle(**fields: Any) -> Fields:
    return {"web": idle_vm(state="stopped", **fields)}


def test_a_plan_is_empty_after_each_change(scene: Scene) -> None:
    there_and_back(scene, CASES)


def test_a_place_that_is_not_stated_any_more_stays(scene: Scene) -> None:
    scene.settle(scene.manifest(idle(**rng(address="00:15.0"))))
    scene.settle(scene.manifest(idle(**rng())))
    address = scene.tree("web").find("devices/rng/address")
    assert address is not None and address.get("slot") == "0x15"
