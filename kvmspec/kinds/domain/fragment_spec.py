"""`xml:`, what libvirt knows and no field says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import SecretText


def _mergeable(value: str) -> str:
    """Raises PydanticCustomError (`xml`) with what is wrong and where."""
    from kvmspec.canon.fragment import givens, problems  # lxml: only where there is a fragment

    if found := problems(value, "domain") or givens(value):
        raise PydanticCustomError("xml", "{problem}", {"problem": "; ".join(found)})
    return value


EXAMPLE = "<domain><devices><shmem name='ring'><model type='ivshmem-plain'/></shmem></devices></domain>"

Fragment = Annotated[
    SecretText,
    AfterValidator(_mergeable),
]
"""A piece of a domain's XML (canon/fragment.py)."""
