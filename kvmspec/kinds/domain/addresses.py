"""What is wrong with the addresses that NICs state: where nothing gives them, where they do not fit, and
where two are the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from kvmspec.core.memo import once
from kvmspec.kinds.addresses import Net, by_dhcp, own_address, plain, subnet_of
from kvmspec.kinds.nics import Nic, nic_keys
from kvmspec.kinds.ownership import mac_for
from kvmspec.kinds.reservations import declared, net_of, nics_of
from kvmspec.manifest.section import Finding, Item, Manifest, Path

_HAS_ENDS = 30  # the longest prefix with a network and a broadcast address (RFC 3021)


class Use(NamedTuple):
    """A NIC with an address. `net` is the declared network it is on."""

    item: Item
    position: int
    nic: Nic
    net: Net | None

    @property
    def ip(self) -> str:
        return plain(self.nic.ip or "")

    @property
    def bridge(self) -> str | None:
        """The host's bridge it is on."""
        return self.nic.bridge or (self.net.bridge if self.net else None)

    @property
    def place(self) -> str:
        if self.nic.macvtap:
            return f"host interface {self.nic.macvtap.dev}"
        if self.nic.network or self.nic.bridge:
            return f"network {self.nic.network}" if self.nic.network else f"bridge {self.nic.bridge}"
        return f"an interface of type {self.nic.type}"

    @property
    def told(self) -> str:
        return f"vm/{self.item.name} (networks[{self.position}])"

    @property
    def runs(self) -> bool:
        return bool(getattr(self.item.spec, "state", "") == "running")

    def at(self, field: str = "ip") -> Path:
        return (*self.item.path, "networks", self.position, field)


def addresses(manifest: Manifest) -> Iterator[Finding]:
    """Findings about the addresses of all VMs."""
    uses = [
        Use(item, position, nic, net_of(nic, manifest))
        for item in manifest.of("vm")
        for position, nic in enumerate(nics_of(item))
        if nic.ip is not None
    ]
    for use in uses:
        yield from _given(use)
        yield from _fits(use)
        yield from _beside(use)
        yield from _otherwise(use, manifest)
    yield from _twice(uses, manifest)


# --- who gives it
def _given(use: Use) -> Iterator[Finding]:
    """An address is of use where the network's DHCP gives it, or cloud-init sets it."""
    if by_dhcp(use.nic, use.net):
        return
    if getattr(use.item.spec, "cloud_init", None) is None:
        yield Finding(use.at(), *_nobody(use))
    elif subnet_of(use.nic, use.net) is None:
        hint = f"write it with the prefix of its subnet, such as {use.ip}/24"
        yield Finding(use.at(), f"nothing says in which subnet {use.ip} is", hint)


def _nobody(use: Use) -> tuple[str, str]:
    """Why nothing gives the address, and what would."""
    guest = f"`cloud_init:` to the VM, which sets it in the guest (with its prefix, such as {use.ip}/24)"
    if use.bridge is not None or use.nic.network is None:
        where = f"bridge {use.bridge}" if use.bridge else use.place
        return f"nothing gives {use.ip}: DHCP on {where} is not libvirt's", f"add {guest}"
    if use.net is None:
        return (
            f"{use.place} is not declared here, so its DHCP cannot be told of {use.ip}",
            f"declare it with its `uuid:`, its `subnet:` and `dhcp: {{}}`, or add {guest}",
        )
    if use.net.subnet is None:
        way = "state its `subnet:` and `dhcp: {}`"
    else:
        way, guest = "add `dhcp: {}` to it", "`cloud_init:` to the VM, which sets it in the guest"
    return f"nothing gives {use.ip}: {use.place} has no `dhcp:`", f"{way}, or add {guest}"


# --- whether it fits
def _fits(use: Use) -> Iterator[Finding]:
    subnet = subnet_of(use.nic, use.net)
    if subnet is None:
        return
    wrong = _misfit(use.ip, subnet) or _prefix(use, subnet)
    if wrong is None and use.ip == own_address(use.net):
        wrong = f"{use.ip} is the host's own address on {use.place}"
    if wrong is not None:
        yield Finding(use.at(), wrong, _free(subnet))


def _misfit(ip: str, subnet: IPv4Network) -> str | None:
    address = IPv4Address(ip)
    if address not in subnet:
        return f"{ip} is outside the subnet {subnet}"
    if subnet.prefixlen <= _HAS_ENDS and address == subnet.network_address:
        return f"{ip} is the address of the subnet {subnet} itself"
    if subnet.prefixlen <= _HAS_ENDS and address == subnet.broadcast_address:
        return f"{ip} is the broadcast address of the subnet {subnet}"
    return None


