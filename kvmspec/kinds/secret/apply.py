"""A secret's actions → libvirt."""

from __future__ import annotations

from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.core.action import DefineSecret, DeleteSecret, SecretAction, SetSecret


def apply(action: SecretAction, host: Host) -> None:
    """Carry out one action. Idempotent. Raises LibvirtFailure."""
    match action:
        case DefineSecret(xml=xml):
            host.secrets.define(xml)
        case SetSecret(uuid=uuid, value=value, encoding=encoding, xml=xml):
            host.secrets.set_value(uuid, value, encoding)
            if xml:
                host.secrets.define(xml)
        case DeleteSecret(uuid=uuid):
            host.secrets.delete(uuid)
        case _:
            assert_never(action)
