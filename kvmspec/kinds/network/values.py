"""Values of a network: names, addresses of either family, rates; and a text that DNS answers with."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from kvmspec.manifest.types import parse_duration, words

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_LINK = re.compile(r"[A-Za-z0-9_.@-]{1,15}")  # the kernel's IFNAMSIZ less the final zero
_SERVICE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_GROUP = re.compile(r"[A-Za-z0-9_.-]{1,63}")  # libvirt's schema: a deviceName
_MIN_LEASE = 120  # libvirt's own limit: "The minimum lease time should be greater than 2 minutes"
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")
_DUID = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2})*")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,255}")


def _dns_name(value: Any) -> str:
    if isinstance(value, str) and _DNS_NAME.fullmatch(value):
        return value
    raise PydanticCustomError("dns_name", "expected a DNS name such as gw.shop.lan")


def _bridge(value: Any) -> str:
    if isinstance(value, str) and _LINK.fullmatch(value) and value not in (".", ".."):
        return value
    raise PydanticCustomError(
        "bridge", "expected the name of a bridge of the host, such as br0 (at most 15 characters)"
    )


def _device(value: Any) -> str:
    if isinstance(value, str) and _LINK.fullmatch(value) and value not in (".", ".."):
        return value
    raise PydanticCustomError(
        "device", "expected the name of a network interface of the host, such as eno1 (at most 15 characters)"
    )


def _group(value: Any) -> str:
    if isinstance(value, str) and _GROUP.fullmatch(value):
        return value
    raise PydanticCustomError("portgroup", "a portgroup's name is 1 to 63 letters, digits, `_`, `.` or `-`")


def _service(value: Any) -> str:
    if isinstance(value, str) and _SERVICE.fullmatch(value):
        return value
    raise PydanticCustomError("service", "expected a service such as ldap, without its underscore")


def _txt(value: Any) -> str:
    """libvirt 9.0 writes it into dnsmasq's file as it is: a line break would begin another option."""
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return value
    raise PydanticCustomError("txt", "expected 1 to 255 characters on one line")


def _duid(value: Any) -> str:
    if isinstance(value, str) and _DUID.fullmatch(value):
        return value
    raise PydanticCustomError("duid", "expected a DUID, such as 0:3:0:1:52:54:0:0:0:a")


def _option(value: Any) -> str:
    if isinstance(value, str) and _LINE.fullmatch(value):
        return value
    raise PydanticCustomError("option", "expected a line of dnsmasq's configuration")


def _address(value: Any) -> str:
    try:
        return str(ip_address(value if isinstance(value, str) else "?"))
    except ValueError:
        raise PydanticCustomError("ip", "expected an IP address such as 9.9.9.9 or fd00::9") from None


def _subnet(value: Any) -> str:
    try:
        return str(ip_network(value if isinstance(value, str) and "/" in value else "?"))
    except ValueError as error:
        why = "; the host bits must be zero" if "host bits" in str(error) else ""
        raise PydanticCustomError(
            "subnet", "expected a subnet such as 10.80.0.0/16 or fd01::/64{why}", {"why": why}
        ) from None


def _route(value: Any) -> str:
    """libvirt keeps a dotted mask as it is given, so it stays as it is written."""
    text = value if isinstance(value, str) and "/" in value else "?"
    try:
        ip_network(text)
    except ValueError as error:
        why = "; the host bits must be zero" if "host bits" in str(error) else ""
        raise PydanticCustomError(
            "subnet", "expected a subnet such as 10.80.0.0/16 or fd01::/64{why}", {"why": why}
        ) from None
    return text if "." in text.partition("/")[2] else str(ip_network(text))


def _interface(value: Any) -> str:
    """libvirt keeps a dotted mask, or none, as it is given; so it stays as it is written."""
    try:
        ip_interface(value if isinstance(value, str) else "?")
    except ValueError:
        raise PydanticCustomError(
            "address", "expected an address with its prefix, such as 10.81.0.1/24 or fd01::1/64"
        ) from None
    return str(value)


