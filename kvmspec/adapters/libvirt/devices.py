"""Devices of running guests: attach, update, detach. The definition is edited elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from kvmspec.adapters.libvirt.bandwidth import take_back
from kvmspec.adapters.libvirt.errors import failure, translated
from kvmspec.adapters.libvirt.removals import Happened, Removals
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.manifest.secrets import SecretStore

_LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 5.0  # seconds until it is asked again; doubled each time
_LOOK_AGAIN = 1.0  # seconds without an event after which the XML is looked at
_LEFT_BEHIND = re.compile(r"Duplicate nodes with node-name")  # block nodes in QEMU
_NODES_LEFT = 8  # at most, of one attach that libvirtd died in: a chain of images has several
_ASKED_ALREADY = re.compile(r"already in the process of unplug")  # QEMU, from 6.0 on
_MISSING = getattr(libvirt, "VIR_ERR_DEVICE_MISSING", -1)  # libvirt 4.1
_HELD = (
    "a guest lets go of a device only while its system runs and is not using it: is it booted, is the disk "
    "unmounted, does the machine have `acpi`? The next apply asks again"
)


class Devices:
    """The devices of the running guests of one host. Names are looked up anew for every action."""

    def __init__(self, conn: Any, secrets: SecretStore) -> None:
        self._conn = conn
        self._secrets = secrets
        self._removals = Removals(conn)

    def active_xml(self, name: str) -> str:
        """The active XML with its secrets. Raises Absent, and LibvirtFailure where it does not run."""
        with translated(f"read vm/{name}"):
            domain = self._conn.lookupByName(name)
            if domain.isActive():
                return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
        raise LibvirtFailure(f"vm/{name} is not running", hint="`kvmspec status` shows its state")

    def attach(self, name: str, xml: str) -> None:
        """Give the running guest a device. Secret tokens are resolved here."""
        with self._hidden(f"attach {_called(xml)} to vm/{name}"):
            domain = self._conn.lookupByName(name)
            _past_leftovers(domain.attachDeviceFlags, self._secrets.reveal_xml(xml))

    def update(self, name: str, xml: str) -> None:
        """Change a device of the running guest to what `xml` says. Secret tokens are resolved here.

        libvirt finds the device by its target, MAC or type; what `xml` leaves out of a NIC is taken away.
        An update that failed may have changed a part: look at `active_xml` again. The bandwidth of a
        NIC, which that does not show, is taken back here.

        libvirt 9.0 returns success and does nothing for another portgroup of the same network,
        trustGuestRxFilters, a disk's boot order that is taken away, and VNC's sharePolicy. A VNC
        password that is taken away is gone from the active XML and goes on counting in QEMU; a guest
        started without one gets none. The tap of a network that was restarted gets its bridge back by a
        move to another network and back, not by the same interface again [all measured on 9.0].
        """
        with self._hidden(f"change {_called(xml)} of vm/{name}"):
            domain = self._conn.lookupByName(name)
            try:
                _past_leftovers(domain.updateDeviceFlags, self._secrets.reveal_xml(xml))
            except libvirt.libvirtError:
                with suppress(libvirt.libvirtError):
                    take_back(domain, xml)
                raise

    def detach(
        self,
        name: str,
        alias: str,
        timeout: float,
        report: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask the running guest to let go of the device of that alias, and wait until it is gone.

        The guest is asked again with a growing pause, `timeout` seconds in all. libvirt's events end
        the wait at once; where there are none, the active XML is looked at every second, after
        `sleep`. An alias that is not there is done. `report` hears what is waited for.

        Raises LibvirtFailure where libvirt cannot detach such a device, where the guest does not let
        go of it in time (it still has it then), and where the guest goes down meanwhile.
        """
        asking = _Asking(self, name, alias, time.monotonic() + timeout, report)
        if not asking.is_there():
            return
        with self._watch(name, alias, sleep) as wait:
            asking.until_gone(wait)

    def request(self, name: str, alias: str) -> None:
        """virDomainDetachDeviceAlias: returns when the guest has been asked. Raises libvirtError."""
        domain = self._conn.lookupByName(name)
        try:
            domain.detachDeviceAlias(alias, _LIVE)
        except (AttributeError, libvirt.libvirtError) as error:  # libvirt 4.4
            if (
                isinstance(error, libvirt.libvirtError)
                and error.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT
            ):
                raise
            device = _with_alias(self.active_xml(name), alias)
            if device is not None:
                domain.detachDeviceFlags(ET.tostring(device, encoding="unicode"), _LIVE)

    def close(self) -> None:
        """Close what detaching opened."""
        self._removals.close()

    @contextmanager
    def _watch(
        self, name: str, alias: str, sleep: Callable[[float], None]
    ) -> Iterator[Callable[[float], Happened | None]]:
        with ExitStack() as stack:
            try:
                watch = stack.enter_context(self._removals.watch(name, alias))
            except libvirt.libvirtError:  # no second connection to be had
                yield sleep
            else:
                yield watch.wait

    @contextmanager
    def _hidden(self, doing: str) -> Iterator[None]:
        """As `translated`, without the secrets that libvirt's words may quote."""
        try:
            yield
        except libvirt.libvirtError as error:
            problem = failure(doing, error)
            words = self._secrets.hide(problem.message)
            # no `from`: the traceback of --debug would show libvirt's own words, secret and all
            raise type(problem)(words, code=problem.code, hint=problem.hint) from None


