"""What a rule may say of a packet, and how libvirt writes it.

The names are libvirt's own (https://libvirt.org/formatnwfilter.html), with `_` where it has `-`. Values are
brought into one form, so that `0x800`, `2048` and `ipv4` are equal, as they are to libvirt (measured on 9.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

_VARIABLE = re.compile(r"\$\s*[A-Za-z0-9_]+(\[\s*@?\d+\s*\])?\s*")
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(:[0-9A-Fa-f]{1,2}){5}")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]+|\d+")
_SET = re.compile(r"[A-Za-z0-9_.:+-]{1,31}")
_ETHERNET = {0x800: "ipv4", 0x806: "arp", 0x8035: "rarp", 0x86DD: "ipv6", 0x8100: "vlan"}
_IP = {
    1: "icmp",
    2: "igmp",
    6: "tcp",
    17: "udp",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    132: "sctp",
    136: "udplite",
}
_ARP = dict(
    enumerate(
        (
            "Request",
            "Reply",
            "Request_Reverse",
            "Reply_Reverse",
            "DRARP_Request",
            "DRARP_Reply",
            "DRARP_Error",
            "InARP_Request",
            "ARP_NAK",
        ),
        1,
    )
)
_STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID")
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")


class BadValue(ValueError):
    """A value that libvirt would not take; the text says what is expected."""


# --- one value, in one form
def _mac(text: str) -> str:
    if not _MAC.fullmatch(text):
        raise BadValue("a MAC address, or a variable such as $MAC")
    return ":".join(f"{int(part, 16):02x}" for part in text.split(":"))


def _address(text: str) -> str:
    try:
        return str(ip_address(re.sub(r"\b0+(?=\d)", "", text) if ":" not in text else text))
    except ValueError:
        raise BadValue("an IP address, or a variable such as $IP") from None


def _mask(text: str) -> str:
    """A mask, or a prefix."""
    if text.isdigit() and int(text) <= 128:
        return str(int(text))
    try:
        if ":" not in text:
            return str(ip_network(f"0.0.0.0/{text}").prefixlen)
        bits = f"{int(ip_address(text)):b}"
    except ValueError:
        bits = "01"
    if "01" in bits:
        raise BadValue("a prefix such as 24, or a mask such as 255.255.255.0")
    return str(bits.count("1"))


def _number(most: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        number = int(text, 16 if text.lower().startswith("0x") else 10) if _NUMBER.fullmatch(text) else -1
        if not 0 <= number <= most:
            raise BadValue(f"a number up to {most}, or a variable such as $PORT")
        return str(number)

    return read


def _named(names: Mapping[int, str], most: int) -> Callable[[str], str]:
    known, number = {name.lower(): name for name in names.values()}, _number(most)

    def read(text: str) -> str:
        if text.lower() in known:
            return known[text.lower()]
        try:
            found = number(text)
        except BadValue:
            raise BadValue(f"a number up to {most}, or {', '.join(names.values())}") from None
        return names.get(int(found), found)

    return read


def _boolean(text: str) -> str:
    if text.lower() not in ("yes", "no", "true", "false", "1", "0"):
        raise BadValue("true or false")
    return "true" if text.lower() in ("yes", "true", "1") else "false"


def _words(known: tuple[str, ...], alone: tuple[str, ...] = ()) -> Callable[[str], str]:
    """Several words, in libvirt's order."""

    def read(text: str) -> str:
        given = text.upper().split(",")
        if len(given) == 1 and given[0] in alone:
            return given[0]
        if not set(given) <= set(known):
            raise BadValue(f"some of {', '.join((*known, *alone))}, with commas between them")
        return ",".join(word for word in known if word in given)

    return read


def _tcp_flags(text: str) -> str:
    mask, slash, flags = text.partition("/")
    if not slash:
        raise BadValue("the flags that are looked at and those that are set, as in SYN/SYN,ACK")
    read = _words(_FLAGS, ("ALL", "NONE"))
    return f"{read(mask)}/{read(flags)}"


def _set_name(text: str) -> str:
    if not _SET.fullmatch(text):
        raise BadValue("the name of an ipset of the host")
    return text


def _set_flags(text: str) -> str:
    given = text.lower().split(",")
    if not set(given) <= {"src", "dst"} or len(given) > 6:
        raise BadValue("`src` and `dst`, with commas between them")
    return ",".join(given)


