"""Controllers: a list whose order gives each its number."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostFacts
from kvmspec.kinds.domain import controllers, fields, fit, preset, render
from kvmspec.kinds.domain.controllers_spec import placed
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def spec_of(*listed: Any, **others: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", "controllers": listed, **others})


def stated(*listed: Any) -> dict[str, Any]:
    spec = spec_of(*listed)
    xml = render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())
    return dict(fit.stated_data(xml, spec)["devices"]["controller"])


def test_each_type_is_numbered_by_itself() -> None:
    found = stated(
        {"type": "usb", "model": "qemu-xhci", "ports": 8}, "scsi", {"type": "scsi", "queues": 2}, "sata"
    )
    assert found == {
        "usb/0/": {"@type": "usb", "@index": "0", "@model": "qemu-xhci", "@ports": "8"},
        "scsi/0/": {"@type": "scsi", "@index": "0"},
        "scsi/1/": {"@type": "scsi", "@index": "1", "driver": {"@queues": "2"}},
        "sata/0/": {"@type": "sata", "@index": "0"},
    }


def test_a_number_that_is_stated_goes_on_from_there() -> None:
    listed = spec_of({"type": "scsi", "index": 3}, "scsi", "usb").controllers
    assert [one.number for one in placed(listed)] == [3, 4, 0]


def test_companions_share_the_number_of_their_master() -> None:
    companions = [{"type": "usb", "model": f"ich9-uhci{n}", "master": 2 * (n - 1)} for n in (1, 2, 3)]
    found = stated({"type": "usb", "model": "ich9-ehci1"}, *companions, "usb")
    assert list(found) == ["usb/0/", "usb/0/0", "usb/0/2", "usb/0/4", "usb/1/"]


def test_a_port_of_pci_express() -> None:
    port = {"type": "pci", "model": "pcie-root-port", "chassis": 1, "port": 16, "hotplug": False}
    found = stated({"type": "pci", "model": "pcie-root"}, port)
    assert found["pci/1/"]["target"] == {"@chassis": "1", "@port": "0x10", "@hotplug": "off"}
    assert stated({"type": "pci", "model": "pcie-expander-bus", "node": 1})["pci/0/"]["target"] == {
        "node": {"#": "1"}
    }


REFUSED: dict[str, tuple[list[Any], str]] = {
    "queues of usb": ([{"type": "usb", "queues": 2}], "`queues` is of a controller of type scsi only"),
    "a model of another": (
        [{"type": "scsi", "model": "qemu-xhci"}],
        "type scsi has these models: virtio-scsi",
    ),
    "a model of sata": ([{"type": "sata", "model": "ich6"}], "has these models: none"),
    "pci of no model": (["pci"], "needs its `model`"),
    "a number twice": (["scsi", {"type": "scsi", "index": 0}], "same type and `index`"),
    "no usb, and some": ([{"type": "usb", "model": "none"}, "usb"], "has no other"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    listed, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        spec_of(*listed)
    assert words in str(caught.value)


def test_a_new_vm_gets_none_of_a_type_that_is_stated() -> None:
    disks = [{"name": "a", "size": "1GiB", "bus": "scsi"}]
    scsi = preset.completed(spec_of({"type": "scsi", "model": "lsilogic"}, disks=disks), HostFacts())
    assert "scsi" not in {one.type for one in controllers.controllers(scsi, False)}
    root = preset.completed(spec_of({"type": "pci", "model": "pcie-root"}), HostFacts())
    assert not controllers.controllers(root, False)
    plain, usb = (preset.completed(spec_of(*listed), HostFacts()) for listed in ((), ("usb", "usb")))
    assert len(controllers.controllers(usb, False)) == len(controllers.controllers(plain, False)) + 2


def test_only_scsi_goes_live() -> None:
    row, _ = fields.lookup(("devices", "controller", "scsi/0/"))
    running = Guest({"features": {"acpi": {}}})
    assert row.rule(None, {"@type": "scsi"}, running).impact is Impact.LIVE
    refused = row.rule(None, {"@type": "usb"}, running)
    assert (
        refused.impact is Impact.RESTART and refused.reason == "libvirt plugs SCSI controllers, and no others"
    )
