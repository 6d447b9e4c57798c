"""Secrets as the other kinds refer to them: by the names that the manifest gives them."""

from __future__ import annotations

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