def _comment(text: str) -> str:
    if len(text) > 256:
        raise BadValue("a text of at most 256 characters")
    return text


Reader = Callable[[str], str]
_BYTE, _WORD, _LONG = _number(0xFF), _number(0xFFFF), _number(0xFFFFFFFF)
_L2: dict[str, Reader] = {f"{end}mac{what}": _mac for end in ("src", "dst") for what in ("addr", "mask")}
_IPS: dict[str, Reader] = {
    f"{end}ip{what}": read for end in ("src", "dst") for what, read in (("addr", _address), ("mask", _mask))
}
_RANGES: dict[str, Reader] = {f"{end}ip{what}": _address for end in ("src", "dst") for what in ("from", "to")}
_PORTS: dict[str, Reader] = {f"{end}port{what}": _WORD for end in ("src", "dst") for what in ("start", "end")}
_MORE: dict[str, Reader] = {
    "dscp": _number(63),
    "connlimit_above": _WORD,
    "state": _words(_STATES, ("NONE",)),
    "ipset": _set_name,
    "ipsetflags": _set_flags,
}
_L3: dict[str, Reader] = {"srcmacaddr": _mac} | _IPS | _RANGES | _MORE
_L4 = _L3 | _PORTS
_ICMP: dict[str, Reader] = {"type": _BYTE, "code": _BYTE}
_ARPS: dict[str, Reader] = _L2 | {
    "hwtype": _WORD,
    "protocoltype": _WORD,
    "opcode": _named(_ARP, 0xFFFF),
    "arpsrcmacaddr": _mac,
    "arpdstmacaddr": _mac,
    "arpsrcipaddr": _address,
    "arpsrcipmask": _mask,
    "arpdstipaddr": _address,
    "arpdstipmask": _mask,
    "gratuitous": _boolean,
}
_STP_NUMBERS = ("root_priority", "sender_priority", "port", "age", "max_age", "hello_time", "forward_delay")
_STP: dict[str, Reader] = (
    {"srcmacaddr": _mac, "srcmacmask": _mac, "type": _BYTE, "flags": _BYTE}
    | {f"{end}_address{mask}": _mac for end in ("root", "sender") for mask in ("", "_mask")}
    | {f"{name}{high}": _WORD for name in _STP_NUMBERS for high in ("", "_hi")}
    | {"root_cost": _LONG, "root_cost_hi": _LONG}
)
_IP_LAYER: dict[str, Reader] = _L2 | _IPS | _PORTS | {"protocol": _named(_IP, 0xFF)}

_PROTOCOLS: Mapping[str, Mapping[str, Reader]] = {
    "mac": _L2 | {"protocolid": _named(_ETHERNET, 0xFFFF)},
    "vlan": _L2 | {"vlanid": _number(4095), "encap_protocol": _named(_ETHERNET, 0xFFFF)},
    "stp": _STP,
    "arp": _ARPS,
    "rarp": _ARPS,
    "ip": _IP_LAYER | {"dscp": _number(63)},
    "ipv6": _IP_LAYER | _ICMP | {"typeend": _BYTE, "codeend": _BYTE},
    "tcp": _L4 | {"flags": _tcp_flags},
    "udp": _L4,
    "sctp": _L4,
    "icmp": _L3 | _ICMP,
    "icmpv6": _L3 | _ICMP,
    **dict.fromkeys(("igmp", "all", "esp", "ah", "udplite"), _L3),
    "tcp-ipv6": _L4 | {"flags": _tcp_flags},
    "udp-ipv6": _L4,
    "sctp-ipv6": _L4,
    **{f"{name}-ipv6": _L3 for name in ("all", "esp", "ah", "udplite")},
}
"""What a rule may say of a packet of each protocol."""

PROTOCOLS = tuple(_PROTOCOLS)


def known(protocol: str) -> frozenset[str]:
    """The names that a rule on `protocol` may use."""
    return frozenset({*_PROTOCOLS[protocol], "comment"})


def normal(protocol: str, name: str, value: Any) -> str:
    """A value as libvirt keeps it, numbers as decimals. Raises BadValue."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if name == "comment":
        return _comment(text)
    if text.startswith("$"):
        if not _VARIABLE.fullmatch(text):
            raise BadValue("a variable such as $IP, $IP[1] or $IP[@1]")
        return "".join(text.split())
    return _PROTOCOLS[protocol][name](text)
