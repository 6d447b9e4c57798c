"""Secrets as the other kinds refer to them: by the names that the manifest gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kvmspec.core.address import Address
from kvmspec.kinds import compare
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.manifest.section import Manifest


def uuid_of(manifest: Manifest, name: str) -> str | None:
    """The UUID, there already or not yet, of the secret that the manifest calls `name`; None where it
    calls none so."""
    spec = compare.specs(manifest).get(("secret", name))
    if spec is None:
        return None
    return str(spec.uuid or derived_uuid(manifest.project, "secret", name))


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def told(secret: str, manifest: Manifest | None = None) -> tuple[str, str]:
    """Attribute and value by which libvirt knows a secret: one of the manifest, else one of the host, that is
    stated by its UUID or by what it is used for."""
    if manifest is not None and (uuid := uuid_of(manifest, secret)) is not None:
        return "uuid", uuid
    return ("uuid" if _UUID.fullmatch(secret) else "usage"), secret


def needs(host: str, secret: str | None, manifest: Manifest) -> Iterator[Address]:
    """The secret, where the manifest has it: it is set before it is used."""
    if secret is not None and uuid_of(manifest, secret) is not None:
        yield Address(host, "secret", secret)
