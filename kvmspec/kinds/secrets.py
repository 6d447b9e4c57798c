"""Secrets as the other kinds refer to them: by the names that the manifest gives them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kvmspec.core.address import Address
from kvmspec.kinds import auth, compare
from kvmspec.manifest.model import Reference
from kvmspec.manifest.section import Manifest


def usage_of(manifest: Manifest, name: str) -> str:
    """What libvirt knows the secret by that the manifest calls `name`; the name itself where it calls none
    so: then it is what a secret of the host is used for, or its UUID."""
    spec = compare.specs(manifest).get(("secret", name))
    return name if spec is None else str(spec.usage_id or name)


def told(secret: str, manifest: Manifest | None = None) -> tuple[str, str]:
    """Attribute and value by which libvirt knows a secret: by its UUID, or by what it is used for."""
    declared = manifest is not None and ("secret", secret) in compare.specs(manifest)
    return auth.told(secret, {secret: usage_of(manifest, secret)} if manifest and declared else {})


def needed(references: Iterable[Reference], manifest: Manifest, host: str) -> Iterator[Address]:
    """The secrets of the manifest among `references`; those of the host are there already."""
    declared = compare.specs(manifest)
    for kind, name in references:
        if kind == "secret" and (kind, name) in declared:
            yield Address(host, kind, name)
