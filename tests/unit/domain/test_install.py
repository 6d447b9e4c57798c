"""What `install:` takes, and what is planned for a VM however far its installation is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from kvmspec.core.observed import Observed
from kvmspec.core.plan import Plan
from kvmspec.kinds.domain.install import InstallSpec
from kvmspec.kinds.domain.install_media import with_drive
from kvmspec.kinds.domain.installing import Stage, stage_of
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import PENDING, RUNNING, STARTED, Record, read
from kvmspec.pipeline import Request, Session

ISO = "/srv/isos/debian-12.iso"
UUID = "11111111-1111-4111-8111-111111111111"
ROOT = {"path": "/srv/root.raw"}


def vm(**fields: Any) -> dict[str, Any]:
    return {"memory": "1GiB", "disks": [ROOT], "install": {"iso": ISO}} | fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"disks": []}, "needs a disk"),
        ({"disks": [{"cdrom": "empty"}]}, "needs a disk"),
        ({"boot": {"kernel": "/srv/vmlinuz"}}, "exclude each other"),
        ({"install": {"iso": "isos/a.iso"}}, "a name is"),
        ({"install": {"iso": "/srv/../a.iso"}}, "must not contain"),
        ({"install": {}}, "Field required"),
        ({"install": {"iso": ISO, "cmdline": "quiet"}}, "an ISO that kvmspec can read"),
        ({"install": {"iso": ISO, "unattended": {"preseed": "a"}}}, "an ISO that kvmspec can read"),
        ({"install": {"iso": "deb", "unattended": {}}}, "exactly one of"),
        ({"install": {"iso": "deb", "unattended": {"preseed": "a", "kickstart": "b"}}}, "exactly one of"),
        ({"install": {"iso": "deb", "cmdline": "a\nb"}}, "one line"),
        ({"install": {"iso": ISO, "done_when": "agent"}, "state": "stopped"}, "needs a VM that runs"),
        ({"install": {"iso": ISO, "done_when": "agent"}, "guest_agent": False}, "needs a VM that runs"),
    ],
)
def test_what_makes_no_sense(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        VmSpec.model_validate(vm(**fields))


def test_short_form() -> None:
    assert VmSpec.model_validate(vm(install=ISO)).install == InstallSpec(iso=ISO)


@pytest.mark.parametrize(
    ("fields", "bus"),
    [
        ({}, "sata"),
        ({"machine": "pc-q35-7.2"}, "sata"),
        ({"machine": "pc"}, "ide"),
        ({"arch": "aarch64"}, "scsi"),
    ],
)
def test_the_drive_is_on_a_bus_that_installers_know(fields: dict[str, Any], bus: str) -> None:
    disks = with_drive(VmSpec.model_validate(vm(**fields)), "x86_64").disks
    assert [(disk.name, disk.cdrom, disk.bus) for disk in disks[1:]] == [("install", "empty", bus)]


def test_a_drive_of_ones_own_is_taken() -> None:
    spec = VmSpec.model_validate(vm(disks=[ROOT, {"name": "install", "cdrom": "empty", "bus": "usb"}]))
    assert with_drive(spec, "x86_64") is spec
    assert with_drive(spec.model_copy(update={"install": None}), "x86_64").disks == spec.disks


@pytest.mark.parametrize(
    ("state", "noted", "active", "ended", "stage"),
    [
        ("stopped", PENDING, "", "", Stage.PENDING),
        ("stopped", PENDING, "", "destroyed", Stage.PENDING),
        ("paused", PENDING, RUNNING, "", Stage.HELD),
        ("paused", STARTED, RUNNING, "", Stage.HELD),
        ("running", STARTED, RUNNING, "", Stage.RUNNING),
        ("running", PENDING, RUNNING, "", Stage.RUNNING),
        ("stopped", STARTED, "", "shutdown", Stage.ENDED),
        ("stopped", STARTED, "", "", Stage.FORGOTTEN),
        ("stopped", STARTED, "", "destroyed", Stage.BROKEN),
        ("stopped", STARTED, "", "crashed", Stage.BROKEN),
        ("stopped", STARTED, "", "saved", Stage.BROKEN),
        ("running", STARTED, STARTED, "", Stage.BOOTED),
        ("running", PENDING, PENDING, "", Stage.BOOTED),
    ],
)
def test_stages(state: str, noted: str, active: str, ended: str, stage: Stage) -> None:
    record = Record("shop", UUID, install=noted)
    xml = replace(record, install=active).xml() if active else None
    assert (
        stage_of(Observed("vm", "web", UUID, record.xml(), state, active_xml=xml, ended=ended), record)
        is stage
    )


def test_the_note_is_read_back() -> None:
    record = Record("shop", UUID, install=STARTED, installer=("vms/web-install-kernel",))
    assert read(record.xml(), UUID) == record
    plain = replace(record, install="", installer=())
    assert "install" not in plain.xml()


def planned(folder: Path, web: dict[str, Any]) -> Plan:
    """The plan for a new VM on libvirt's test driver."""
    file = folder / "kvmspec.yaml"
    file.write_text(yaml.safe_dump({"kvmspec": 1, "project": "shop", "vms": {"web": web}}))
    with Session(Request(paths=(file,), connect="test:///default")) as session:
        return session.plan()


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        ({}, ["start"]),
        ({"state": "stopped"}, []),
        ({"autostart": True}, ["set autostart", "start"]),
    ],
)
def test_a_new_one(fields: dict[str, Any], texts: list[str], tmp_path: Path) -> None:
    steps = [step.text for step in planned(tmp_path, vm(**fields)).steps]
    assert steps == [
        "define",
        "install from debian-12.iso",
        "wait for the installation, 2h at most",
        "note that it is installed",
        *texts,
    ]


def test_a_new_one_until_its_agent_answers(tmp_path: Path) -> None:
    plan = planned(tmp_path, vm(install={"iso": ISO, "done_when": "agent", "timeout": "90m"}))
    assert [step.text for step in plan.steps][1:] == [
        "install from debian-12.iso",
        "wait for the installation, 90m at most",
        "start",
        "wait for the guest agent",
        "note that it is installed",
    ]
    assert "is installed from debian-12.iso, then starts from its disk; that may take up to 90m" in (
        plan.differences[-1].notes
    )
