"""A draft of a VM made to fit its models."""

from __future__ import annotations

from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.importing import accept
from kvmspec.kinds.importing.accept import Data, Place, at, without

__all__ = ["Place", "accepted", "at", "without"]


def accepted(draft: Data) -> tuple[Data, VmSpec]:
    """The draft without what VmSpec refuses, and the VmSpec of it. Raises ValueError where nothing is left
    that makes a VM."""
    return accept.accepted(draft, VmSpec)
