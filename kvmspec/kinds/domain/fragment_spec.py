"""`xml:`, what libvirt knows and no field says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from kvmspec.kinds.fragments import mergeable
from kvmspec.manifest.types import SecretText

EXAMPLE = "<domain><devices><shmem name='ring'><model type='ivshmem-plain'/></shmem></devices></domain>"

Fragment = Annotated[
    SecretText,
    AfterValidator(mergeable("domain")),
]
"""A piece of a domain's XML (canon/fragment.py)."""
