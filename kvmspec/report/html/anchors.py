"""What an object is called in the page's address: `#hv1/vm/web-1`."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from kvmspec.core.address import Address
from kvmspec.report.values import clean


class Anchors:
    """One id for each of the objects that the page has; they stay the same from plan to plan."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._ids: dict[Address, str] = {}
        taken: set[str] = set()
        for address in dict.fromkeys(addresses):
            wanted = name = quote(clean(str(address)), safe="/")
            number = 1
            while name in taken:  # names that differ only in what is not shown
                number += 1
                name = f"{wanted}~{number}"
            taken.add(name)
            self._ids[address] = name

    def __getitem__(self, address: Address) -> str:
        """The id; "" for what is not in the page."""
        return self._ids.get(address, "")