def _prefix(use: Use, subnet: IPv4Network) -> str | None:
    prefix = (use.nic.ip or "").partition("/")[2]
    if prefix and int(prefix) != subnet.prefixlen:
        return f"the prefix /{prefix} is not that of {use.place}, {subnet}"
    return None


def _free(subnet: IPv4Network) -> str:
    if subnet.prefixlen > _HAS_ENDS:
        return ""
    first, last = subnet.network_address + 1, subnet.broadcast_address - 1
    return f"choose one from {first} to {last} that nobody else has, with /{subnet.prefixlen} or without"


def _beside(use: Use) -> Iterator[Finding]:
    """`gateway` and `nameservers`, which only cloud-init can set."""
    for field in ("gateway", "nameservers"):
        if getattr(use.nic, field) and by_dhcp(use.nic, use.net):
            message = f"`{field}` has no effect: DHCP of {use.place} gives the guest its own"
            yield Finding(use.at(field), message, "take it out")
    subnet, gateway = subnet_of(use.nic, use.net), use.nic.gateway
    if gateway is None or subnet is None or by_dhcp(use.nic, use.net):
        return
    wrong = _misfit(gateway, subnet) or (f"{gateway} is the VM's own address" if gateway == use.ip else None)
    if wrong:
        yield Finding(use.at("gateway"), wrong, "state the router's address in the subnet of `ip`")


# --- whether it is there once
class _First(NamedTuple):
    told: str
    path: Path
    runs: bool = False
    mac: str | None = None


_Key = tuple[str, str, str]
"""(host, network or bridge, address). Networks of one name on two hosts are two; behind bridges of one
name is one LAN, as far as anyone can tell."""


def _twice(uses: list[Use], manifest: Manifest) -> Iterator[Finding]:
    seen: dict[_Key, _First] = dict(_reserved(manifest))
    for use in uses:
        place = use.nic.network or use.place
        key = ("", use.bridge, use.ip) if use.bridge else (use.item.hosts[0], place, use.ip)
        mine = _First(use.told, use.item.path, use.runs, _mac(use, manifest))
        first = seen.setdefault(key, mine)
        if first is mine or (first.mac == mine.mac and not first.runs and first.path[0] == "networks"):
            continue
        hint = "choose another address"
        if first.path == mine.path:
            hint = f'every VM of a count needs its own: write `${{index}}` in it, such as "{_indexed(use)}"'
        yield Finding(
            use.at(),
            f"the address {use.ip} is used twice on {use.place}: by {first.told} and {mine.told}",
            hint,
            warning=not (first.runs or mine.runs),
        )


def _reserved(manifest: Manifest) -> Iterator[tuple[_Key, _First]]:
    for name, (item, net) in declared(manifest).items():
        for position, entry in enumerate(net.dhcp.hosts if net.dhcp else ()):
            first = _First(f"{name}.dhcp.hosts[{position}]", item.path, mac=entry.mac)
            yield from (((host, name, entry.ip), first) for host in item.hosts)


def _otherwise(use: Use, manifest: Manifest) -> Iterator[Finding]:
    """The network's own `dhcp.hosts` come first: one may give the NIC another address."""
    mac = _mac(use, manifest)
    position, ip = _own(manifest).get((use.nic.network or "", mac), (0, use.ip))
    if ip != use.ip:
        where = f"{use.nic.network}.dhcp.hosts[{position}]"
        yield Finding(use.at(), f"{where} gives {ip} to this NIC, {mac}", "take out one of them")


@once
def _own(manifest: Manifest) -> Mapping[tuple[str, str], tuple[int, str]]:
    """(network, MAC) → position and address of the networks' own reservations."""
    return {
        (name, entry.mac): (position, entry.ip)
        for name, (_, net) in declared(manifest).items()
        for position, entry in enumerate(net.dhcp.hosts if net.dhcp else ())
    }


def _mac(use: Use, manifest: Manifest) -> str:
    key = nic_keys(nics_of(use.item))[use.position]
    return use.nic.mac or mac_for(manifest.project, use.item.name, key)


def _indexed(use: Use) -> str:
    """`192.168.150.10` → `192.168.150.1${index}`."""
    before, _, _ = use.ip.rpartition(".")
    _, slash, prefix = (use.nic.ip or "").partition("/")
    return f"{before}.1${{index}}{slash}{prefix}"
