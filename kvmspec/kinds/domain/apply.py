"""A domain action → libvirt. Every action can be done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.edit import edit
from kvmspec.core.action import (
    AttachDevice,
    AwaitAgent,
    AwaitInstall,
    DefineDomain,
    DetachDevice,
    DomainAction,
    EditDomain,
    FinishInstall,
    GrowDisk,
    InstallDomain,
    PowerOffDomain,
    ReleaseDomain,
    RenameDomain,
    SetAutostart,
    SetDomainMetadata,
    SetMemory,
    SetVcpus,
    ShutdownDomain,
    StartDomain,
    Tune,
    UndefineDomain,
    UpdateDevice,
    WaitForGuest,
)
from kvmspec.core.errors import Absent, LibvirtFailure
from kvmspec.kinds.domain import installer, plugging, tuning
from kvmspec.kinds.domain.defining import define


def apply(action: DomainAction, host: Host, report: Callable[[str], None]) -> None:
    """Carry out one action on one domain. Raises LibvirtFailure with libvirt's words."""
    domains, name = host.domains, action.address.name
    match action:
        case DefineDomain(xml=xml):
            define(host, name, xml)
        case EditDomain(edits=edits):
            define(host, name, edit(domains.get(name).xml, edits))
        case SetDomainMetadata(title=title, description=description, metadata=metadata, osinfo=osinfo):
            domains.set_metadata(name, title=title, description=description, metadata=metadata, osinfo=osinfo)
        case SetVcpus(count=count):
            domains.set_vcpus(name, count)
        case SetMemory(size=size):
            domains.set_memory(name, size)
        case AttachDevice():
            plugging.attach(action, host, report)
        case DetachDevice():
            plugging.detach(action, host, report)
        case UpdateDevice():
            plugging.update(action, host)
        case Tune():
            tuning.tune(action, host)
        case GrowDisk(target=target, capacity=capacity):
            domains.grow_disk(name, target, capacity)
        case StartDomain():
            domains.start(name)
        case WaitForGuest():
            from kvmspec.kinds.domain import readiness

            readiness.wait(action, host, report, started=True)
        case ShutdownDomain():
            _shutdown(action, host, report)
        case PowerOffDomain():
            _if_there(domains.power_off, name)
        case RenameDomain(new_name=new_name):
            domains.rename(name, new_name)
        case ReleaseDomain():
            domains.remove_metadata(name)
        case UndefineDomain():
            _if_there(domains.undefine, name)
        case InstallDomain():
            installer.install(action, host, report)
        case AwaitInstall():
            installer.await_install(action, host, report)
        case AwaitAgent():
            installer.await_agent(action, host, report)
        case FinishInstall():
            installer.finish(action, host)
        case SetAutostart(enabled=enabled):
            domains.set_autostart(name, enabled)
        case _:
            assert_never(action)


def _shutdown(action: ShutdownDomain, host: Host, report: Callable[[str], None]) -> None:
    name = action.address.name
    if host.domains.shutdown(name, action.timeout, report=report):
        return
    if action.force_off:
        host.domains.power_off(name)
        return
    raise LibvirtFailure(
        f"vm/{name} did not shut down within {action.timeout} s; it is left running",
        hint="does the guest react to ACPI, or run the guest agent? `lifecycle.force_off_after` "
        "powers it off",
    )


def _if_there(method: Callable[[str], None], name: str) -> None:
    """For what is to go: gone already is as good."""
    try:
        method(name)
    except Absent:
        return
