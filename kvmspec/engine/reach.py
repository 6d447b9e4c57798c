"""One VM of the manifest, found by what a person calls it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from kvmspec.adapters.libvirt import Host
from kvmspec.core.address import Address
from kvmspec.core.errors import Absent, KvmspecError, LibvirtFailure, UsageError
from kvmspec.core.guest import GuestAddress
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.manifest.section import Manifest


@dataclass(frozen=True)
class Reached:
    """A VM, and the host it is on. `label` is what messages call it."""

    address: Address
    spec: VmSpec
    host: Host

    @property
    def name(self) -> str:
        return self.address.name

    def must_run(self) -> str:
        """Its UUID. Raises LibvirtFailure where it is not there or does not run."""
        try:
            uuid = self.host.guests.uuid(self.name)
        except Absent:
            hint = "`kvmspec apply` creates it"
            raise LibvirtFailure(f"vm/{self.name} is not on {self.host.name} yet", hint=hint) from None
        if state := self.host.guests.stopped(self.name):
            hint = "`kvmspec apply` starts it" if self.spec.state == "running" else "it is not to run"
            raise LibvirtFailure(f"vm/{self.name} is {state}", hint=hint)
        return uuid

    def best_address(self) -> GuestAddress:
        """The address to connect to. Raises KvmspecError with what to do where there is none."""
        if found := self.host.guests.addresses(self.name):
            return found[0]
        raise KvmspecError(
            f"no address of vm/{self.name} is known: no DHCP lease, no guest agent that tells, "
            "nothing in the ARP table",
            hint=f"if it is still booting: `kvmspec wait {self.name}`; "
            f"`kvmspec console {self.name}` needs no address",
        )


def find(manifest: Manifest, wanted: str) -> Address:
    """The address of `web-1` or `hv1/web-1`. Raises UsageError with the nearest name."""
    known = [Address(host, "vm", item.name) for item in manifest.of("vm") for host in item.hosts]
    matching = [a for a in known if wanted in (a.name, f"{a.host}/{a.name}", a.short, str(a))]
    if len(matching) == 1:
        return matching[0]
    if matching:
        names = ", ".join(f"{a.host}/{a.name}" for a in matching)
        raise UsageError(f"there are several VMs called {wanted}", hint=f"say which: {names}")
    raise UsageError(f"the manifest has no VM called {wanted!r}", hint=_near(manifest, known, wanted))


def _near(manifest: Manifest, known: Iterable[Address], wanted: str) -> str:
    counted = [i.name for i in manifest.of("vm") if i.path[-1] == wanted]
    names = [a.name for a in known]
    if counted:
        return f"it is counted: {', '.join(counted[:5])}"
    if near := get_close_matches(wanted.rpartition("/")[2], names, 1):
        return f"did you mean {near[0]}?"
    return f"it has {', '.join(names[:8])}" if names else "it has none"
