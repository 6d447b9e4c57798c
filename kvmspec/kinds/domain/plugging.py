"""Devices of a running guest: plugged in, taken out, changed. Each step is whole, or as if it never was."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.compare import get, leaves
from kvmspec.canon.edit import edit, select
from kvmspec.canon.read import read
from kvmspec.core.action import AttachDevice, DetachDevice, Edit, UpdateDevice
from kvmspec.core.errors import KvmspecError, LibvirtFailure
from kvmspec.kinds.domain.defining import define
from kvmspec.manifest.secrets import is_token

Path = tuple[str, ...]
_ALIAS = re.compile(r"""<alias name=["']([^"']+)["']""")
_PCI = re.compile(r"""<address type=["']pci["'][^>]*/>""")
_GIVEN_BY_LIBVIRT = frozenset({"@portid", "@bridge", "@index", "backingStore"})
"""What libvirt writes into the sources of a running guest by itself."""
_ANOTHER = "it was plugged in while kvmspec was at work; `kvmspec plan` looks again"


def attach(action: AttachDevice, host: Host, report: Callable[[str], None]) -> None:
    """Live, then into the definition at the same address, so that a reboot does not move it."""
    name, path = action.address.name, action.path
    found = _find(host.devices.active_xml(name), path)
    here_before = found is not None
    if found is None:
        _plug_in(host, name, action.xml)
    elif _sources(found) != _sources(action.xml):
        raise LibvirtFailure(f"the running vm/{name} has another {path[1]} {path[2]}", hint=_ANOTHER)
    persistent = host.domains.get(name).xml
    if _find(persistent, path) is not None:
        return
    address = _find(host.devices.active_xml(name), (*path, "address"))
    try:
        _define(host, name, persistent, path, action.xml, address)
    except KvmspecError:
        if not here_before:
            with suppress(KvmspecError):
                _let_go(host, name, path, 5, report)
        raise


def _plug_in(host: Host, name: str, xml: str) -> None:
    """Where another device has its place by now, it gets another one until the next boot."""
    try:
        host.devices.attach(name, xml)
    except LibvirtFailure:
        elsewhere = _PCI.sub("", xml)
        if elsewhere == xml:
            raise
        host.devices.attach(name, elsewhere)


def _sources(xml: str) -> set[str | None]:
    """Where a disk's data are."""
    source = ElementTree.fromstring(xml).find("source")
    return set() if source is None else {source.get(name) for name in _OF_THE_DATA}


_OF_THE_DATA = ("file", "dev", "dir", "protocol", "name", "pool", "volume", "path", "namespace")


def _define(host: Host, name: str, persistent: str, path: Path, xml: str, address: str | None) -> None:
    """Add the device to the definition, at that address where it is free there."""
    plain = edit(persistent, [Edit("add", path, xml)])
    if address is None or _find(plain, (*path, "address")) is not None:
        define(host, name, plain)
        return
    try:
        define(host, name, edit(plain, [Edit("add", (*path, "address"), address)]))
    except LibvirtFailure:
        define(host, name, plain)


def detach(action: DetachDevice, host: Host, report: Callable[[str], None]) -> None:
    """Out of the definition first: a guest that goes down meanwhile comes back without it."""
    name, path = action.address.name, action.path
    persistent = host.domains.get(name).xml
    if _find(persistent, path) is not None:
        define(host, name, edit(persistent, [Edit("remove", path)]))
    _let_go(host, name, path, action.timeout, report)


def _let_go(host: Host, name: str, path: Path, timeout: int, report: Callable[[str], None]) -> None:
    device = _find(host.devices.active_xml(name), path)
    if device is None:
        return
    alias = _ALIAS.search(device)
    if alias is None:
        raise LibvirtFailure(f"{'/'.join(path)} of vm/{name} has no alias to ask for it by")
    host.devices.detach(name, alias[1], timeout, report)


def update(action: UpdateDevice, host: Host) -> None:
    """Change a device, and look whether it has. What a failed call leaves behind is put back."""
    name, path = action.address.name, action.path
    active = host.devices.active_xml(name)
    before = _find(active, path)
    if before is None:
        raise LibvirtFailure(f"{'/'.join(path)} of the running vm/{name} is not there")
    target = edit(active, action.edits)
    try:
        host.devices.update(name, as_stated(select(target, path)))
    except LibvirtFailure as error:
        raise _put_back(host, name, path, before, error) from None
    missing = _missing(read(active), read(target), read(host.devices.active_xml(name)), path)
    if missing:
        words = f"libvirt took the change of vm/{name}, and the running guest has not {missing}"
        raise _put_back(host, name, path, before, LibvirtFailure(words))


def as_stated(device: str) -> str:
    """A device of the active XML as libvirt takes it back. An interface on a network that is a host's
    bridge is shown with `type='bridge'`; sent back so, it is on that network no more (measured on 9.0)."""
    return _SHOWN_AS_BRIDGE.sub(r"\1network\2", device)


_SHOWN_AS_BRIDGE = re.compile(
    r"""(<interface\s[^>]*?type=["'])bridge(["'][^>]*>.*?<source\s[^>]*?network=)""", re.S
)


def _put_back(host: Host, name: str, path: Path, before: str, error: LibvirtFailure) -> LibvirtFailure:
    """The error, with what became of the device that it was about."""
    now = _find(host.devices.active_xml(name), path)
    if now == before:
        return error
    try:
        host.devices.update(name, as_stated(before))
    except LibvirtFailure as again:
        words = f"{error.message}; what was changed of it by then stays: {again.message}"
        return LibvirtFailure(words, hint=error.hint, code=error.code)
    return LibvirtFailure(
        f"{error.message}; what was changed of it by then was put back", hint=error.hint, code=error.code
    )


def _missing(before: Any, wanted: Any, after: Any, path: Path) -> str:
    """What was to change in the device and has not; "" where all has."""
    old, new, now = (get(data, path) for data in (before, wanted, after))
    for leaf, value in leaves(new):
        if leaf == ("@type",) and path[1] == "interface":
            continue  # see `as_stated`; the source tells
        if get(old, leaf) != value and get(now, leaf) != value and not is_token(value):
            return f"{'/'.join(leaf)} = {value}"
    for leaf, value in leaves(old):
        gone = get(new, leaf) is None and not _GIVEN_BY_LIBVIRT & {*leaf}
        if gone and get(now, leaf) == value:
            return f"lost {'/'.join(leaf)}"
    return ""


def _find(xml: str, path: Path) -> str | None:
    try:
        return select(xml, path)
    except LookupError:
        return None
