"""Storage pools: listing, definitions, start and stop. Never virStoragePoolDelete: files stay."""

from __future__ import annotations

import builtins
from contextlib import suppress
from typing import Any

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.validating import flag
from kvmspec.core.errors import Absent
from kvmspec.core.observed import Observed


class Pools:
    """The storage pools of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        test = conn.getType().lower() == "test"  # libvirt's test driver (`TEST`) knows neither flag
        self._inactive = 0 if test else libvirt.VIR_STORAGE_XML_INACTIVE
        self._build = 0 if test else libvirt.VIR_STORAGE_POOL_CREATE_WITH_BUILD

    # --- looking
    def list(self) -> builtins.list[Observed]:
        """All pools. One that vanishes meanwhile is absent."""
        with translated("list the pools"):
            handles = self._conn.listAllStoragePools()
            active = self._names(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE)
            auto = self._names(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART)
            transient = self._names(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT)
        found = [self._observe(handle, active, auto, transient) for handle in handles]
        return [observed for observed in found if observed is not None]

    def get(self, name: str) -> Observed:
        """One pool as it is now. Raises Absent."""
        with translated(f"read pool/{name}"):
            pool = self._lookup(name)
            persistent = bool(pool.isPersistent())
            active = {name} if pool.isActive() else set()
            auto = {name} if persistent and pool.autostart() else set()
        observed = self._observe(pool, active, auto, set() if persistent else {name})
        if observed is None:
            raise Absent(f"pool/{name} is not there")
        return observed

    def _names(self, flag: int) -> set[str]:
        return {pool.name() for pool in self._conn.listAllStoragePools(flag)}

    def _observe(self, pool: Any, active: set[str], auto: set[str], transient: set[str]) -> Observed | None:
        name = pool.name()
        persistent = name not in transient
        try:
            xml = pool.XMLDesc(self._inactive if persistent else 0)
        except libvirt.libvirtError as error:
            problem = failure(f"read pool/{name}", error)
            if isinstance(problem, Absent):
                return None
            raise problem from error
        state = "running" if name in active else "stopped"
        return Observed("pool", name, pool.UUIDString(), xml, state, name in auto, persistent)

    # --- definitions
    def define(self, xml: str) -> None:
        """Define or redefine; of an active pool only the persistent definition changes."""
        with translated("define the pool"):
            self._conn.storagePoolDefineXML(xml, flag(self._conn, "VIR_STORAGE_POOL_DEFINE_VALIDATE"))

    def set_autostart(self, name: str, enabled: bool) -> None:
        with translated(f"set autostart of pool/{name}"):
            self._lookup(name).setAutostart(enabled)

    def undefine(self, name: str) -> None:
        """Undefine; one that is gone already is left so."""
        with suppress(Absent), translated(f"undefine pool/{name}"):
            self._lookup(name).undefine()

    # --- power
    def start(self, name: str) -> None:
        """Start, making the target directory where it is missing; one that runs already is left
        as it is."""
        with translated(f"start pool/{name}"):
            pool = self._lookup(name)
            if not pool.isActive():
                pool.create(self._build)

    def stop(self, name: str) -> None:
        """Stop; one that is stopped already is left as it is."""
        with translated(f"stop pool/{name}"):
            pool = self._lookup(name)
            if pool.isActive():
                pool.destroy()

    def delete(self, name: str) -> None:
        """Stop and undefine; one that is gone already is left so. Its files stay."""
        with suppress(Absent):
            self.stop(name)
        self.undefine(name)

    def _lookup(self, name: str) -> Any:
        return self._conn.storagePoolLookupByName(name)
