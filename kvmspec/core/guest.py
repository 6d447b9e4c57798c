"""What is known of a running guest from outside."""

from __future__ import annotations

from typing import Literal, NamedTuple

Source = Literal["lease", "agent", "arp"]
"""Who says so: the DHCP server of a libvirt network, the guest agent, or the host's ARP table."""


class GuestAddress(NamedTuple):
    """An IP address of a guest, and who says that it has it."""

    mac: str
    address: str
    source: Source

    def __str__(self) -> str:
        return f"{self.address} ({self.source})"
