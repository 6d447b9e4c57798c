"""Secrets of libvirt: keys and passphrases that pools, disks and volumes refer to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.core.address import Address
from kvmspec.core.change import Difference
from kvmspec.core.desired import Desired
from kvmspec.core.observed import HostView
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.secret import apply, facts, plan
from kvmspec.kinds.secret.check import check
from kvmspec.kinds.secret.effects import effects
from kvmspec.kinds.secret.spec import SecretSpec
from kvmspec.manifest.section import Item, Manifest, Section


class SecretKind:
    """kinds.base.Kind for secrets."""

    name = "secret"
    section = Section(
        "secrets",
        "secret",
        SecretSpec,
        check=check,
        effects=effects,
        creation={"usage_id": "its name here", "ephemeral": "false", "private": "false"},
        names=("ceph-key", "san-key", "pgdata-key", "tls-key", "tpm-key"),
    )

    def desire(self, manifest: Manifest, item: Item, host: str, view: HostView | None) -> list[Desired]:
        return [Desired(Address(host, "secret", item.name), item.spec, item.path)]

    def diff(self, desired: Desired, view: HostView, context: Context) -> Difference:
        return plan.diff(desired, view, context)

    def leftovers(self, view: HostView, context: Context) -> list[Difference]:
        return plan.leftovers(view, context)

    def steps(self, difference: Difference, view: HostView, context: Context) -> Chain:
        return list(difference.detail or ())

    def render(self, desired: Desired, context: Context) -> str:
        return plan.render(desired, context)

    def about(self, desired: Desired) -> str:
        spec: SecretSpec = desired.spec
        return spec.usage if spec.usage == "none" else f"{spec.usage} {spec.of(desired.address.name)}"

    def fingerprint(self, name: str, view: HostView) -> str:
        """The definition, and whether its value is that of the manifest."""
        observed = view.secrets.get(name)
        return compare.digest(facts.read(observed.xml), observed.state) if observed is not None else ""

    def apply(self, action: Any, host: Host, report: Callable[[str], None]) -> None:
        apply.apply(action, host)


KIND = SecretKind()
