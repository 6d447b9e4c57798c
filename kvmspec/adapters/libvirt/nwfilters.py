"""Network filters: listing and definitions."""

from __future__ import annotations

import builtins
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.validating import flag
from kvmspec.core.errors import Absent
from kvmspec.core.observed import Observed

_MADE = "5"
"""The version of the UUIDs that kvmspec makes; libvirt's own are of version 4."""


class Nwfilters:
    """The network filters of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn

    # --- looking
    def list(self, stated: Collection[str] = ()) -> builtins.list[Observed]:
        """All filters; a host whose driver has none has an empty list. Where nobody asks for one by its name
        and kvmspec made none, their XML is not read: libvirt brings two dozen along."""
        try:
            handles = self._conn.listAllNWFilters()
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_SUPPORT:
                return []
            raise failure("list the network filters", error) from error
        read = bool(stated) or any(handle.UUIDString()[14] == _MADE for handle in handles)
        found = [self._observe(handle, read) for handle in handles]
        return [observed for observed in found if observed is not None]

    def _observe(self, handle: Any, read: bool) -> Observed | None:
        name = handle.name()
        try:
            return Observed("nwfilter", name, handle.UUIDString(), handle.XMLDesc() if read else "")
        except libvirt.libvirtError as error:
            problem = failure(f"read nwfilter/{name}", error)
            if isinstance(problem, Absent):
                return None
            raise problem from error

    # --- changing
    def define(self, xml: str) -> None:
        """Define or redefine; running guests that use it have its new rules at once."""
        with translated("define the network filter"):
            self._conn.nwfilterDefineXMLFlags(xml, flag(self._conn, "VIR_NWFILTER_DEFINE_VALIDATE"))

    def delete(self, name: str) -> None:
        """Undefine; one that is gone already is left so. libvirt refuses it while a running guest uses it,
        and does not look at other filters that name it (9.0)."""
        with suppress(Absent), translated(f"undefine nwfilter/{name}"):
            self._conn.nwfilterLookupByName(name).undefine()