class _Asking:
    """One detach under way."""

    def __init__(
        self, devices: Devices, name: str, alias: str, end: float, report: Callable[[str], None]
    ) -> None:
        self._devices, self._name, self._alias = devices, name, alias
        self._end, self._report = end, report
        self._refused = False

    def is_there(self) -> bool:
        """Whether the guest has the device."""
        return _with_alias(self._devices.active_xml(self._name), self._alias) is not None

    def until_gone(self, wait: Callable[[float], Happened | None]) -> None:
        pause = _FIRST_PAUSE
        self._ask()
        ask_at = time.monotonic() + pause
        while self._is_still_there():
            now = time.monotonic()
            if now >= self._end:
                raise self._kept()
            if now >= ask_at:
                pause = min(pause * 2, _LONGEST_PAUSE)
                ask_at = now + pause
                self._ask()
            self._tell(self._end - now)
            if wait(min(_LOOK_AGAIN, self._end - now, ask_at - now)) is Happened.REFUSED:
                self._refused = True

    def _tell(self, left: float) -> None:
        did = "refused" if self._refused else "was asked"
        again = ", is asked again" if self._refused else ""
        self._report(f"the guest {did} to let go of {self._alias}{again} and has {left:.0f} s left …")

    def _is_still_there(self) -> bool:
        try:
            return self.is_there()
        except LibvirtFailure as error:
            gone = isinstance(error, Absent) or error.code == 0
            if not gone:
                raise
            message = f"vm/{self._name} went down while {self._alias} was to be detached"
            raise LibvirtFailure(
                message, code=error.code, hint="apply again: its definition counts now"
            ) from error

    def _ask(self) -> None:
        try:
            self._devices.request(self._name, self._alias)
        except libvirt.libvirtError as error:
            if error.get_error_code() == _MISSING or _ASKED_ALREADY.search(str(error)):
                return
            if self._is_still_there():
                raise failure(f"detach {self._alias} from vm/{self._name}", error) from error

    def _kept(self) -> LibvirtFailure:
        how = "refuses to let go of it" if self._refused else "does not let go of it"
        return LibvirtFailure(f"detach {self._alias} from vm/{self._name}: the guest {how}", hint=_HELD)


def _past_leftovers(call: Callable[[str, int], object], device: str) -> None:
    """Make a live call as often as there are block nodes in its way.

    A libvirtd that died while it opened an image leaves nodes in QEMU, and the next one counts from
    before them: the call fails by the name, and takes the next number when it is made again [measured
    on 9.0].
    """
    for left in reversed(range(_NODES_LEFT)):
        try:
            call(device, _LIVE)
        except libvirt.libvirtError as error:
            if not left or not _LEFT_BEHIND.search(str(error)):
                raise
        else:
            return


def _with_alias(xml: str, alias: str) -> ET.Element | None:
    """The device that has the alias."""
    for device in ET.fromstring(xml).iterfind("devices/*"):
        found = device.find("alias")
        if found is not None and found.get("name") == alias:
            return device
    return None


def _called(xml: str) -> str:
    """What messages call a device: its element, and target, MAC or name where it has one."""
    device = ET.fromstring(xml)
    for path, attribute in (("target", "dev"), ("mac", "address"), ("target", "name")):
        if (found := device.find(path)) is not None and (value := found.get(attribute)):
            return f"{device.tag} {value}"
    return device.tag