def _lease(value: Any) -> str:
    if value == "infinite":
        return "infinite"
    if parse_duration(value) < _MIN_LEASE:
        raise PydanticCustomError("lease", "a lease must last at least 2 minutes")
    return str(value)


def _ipv6(value: Any) -> str:
    try:
        return str(IPv6Address(value if isinstance(value, str) else "?"))
    except ValueError:
        raise PydanticCustomError("ipv6", "expected an IPv6 address such as fd00:150::1") from None


def _subnet6(value: Any) -> str:
    try:
        return str(IPv6Network(value if isinstance(value, str) and "/" in value else "?"))
    except ValueError as error:
        why = "; the host bits must be zero" if "host bits" in str(error) else ""
        raise PydanticCustomError(
            "subnet6", "expected an IPv6 subnet such as fd00:150::/64{why}", {"why": why}
        ) from None


def _text(example: str, brief: str, text: str, *more: str) -> Any:
    return words({"type": "string", "examples": [example, *more]}, brief, text)


DnsName = Annotated[
    str,
    BeforeValidator(_dns_name),
    _text("gw.shop.lan", "DNS name", "a DNS name, such as gw.shop.lan"),
]
BridgeName = Annotated[
    str,
    BeforeValidator(_bridge),
    _text("br0", "bridge", "the name of a bridge, at most 15 characters"),
]
DeviceName = Annotated[
    str,
    BeforeValidator(_device),
    _text("eno1", "interface", "the name of an interface of the host, at most 15 characters"),
]
GroupName = Annotated[
    str, BeforeValidator(_group), _text("web", "name", "a name: letters, digits, `_`, `.` or `-`", "db")
]
ServiceName = Annotated[
    str, BeforeValidator(_service), _text("ldap", "service", "a service, without its underscore")
]
ServiceTarget = Annotated[
    str,
    BeforeValidator(lambda value: value if value == "." else _dns_name(value)),
    _text("dc.shop.lan", "DNS name", "a DNS name, or `.`"),
]
TxtValue = Annotated[
    str, BeforeValidator(_txt), _text("v=spf1 -all", "text", "text on one line, at most 255 characters")
]
Address = Annotated[str, BeforeValidator(_address), _text("9.9.9.9", "IP address", "an IPv4 or IPv6 address")]
AnySubnet = Annotated[
    str, BeforeValidator(_subnet), _text("10.80.0.0/16", "subnet", "an IPv4 or IPv6 subnet")
]
IPv6 = Annotated[str, BeforeValidator(_ipv6), _text("fd00:150::1", "IPv6 address", "an IPv6 address")]
Subnet6 = Annotated[
    str,
    BeforeValidator(_subnet6),
    _text("fd00:150::/64", "IPv6 subnet", "an IPv6 subnet, such as fd00:150::/64"),
]
RouteTarget = Annotated[
    str, BeforeValidator(_route), _text("10.80.0.0/16", "subnet", "an IPv4 or IPv6 subnet")
]
Interface = Annotated[
    str,
    BeforeValidator(_interface),
    _text("10.81.0.1/24", "address", "an IPv4 or IPv6 address with its prefix"),
]
Duid = Annotated[str, BeforeValidator(_duid), _text("0:3:0:1:52:54:0:0:0:a", "DUID", "a DUID")]
Lease = Annotated[
    str,
    BeforeValidator(_lease),
    _text("12h", "duration", "a duration of 2m or more, or `infinite`"),
]
Option = Annotated[
    str,
    BeforeValidator(_option),
    _text("dhcp-option=42,192.168.150.1", "option", "a line of dnsmasq's configuration"),
]
PciAddress = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$",
        json_schema_extra={
            "x-type": ["PCI address", "a PCI address of the host"],
            "examples": ["0000:03:10.1"],
        },
    ),
]
