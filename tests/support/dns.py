"""One question to a DNS server; also a program: ``dns.py SERVER NAME TYPE`` prints one answer a line."""

from __future__ import annotations

import socket
import struct
import sys

TYPES = {"A": 1, "TXT": 16, "SRV": 33}


def ask(server: str, name: str, kind: str, timeout: float = 5) -> list[str]:
    """The answers: of TXT its text, of SRV ``priority weight port target``, of A its address.

    Raises TimeoutError where nobody answers.
    """
    query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + _written(name) + struct.pack(">2H", TYPES[kind], 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(timeout)
        udp.sendto(query, (server, 53))
        reply = udp.recv(4096)
    count, at, found = struct.unpack(">H", reply[6:8])[0], len(query), []
    for _ in range(count):
        _, at = _name(reply, at)
        this, _, _, length = struct.unpack(">HHIH", reply[at : at + 10])
        at += 10
        if this == TYPES[kind]:
            found.append(_answer(reply, at, length, kind))
        at += length
    return sorted(found)


def _answer(reply: bytes, at: int, length: int, kind: str) -> str:
    if kind == "A":
        return socket.inet_ntoa(reply[at : at + 4])
    if kind == "SRV":
        return f"{' '.join(map(str, struct.unpack('>3H', reply[at : at + 6])))} {_name(reply, at + 6)[0]}"
    end, parts = at + length, []
    while at < end:
        parts.append(reply[at + 1 : at + 1 + reply[at]].decode())
        at += 1 + reply[at]
    return "|".join(parts)


def _written(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def _name(reply: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, and where it ends; a name may go on elsewhere."""
    parts: list[str] = []
    end = 0
    while reply[at]:
        if reply[at] >= 0xC0:
            end = end or at + 2
            at = struct.unpack(">H", reply[at : at + 2])[0] & 0x3FFF
            continue
        parts.append(reply[at + 1 : at + 1 + reply[at]].decode())
        at += 1 + reply[at]
    return ".".join(parts), end or at + 1


if __name__ == "__main__":
    sys.stdout.write("\n".join(ask(*sys.argv[1:4])) + "\n")
