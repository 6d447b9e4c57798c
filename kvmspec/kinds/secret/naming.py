"""The secrets of a host, by the names that the manifest gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kvmspec.adapters.libvirt import Host
from kvmspec.core.observed import Observed
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.secret.facts import read
from kvmspec.kinds.secret.spec import SecretSpec
from kvmspec.manifest.section import Item, Manifest


def _uuid(item: Item, manifest: Manifest) -> str:
    assert isinstance(item.spec, SecretSpec)
    return item.spec.uuid or derived_uuid(manifest.project, "secret", item.name)


def look(host: Host, manifest: Manifest, on: str) -> dict[str, Observed]:
    """The secrets of one host: those of the project by their names, the others by their UUID. The `state` of
    one whose value the manifest states is what `Secrets.holds` says."""
    wanted = {_uuid(item, manifest): item for item in manifest.of("secret") if on in item.hosts}
    found = named(host.secrets.list(wanted), wanted, manifest)
    for name, observed in found.items():
        spec = wanted[observed.uuid].spec if observed.uuid in wanted else None
        if isinstance(spec, SecretSpec) and spec.value is not None:
            state = host.secrets.holds(observed.uuid, spec.value, spec.written)
            found[name] = replace(observed, state=state)
    return found


def named(secrets: Iterable[Observed], wanted: dict[str, Item], manifest: Manifest) -> dict[str, Observed]:
    """Secrets by name. One that the manifest does not name any more is known by the note in its description,
    as long as the UUID agrees."""
    found = {}
    for secret in secrets:
        name = wanted[secret.uuid].name if secret.uuid in wanted else None
        facts = read(secret.xml) if name is None else None
        if facts is not None and facts.marked and facts.project == manifest.project:
            derived = derived_uuid(manifest.project, "secret", facts.name)
            name = facts.name if derived == secret.uuid else None
        found[name or secret.uuid] = replace(secret, name=name or secret.uuid)
    return found
