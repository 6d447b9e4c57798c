"""Every field of a VM is brought about on a real libvirtd by one of the tables in tests/live, or it is said why
not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.live import further_cases, place_cases
from tests.live import test_device_fields as device_fields
from tests.live import test_device_options as device_options
from tests.live import test_device_places as device_places
from tests.live import test_disk_fields as disk_fields
from tests.live import test_line_fields as line_fields
from tests.live import test_machine_fields as machine_fields
from tests.live import test_nic_fields as nic_fields
from tests.live import test_placement_fields as placement_fields
from tests.live import test_security_fields as security_fields
from tests.live.covered import VmFields
from tests.live.without_case import WITHOUT


def test_every_field_has_a_case_or_a_reason_for_none() -> None:
    fields = VmFields()
    listed = {f"vms.{name}" for names in WITHOUT.values() for name in names}
    without = fields.every() - fields.stated(every_case())
    unexplained = {name for name in without if not any(f"{name}.".startswith(f"{one}.") for one in listed)}
    assert unexplained == set(), "give it a case, or say in without_case.py why not"
    assert listed <= without, "it has a case, or is no field"


def every_case() -> Iterator[dict[str, Any]]:
    """The VMs of all tables."""
    whole = (
        *(device_fields.CASES, device_fields.TPM, device_options.CASES, device_options.TPM),
        *(device_places.CASES, security_fields.CASES, line_fields.CASES),
        *(machine_fields.EVERY, placement_fields.EVERY, place_cases.PLACED, place_cases.ENDED),
        *(further_cases.DISKS, further_cases.NICS, further_cases.MACHINE, further_cases.SMALL),
    )
    yield from (vm for table in whole for case in table.values() for vm in case)
    yield from ({"networks": [nic]} for case in nic_fields.ALL.values() for nic in case)
    yield from ({"disks": [disk]} for case in disk_fields.ALL.values() for disk in case)
