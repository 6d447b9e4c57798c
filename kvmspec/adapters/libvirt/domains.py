"""Domains: listing, definitions, power, live changes."""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from typing import Any, NamedTuple

import libvirt

from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.holds import Jobs, checkpoints_of, jobs_of
from kvmspec.adapters.libvirt.parallel import in_parallel
from kvmspec.canon.quote import quoteattr
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.core.observed import Observed
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.types import format_size

_INACTIVE = libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
_METADATA_PREFIX, METADATA_URI = "kvmspec", "urn:kvmspec:1"
_OSINFO_URI = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
_UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | getattr(libvirt, "VIR_DOMAIN_UNDEFINE_TPM", 0)  # libvirt 8.9
)
_STATES = {
    libvirt.VIR_DOMAIN_RUNNING: "running",
    libvirt.VIR_DOMAIN_BLOCKED: "running",
    libvirt.VIR_DOMAIN_PAUSED: "paused",
    libvirt.VIR_DOMAIN_SHUTDOWN: "running",
    libvirt.VIR_DOMAIN_SHUTOFF: "stopped",
    libvirt.VIR_DOMAIN_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_PMSUSPENDED: "suspended",
}
_ENDS = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: "shutdown",
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: "destroyed",
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_SHUTOFF_SAVED: "saved",
    libvirt.VIR_DOMAIN_SHUTOFF_FAILED: "failed",
}
_INSTALLING = re.compile(r'<kvmspec:vm [^>]*install=["\']')
LOCK_NAME = "kvmspec-lock"  # the domain that is the lock of a host, see lock.py
TEST_DRIVER = "TEST"  # what libvirt's own test driver calls itself
_ACPI, _AGENT = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN, libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
_AGENT_THERE = re.compile(r"<target [^>]*name='org\.qemu\.guest_agent\.0'[^>]*state='connected'")
_ASK_AGAIN = 5.0  # seconds; a guest that is still booting drops the first request


class _Listed(NamedTuple):
    """Names of domains by what filtered listings say: one call each, not one a domain."""

    active: Set[str] = frozenset()
    running: Set[str] = frozenset()
    transient: Set[str] = frozenset()
    autostart: Set[str] = frozenset()
    saved: Set[str] = frozenset()
    snapped: Set[str] = frozenset()
    checked: Set[str] = frozenset()


