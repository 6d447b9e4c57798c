"""Is there what a private libvirtd needs, and how to empty one between tests."""

from __future__ import annotations

import os
import shutil

import libvirt

REQUIRE = "KVMSPEC_REQUIRE_LIBVIRT"
DEFAULT = "default"
PROGRAMS = ("libvirtd", "virtlogd", "dnsmasq", "iptables", "ip", "unshare", "nsenter", "qemu-system-x86_64")
UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


def why_no_libvirtd() -> str | None:
    """What keeps a private libvirtd from starting here; None if nothing does."""
    if os.geteuid() != 0:
        return "needs root, for namespaces of its own"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    return f"not installed: {', '.join(missing)} (scripts/test installs them)" if missing else None


def required() -> bool:
    """Whether tests have to fail, and not to be skipped, without a libvirtd."""
    return os.environ.get(REQUIRE, "") not in ("", "0")


def empty(connection: libvirt.virConnect) -> None:
    """Remove every domain, network but the default one, pool and secret, and leases. Volumes' files stay."""
    for domain in connection.listAllDomains():
        _remove_domain(domain)
    for pool in connection.listAllStoragePools():
        if pool.isActive():
            pool.destroy()
        if pool.isPersistent():
            pool.undefine()
    for network in connection.listAllNetworks():
        if network.name() != DEFAULT:
            _remove_network(network)
    for secret in connection.listAllSecrets():
        secret.undefine()
    _renew_default(connection.networkLookupByName(DEFAULT))


def _renew_default(network: libvirt.virNetwork) -> None:
    """Have it up and without leases: else a guest that boots later would seem to have one already."""
    if network.isActive() and network.DHCPLeases():
        network.destroy()
    if not network.isActive():
        network.create()


def _remove_domain(domain: libvirt.virDomain) -> None:
    persistent = domain.isPersistent()
    if domain.isActive():
        domain.destroy()
    if persistent:
        domain.undefineFlags(UNDEFINE)


def _remove_network(network: libvirt.virNetwork) -> None:
    persistent = network.isPersistent()
    if network.isActive():
        network.destroy()
    if persistent:
        network.undefine()
