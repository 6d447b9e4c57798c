"""Where an object lives and what it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The identity of one object: `host/kind/name`.

    kind is `vm`, `network`, `pool` or `volume`; a volume's name is `pool/volume`.
    """

    host: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """`host/kind/name` as an address. Raises ValueError."""
        host, kind, name = text.split("/", 2)
        return cls(host, kind, name)

    @property
    def short(self) -> str:
        """`kind/name`, as users write it in `--target`."""
        return f"{self.kind}/{self.name}"

    @property
    def leaf(self) -> str:
        """The name without the pool of a volume."""
        return self.name.rpartition("/")[2]
