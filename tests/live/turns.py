"""Tables of cases, each a VM that is defined, changed and taken back: all VMs of a table at once.

One manifest of many VMs costs a tenth of as many manifests. A plan that is not empty names its VM, and with it
the case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.live.scene import Scene, idle_vm

Fields = dict[str, Any]
Cases = Mapping[str, tuple[Fields, Fields]]


def stopped(fields: Fields) -> Fields:
    """A VM with these fields that is defined and not started."""
    return idle_vm(state="stopped", **fields)


def there_and_back(scene: Scene, cases: Cases, *args: str, vm: Callable[[Fields], Fields] = stopped) -> None:
    """A VM of each case: with the first fields, with the second, with none of them, with the first again. Each
    time nothing is left to plan."""
    first = {named_after(case): vm(fields) for case, (fields, _) in cases.items()}
    second = {named_after(case): vm(fields) for case, (_, fields) in cases.items()}
    assert len(first) == len(cases), "two cases have the same name"
    for vms in (first, second, {name: vm({}) for name in first}, first):
        scene.settle(scene.manifest(vms), *args)


def named_after(case: str) -> str:
    """A VM's name: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", case.lower()).strip("-")
