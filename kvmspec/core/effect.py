"""What changing a field of the manifest costs, in words: for `explain` and the references."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effect:
    """The cost of changing one field while its object runs.

    path    as `explain` takes it: `vms.disks.cache`; it holds for the fields below it, too
    impact  labels of Impact, or `refused`; where it depends, several: `live, or restart`
    reason  why, or in which case; may be empty
    """

    path: str
    impact: str
    reason: str = ""