class Domains:
    """The domains of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any, secrets: SecretStore) -> None:
        self._conn = conn
        self._secrets = secrets
        self._is_test = conn.getType() == TEST_DRIVER

    # --- looking
    def list(self, wanted: Callable[[str, str], bool] = lambda name, uuid: True) -> builtins.list[Observed]:
        """All domains for which `wanted(name, uuid)`. One that vanishes meanwhile is absent."""
        with translated("list the domains"):
            handles = [d for d in self._conn.listAllDomains() if wanted(d.name(), d.UUIDString())]
            listed = _Listed(
                active=self._names(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE),
                running=self._names(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING),
                transient=self._names(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT),
                autostart=self._names(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART),
                saved=self._not_in_test(libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE),
                snapped=self._not_in_test(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT),
                checked=self._not_in_test(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT),
            )
        found = in_parallel(lambda domain: self._observe(domain, listed), handles)
        return [observed for observed in found if observed is not None]

    def names(self) -> dict[str, str]:
        """name → uuid of every domain, in one call and without looking into any."""
        with translated("list the domains"):
            return {d.name(): d.UUIDString() for d in self._conn.listAllDomains()}

    def get(self, name: str) -> Observed:
        """One domain as it is now. Raises Absent."""
        with translated(f"read vm/{name}"):
            domain = self._conn.lookupByName(name)
            listed = _Listed(
                active={name} if domain.isActive() else set(),
                transient=set() if domain.isPersistent() else {name},
                autostart={name} if domain.isPersistent() and domain.autostart() else set(),
                saved={name} if self._has_save(domain) else set(),
            )
        observed = self._observe(domain, listed)
        if observed is None:
            raise Absent(f"vm/{name} is not there")
        return observed

    def _names(self, flag: int) -> set[str]:
        """Names of the domains that a filtered listing gives."""
        return {d.name() for d in self._conn.listAllDomains(flag)}

    def _not_in_test(self, flag: int) -> set[str]:
        """The same with a filter that libvirt's test driver does not have."""
        return set() if self._is_test else self._names(flag)

    def _has_save(self, domain: Any) -> bool:
        return not self._is_test and bool(domain.hasManagedSaveImage())

    def _observe(self, domain: Any, listed: _Listed) -> Observed | None:
        name = domain.name()
        try:
            xml = domain.XMLDesc(_INACTIVE)
            state, active_xml = self._power(domain, name, listed)
            ended = _ENDS.get(domain.state()[1], "") if active_xml is None and _INSTALLING.search(xml) else ""
            saved = self._saved_xml(domain) if name in listed.saved and active_xml is None else None
            snapshots = [s.getXMLDesc() for s in domain.listAllSnapshots()] if name in listed.snapped else []
            checkpoints = checkpoints_of(domain) if name in listed.checked else ()
        except libvirt.libvirtError as error:
            problem = failure(f"read vm/{name}", error)
            if isinstance(problem, Absent):
                return None
            raise problem from error
        return Observed(
            "vm",
            name,
            domain.UUIDString(),
            xml,
            state,
            name in listed.autostart,
            name not in listed.transient,
            active_xml,
            name in listed.saved,
            tuple(snapshots),
            ended,
            checkpoints,
            saved_xml=saved,
        )

    @staticmethod
    def _saved_xml(domain: Any) -> str | None:
        """The configuration in a managed save; None where it cannot be read, as in a file that is cut."""
        try:
            return str(domain.managedSaveGetXMLDesc(libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE))
        except libvirt.libvirtError:
            return None

    def _power(self, domain: Any, name: str, listed: _Listed) -> tuple[str, str | None]:
        """The state and, of a domain that runs, the active XML."""
        if name not in listed.active:
            return "stopped", None
        state = "running" if name in listed.running else _STATES.get(domain.state()[0], "running")
        if state in ("stopped", "crashed"):
            return state, None
        return state, domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)

    def jobs(self, name: str) -> Jobs:
        """(target, kind) of every block job that runs on a disk of the domain; none where it is stopped or
        gone. A call a disk: only for a domain that is to be changed."""
        if self._is_test:
            return ()
        with suppress(Absent), translated(f"look for block jobs of vm/{name}"):
            return jobs_of(self._lookup(name))
        return ()

    def block_capacity(self, name: str, target: str) -> int:
        """Capacity in bytes of a disk as the running guest sees it."""
        with translated(f"read disk {target} of vm/{name}"):
            return int(self._lookup(name).blockInfo(target)[0])

    # --- definitions
    def define(self, xml: str, *, unchecked: bool = False) -> None:
        """Define or redefine, validated against libvirt's schema but where it is `unchecked`. Secret tokens
        are resolved here."""
        flags = libvirt.VIR_DOMAIN_DEFINE_VALIDATE if not (unchecked or self._is_test) else 0
        try:
            self._conn.defineXMLFlags(self._secrets.reveal_xml(xml), flags)
        except libvirt.libvirtError as error:
            problem = failure("define the domain", error)
            # no `from`: the traceback of --debug would show libvirt's own words, secret and all
            raise type(problem)(self._secrets.hide(problem.message), code=problem.code) from None

    def undefine(self, name: str) -> None:
        """Undefine with NVRAM, TPM state, managed save and snapshot metadata. No volume is touched."""
        with translated(f"undefine vm/{name}"):
            domain = self._lookup(name)
            if self._is_test:
                domain.undefine()
            else:
                domain.undefineFlags(_UNDEFINE)

    def rename(self, name: str, new_name: str) -> None:
        with translated(f"rename vm/{name}"):
            self._lookup(name).rename(new_name)

    def set_autostart(self, name: str, enabled: bool) -> None:
        with translated(f"set autostart of vm/{name}"):
            self._lookup(name).setAutostart(enabled)

    # --- live changes
    def set_metadata(
        self,
        name: str,
        *,
        title: str | None,
        description: str | None,
        metadata: str | None,
        osinfo: str | None = None,
    ) -> None:
        """Of the running domain: title, description, kvmspec's element and libosinfo's id of the guest's
        system; "" removes, None leaves."""
        values = (
            (libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None),
            (libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, description, None, None),
            (libvirt.VIR_DOMAIN_METADATA_ELEMENT, _bare(metadata), _METADATA_PREFIX, METADATA_URI),
            (libvirt.VIR_DOMAIN_METADATA_ELEMENT, _system(osinfo), "libosinfo", _OSINFO_URI),
        )
        with translated(f"set the metadata of vm/{name}"):
            domain = self._lookup(name)
            for kind, value, key, uri in values:
                if value is not None:
                    domain.setMetadata(kind, value or None, key, uri, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def remove_metadata(self, name: str) -> None:
        """Remove kvmspec's element, from the definition and from the running domain."""
        with translated(f"release vm/{name}"):
            domain = self._lookup(name)
            flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
            if domain.isActive():
                flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
            element = libvirt.VIR_DOMAIN_METADATA_ELEMENT
            domain.setMetadata(element, None, _METADATA_PREFIX, METADATA_URI, flags)

    def set_vcpus(self, name: str, count: int) -> None:
        """vCPUs of the running domain, up to its maximum."""
        with translated(f"set the vCPUs of vm/{name}"):
            self._lookup(name).setVcpusFlags(count, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def set_memory(self, name: str, size: int) -> None:
        """Balloon target in bytes of the running domain, up to its maximum memory."""
        with translated(f"set the memory of vm/{name}"):
            self._lookup(name).setMemoryFlags(size // 1024, libvirt.VIR_DOMAIN_AFFECT_LIVE)

    def grow_disk(self, name: str, target: str, capacity: int) -> None:
        """virDomainBlockResize, which would gladly shrink: guarded by what is there now."""
        now = self.block_capacity(name, target)
        if now > capacity:
            has, wanted = format_size(now), format_size(capacity)
            raise LibvirtFailure(
                f"disk {target} of vm/{name} has {has} already, more than {wanted}; it is never shrunk"
            )
        with translated(f"grow disk {target} of vm/{name}"):
            if now < capacity:
                self._lookup(name).blockResize(target, capacity, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)

    # --- power
    def start(self, name: str) -> None:
        """Start; one that runs already is left as it is."""
        with translated(f"start vm/{name}"):
            domain = self._lookup(name)
            if not domain.isActive():
                domain.create()

    def start_paused(self, name: str, xml: str) -> None:
        """Start once with this XML, which the definition does not get; paused, so that it can be noted before
        the guest does anything. `name` is the defined, stopped domain that the XML is of.

        virDomainCreateXML of a domain that is defined leaves its definition alone [measured on 9.0].
        """
        flags = libvirt.VIR_DOMAIN_START_PAUSED | libvirt.VIR_DOMAIN_START_VALIDATE
        with translated(f"start the installer of vm/{name}"):
            self._conn.createXML(xml, flags)

    def is_active(self, name: str) -> bool:
        """Whether it runs, or is paused."""
        with translated(f"look at vm/{name}"):
            return bool(self._lookup(name).isActive())

    def resume(self, name: str) -> None:
        """Let a paused domain go on; one that runs is left as it is."""
        with translated(f"resume vm/{name}"):
            domain = self._lookup(name)
            if domain.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
                domain.resume()

    def has_agent(self, name: str) -> bool:
        """Whether the guest agent of the running domain has opened its channel."""
        with translated(f"look for the guest agent of vm/{name}"):
            return _AGENT_THERE.search(self._lookup(name).XMLDesc()) is not None

    def power_off(self, name: str) -> None:
        """Power off; one that is off already is left as it is."""
        with translated(f"power off vm/{name}"):
            domain = self._lookup(name)
            if domain.isActive():
                domain.destroy()

    def shutdown(
        self,
        name: str,
        timeout: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        report: Callable[[str], None] = lambda text: None,
    ) -> bool:
        """Ask the guest to shut down, by agent then ACPI, again every few seconds; each time is
        reported.

        True when it is off within `timeout` seconds. Never powers off.
        """
        domain = self._named(name)
        end = time.monotonic() + timeout
        ask_at = 0.0
        while True:
            with translated(f"shut down vm/{name}"):
                if not domain.isActive():
                    return True
            now = time.monotonic()
            if now >= ask_at:
                _ask(domain)
                report(f"the guest was asked to shut down and has {max(end - now, 0):.0f} s left …")
                ask_at = now + _ASK_AGAIN
            elif now >= end:
                return False
            sleep(0.1)

    def _named(self, name: str) -> Any:
        with translated(f"find vm/{name}"):
            return self._lookup(name)

    def _lookup(self, name: str) -> Any:
        return self._conn.lookupByName(name)


def _system(osinfo: str | None) -> str | None:
    """libosinfo's element, without its namespace."""
    return f"<libosinfo><os id={quoteattr(osinfo)}/></libosinfo>" if osinfo else osinfo


def _bare(element: str | None) -> str | None:
    """Our element without its namespace: virDomainSetMetadata adds that itself, and fails where it
    is declared already (virXMLInjectNamespace)."""
    if not element:
        return element
    declaration = f' xmlns:{_METADATA_PREFIX}="{METADATA_URI}"'
    return re.sub(rf"(</?){_METADATA_PREFIX}:", r"\1", element.replace(declaration, "", 1))


def _ask(domain: Any) -> None:
    """One shutdown request; the agent may not be there, and the guest may just have gone."""
    for method in _methods(domain):
        try:
            domain.shutdownFlags(method)
        except libvirt.libvirtError as error:
            last = error
        else:
            return
    if last.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:
        raise failure(f"shut down vm/{domain.name()}", last) from last


def _methods(domain: Any) -> Iterable[int]:
    return (0,) if domain.connect().getType() == TEST_DRIVER else (_AGENT, _ACPI)
