"""A domain's definition → libvirt, checked against libvirt's schema, which knows less than libvirt."""

from __future__ import annotations

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.compare import uncovered
from kvmspec.canon.read import read
from kvmspec.core.errors import Absent, LibvirtFailure

_REFUSED = 92
"""VIR_ERR_XML_INVALID_SCHEMA"""


def define(host: Host, name: str, xml: str) -> None:
    """Define or redefine. What the schema refuses is defined all the same where libvirt then has all of it:
    the schema of 9.0 knows neither disks over ssh nor `reconnect` of NBD, which libvirt itself takes.

    Raises LibvirtFailure with the schema's words where something is lost; the definition is as before then.
    """
    try:
        host.domains.define(xml)
    except LibvirtFailure as refusal:
        if refusal.code != _REFUSED:
            raise
        before = _definition(host, name)
        host.domains.define(xml, unchecked=True)
        if _is_lossless(xml, host.domains.get(name).xml):
            return
        if before:
            host.domains.define(before, unchecked=True)
        else:
            host.domains.undefine(name)
        raise refusal from None


def _definition(host: Host, name: str) -> str:
    try:
        return host.domains.get(name).xml
    except Absent:
        return ""


def _is_lossless(wanted: str, defined: str) -> bool:
    """Whether there is something at each place where something is wanted; what libvirt drops is not."""
    return all(found is not None for _, _, found in uncovered(read(wanted), read(defined)))
