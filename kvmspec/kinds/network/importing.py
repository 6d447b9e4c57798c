"""libvirt's XML of a network → its entry in the manifest."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from kvmspec.adapters.jinja import Renderer
from kvmspec.kinds.importing.literal import Named, literal
from kvmspec.kinds.importing.naming import named
from kvmspec.kinds.importing.prove import parsed, proved
from kvmspec.kinds.importing.short import shortened
from kvmspec.kinds.network.show import DNSMASQ
from kvmspec.kinds.network.spec import NetworkSpec
from kvmspec.kinds.ports import show_burst, show_rate

Data = dict[str, Any]
_MODES = {"hostdev": "sriov", "none": "isolated"}
_MACVTAPS = ("vepa", "private", "passthrough")
_LEASE = {"seconds": "s", "minutes": "m", "hours": "h"}


def import_network(xml: str, renderer: Renderer) -> Named:
    """One network, from libvirt's dump of it.

    Raises xml.etree.ElementTree.ParseError on broken XML, ValueError on what no network can be made of.
    """
    root = plain(parsed(xml))
    name = named(root, "network")

    def render(spec: NetworkSpec) -> str:
        return renderer.render("network.xml.j2", name=name, uuid=str(spec.uuid or ""), net=spec)

    draft, _, fragment = proved(_draft(root), root, NetworkSpec, render)
    entry: Data = shortened(NetworkSpec, draft)
    return Named(name, literal(entry | ({"xml": fragment} if fragment else {})))


def plain(root: ET.Element) -> ET.Element:
    """Without what only a running network has, and what libvirt gives again by itself."""
    root.attrib.pop("connections", None)
    for node in (*root.findall("forward/interface"), *root.findall("forward/address")):
        node.attrib.pop("connections", None)
    forward, bridge = root.find("forward"), root.find("bridge")
    if forward is not None:
        forward.attrib.pop("dev", None)  # the first of its interfaces, again
        for nat in forward.findall("nat"):
            for port in nat.findall("port"):
                if port.attrib == {"start": "1024", "end": "65535"}:
                    nat.remove(port)
            if not len(nat) and not nat.attrib:
                forward.remove(nat)
    for node in root.findall("dns"):
        if not len(node) and not node.attrib:
            root.remove(node)
    if bridge is not None:
        for attribute, usual in (("stp", "on"), ("delay", "0")):
            if bridge.get(attribute) == usual:
                del bridge.attrib[attribute]
        if not bridge.attrib:
            root.remove(bridge)
    return root


def _draft(root: ET.Element) -> Data:
    found: Data = {"uuid": root.findtext("uuid")} | _forward(root) | _bridge(root)
    found |= _addresses(root)
    found |= {
        "mac": _get(root, "mac", "address"),
        "mtu": _number(_get(root, "mtu", "size")),
        "domain": _said(
            {"name": _get(root, "domain", "name"), "local_only": _yes(root, "domain", "localOnly")}
        ),
        "dns": _dns(root),
        "guest_ipv6": _yes(root, ".", "ipv6"),
        "trust_guest_rx_filters": _yes(root, ".", "trustGuestRxFilters"),
        "isolated_ports": _yes(root, "port", "isolated"),
        "routes": [_route(node) for node in root.findall("route")],
        "bandwidth": _bandwidth(root),
        "vlan": _vlan(root),
        "virtualport": _virtualport(root),
        "portgroups": {str(node.get("name")): _portgroup(node) for node in root.findall("portgroup")},
        "dnsmasq_options": [node.get("value") for node in root.findall(f"{DNSMASQ}options/{DNSMASQ}option")],
    }
    return {
        key: value
        for key, value in found.items()
        if value not in (None, [], {}) or (key, value) == ("dhcp", {})
    }


def _forward(root: ET.Element) -> Data:
    forward = root.find("forward")
    if forward is None:
        return {"mode": "isolated"}
    mode = forward.get("mode", "nat")
    devices = [node.get("dev") for node in forward.findall("interface")]
    found: Data = {"mode": _MODES.get(mode, mode), "managed": _yes(root, "forward", "managed")}
    found |= {"driver": _get(root, "forward/driver", "name"), "pf": _get(root, "forward/pf", "dev")}
    if mode in _MACVTAPS or (mode == "bridge" and _get(root, "bridge", "name") is None):
        found |= {"mode": "macvtap", "macvtap_mode": mode if mode != "bridge" else None}
    if found["mode"] in ("nat", "route"):
        found["dev"] = devices[0] if devices else None
    else:
        found["interfaces"] = devices
    found["devices"] = [_pci(node) for node in forward.findall("address")]
    found["nat"] = _nat(root)
    if found["mode"] == "nat":
        del found["mode"]
    return found


def _pci(node: ET.Element) -> str:
    parts = (("domain", 4), ("bus", 2), ("slot", 2), ("function", 1))
    domain, bus, slot, function = (f"{int(node.get(part) or '0', 0):0{size}x}" for part, size in parts)
    return f"{domain}:{bus}:{slot}.{function}"


def _nat(root: ET.Element) -> Data:
    def span(tag: str, value: Any) -> Data:
        node = root.find(f"forward/nat/{tag}")
        return {} if node is None else {end: value(node.get(end)) for end in ("start", "end")}

    found = {"ports": span("port", _number), "addresses": span("address", str)}
    return _said(found | {"ipv6": _yes(root, "forward/nat", "ipv6")})


def _bridge(root: ET.Element) -> Data:
    delay = _get(root, "bridge", "delay")
    return {
        "bridge": _get(root, "bridge", "name"),
        "stp": _yes(root, "bridge", "stp"),
        "delay": None if delay is None else f"{delay}s",
        "zone": _get(root, "bridge", "zone"),
        "mac_table": _get(root, "bridge", "macTableManager"),
    }


# --- addresses
def _addresses(root: ET.Element) -> Data:
    """The first IPv4 address is the network's, and an IPv6 address that follows; all others are further
    ones."""
    found: Data = {}
    nodes = root.findall("ip")
    form = _form(nodes[0]) if nodes else None
    if form is not None:
        found |= _ipv4(nodes.pop(0)) | ({"mask": form} if form == "prefix" else {})
    if nodes and nodes[0].get("family") == "ipv6" and "prefix" in nodes[0].attrib:
        found["ipv6"] = _ipv6(nodes.pop(0))
    return found | {"addresses": [_interface(node) for node in nodes]}


def _form(node: ET.Element) -> str | None:
    """How an IPv4 address is written; None for another way, or another family."""
    forms = {(None, "netmask"): "netmask", ("ipv4", "prefix"): "prefix"}
    return next((form for (family, name), form in forms.items()
                 if node.get("family") == family and name in node.attrib), None)  # fmt: skip


def _interface(node: ET.Element) -> str:
    mask = node.get("netmask") or node.get("prefix")
    return f"{node.get('address')}/{mask}" if mask else str(node.get("address"))


def _ipv4(node: ET.Element) -> Data:
    own = IPv4Interface(_interface(node))
    found: Data = {"subnet": str(own.network), "local_ptr": _yes(node, ".", "localPtr")}
    if own.ip != own.network.network_address + 1:
        found["gateway"] = str(own.ip)
    dhcp = node.find("dhcp")
    if dhcp is not None:
        found["dhcp"] = _dhcp(dhcp)
    if (root := _get(node, "tftp", "root")) is not None:
        found["dhcp"] = found.get("dhcp", {}) | {"tftp": root}
    return found


def _dhcp(node: ET.Element) -> Data:
    ranges = [_leased(each, "start", "end") for each in node.findall("range")]
    bootp = node.find("bootp")
    return (ranges[0] if ranges else {}) | _said(
        {
            "ranges": ranges[1:],
            "hosts": [_leased(each, "mac", "ip", "name") for each in node.findall("host")],
            "bootp": {} if bootp is None else {**bootp.attrib},
        }
    )


def _ipv6(node: ET.Element) -> Data:
    own = IPv6Interface(_interface(node))
    found: Data = {"subnet": str(own.network), "local_ptr": _yes(node, ".", "localPtr")}
    if own.ip != own.network.network_address + 1:
        found["gateway"] = str(node.get("address"))
    if (dhcp := node.find("dhcp")) is not None:
        ranges = [_leased(each, "start", "end") for each in dhcp.findall("range")]
        hosts = [_leased(each, "id", "ip", "name") for each in dhcp.findall("host")]
        found["dhcp"] = (ranges[0] if ranges else {}) | _said({"hosts": hosts})
    return _said(found)


def _leased(node: ET.Element, *names: str) -> Data:
    lease = node.find("lease")
    found: Data = {name: node.get(name) for name in names}
    if lease is not None:
        expiry, unit = lease.get("expiry"), lease.get("unit", "minutes")
        found["lease"] = "infinite" if expiry == "0" else f"{expiry}{_LEASE.get(unit, unit)}"
    return _said(found)


def _route(node: ET.Element) -> Data:
    mask = node.get("netmask") or node.get("prefix")
    found = {"to": f"{node.get('address')}/{mask}", "via": node.get("gateway")}
    return _said(found | {"metric": _number(node.get("metric"))})


# --- names
def _dns(root: ET.Element) -> Data:
    node = root.find("dns")
    if node is None:
        return {}
    numbers = ("port", "priority", "weight")
    return _said(
        {
            "enabled": _yes(root, "dns", "enable"),
            "forward_plain_names": _yes(root, "dns", "forwardPlainNames"),
            "hosts": {h.get("ip"): [n.text for n in h.findall("hostname")] for h in node.findall("host")},
            "txt": {each.get("name"): each.get("value") for each in node.findall("txt")},
            "srv": [
                {key: _number(value) if key in numbers else value for key, value in each.attrib.items()}
                for each in node.findall("srv")
            ],
            "forwarders": [{**each.attrib} for each in node.findall("forwarder")],
        }
    )


# --- ports
def _bandwidth(node: ET.Element) -> Data:
    found: Data = {}
    for way in ("inbound", "outbound"):
        if (limits := node.find(f"bandwidth/{way}")) is not None:
            found[way] = {
                name: show_burst(int(value)) if name == "burst" else show_rate(int(value))
                for name, value in limits.attrib.items()
                if value.isdecimal()
            }
    return found


def _vlan(node: ET.Element) -> Data:
    vlan = node.find("vlan")
    if vlan is None:
        return {}
    tags = [_number(tag.get("id")) for tag in vlan.findall("tag")]
    if len(tags) == 1 and vlan.get("trunk") != "yes":
        return {"tag": tags[0]}
    native = [tag for tag in vlan.findall("tag") if tag.get("nativeMode")]
    found: Data = {"trunk": tags}
    if native:
        found |= {"native": _number(native[0].get("id")), "native_mode": native[0].get("nativeMode")}
        if found["native_mode"] == "untagged":
            del found["native_mode"]
    return found


def _virtualport(node: ET.Element) -> Data:
    port = node.find("virtualport")
    if port is None:
        return {}
    found: Data = {"type": port.get("type")}
    for name, value in _attributes(port.find("parameters")):
        field = _PORT.get(name, name)
        found[field] = int(value, 0) if field in _NUMBERS and value else value
    return _said(found)


_PORT = {
    "profileid": "profile",
    "interfaceid": "interface_id",
    "managerid": "manager_id",
    "typeid": "type_id",
    "typeidversion": "type_version",
    "instanceid": "instance_id",
}
_NUMBERS = ("manager_id", "type_id", "type_version")


def _portgroup(node: ET.Element) -> Data:
    found: Data = {"default": True} if node.get("default") == "yes" else {}
    found["trust_guest_rx_filters"] = _yes(node, ".", "trustGuestRxFilters")
    return _said(
        found | {"vlan": _vlan(node), "bandwidth": _bandwidth(node), "virtualport": _virtualport(node)}
    )


# --- small things
def _attributes(node: ET.Element | None) -> Iterable[tuple[str, str]]:
    return () if node is None else node.attrib.items()


def _get(root: ET.Element, path: str, name: str) -> str | None:
    node = root.find(path)
    return node.get(name) if node is not None else None


def _yes(root: ET.Element, path: str, name: str) -> bool | None:
    return {"yes": True, "on": True, "no": False, "off": False}.get(_get(root, path, name) or "")


def _number(text: str | None) -> int | None:
    with suppress(ValueError, TypeError):
        return int(text or "", 0)
    return None


def _said(found: Data) -> Data:
    return {key: value for key, value in found.items() if value not in (None, [], {}, "")}
