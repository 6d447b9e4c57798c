"""The manifest's images by name, over one library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from kvmspec.core.observed import ObservedImage

if TYPE_CHECKING:
    from kvmspec.images.facts import ImageFacts, LocalImage
    from kvmspec.images.library import Library
    from kvmspec.images.source import ImageSource


class Shelf:
    """Looks at each image once a run, and only when asked."""

    def __init__(self, sources: Mapping[str, ImageSource], library: Callable[[], Library]) -> None:
        self._sources, self._open = sources, library
        self._facts: dict[str, ImageFacts] = {}

    @cached_property
    def _library(self) -> Library:
        return self._open()

    def identity(self, name: str) -> str:
        """As far as it is known without asking a server; else ""."""
        if name in self._facts:
            return self._facts[name].identity
        return self._library.identity(self._sources[name]) or ""

    def look(self, name: str) -> ObservedImage:
        """All that can be known before the download. Raises ImageError."""
        facts = self._look(name)
        return ObservedImage(facts.identity, facts.format, facts.capacity, facts.download)

    def at_hand(self, name: str) -> ObservedImage | None:
        """The same, for one of the cache or of this machine; None where a server would have to be asked.
        Raises ImageError."""
        if not self._library.is_at_hand(self._sources[name]):
            return None
        return self.look(name)

    def fetch(self, name: str, identity: str, report: Callable[[str], None]) -> LocalImage:
        """The image, in a file of this machine.

        Raises ImageError, also where it is another one than that of `identity` now.
        """
        from kvmspec.core.errors import ImageError

        facts = self._look(name)
        if facts.identity != identity:
            raise ImageError(f"image {name} changed since the plan was made", hint="plan again")
        return self._library.fetch(self._sources[name], facts, report)

    def _look(self, name: str) -> ImageFacts:
        if name not in self._facts:
            self._facts[name] = self._library.inspect(self._sources[name])
        return self._facts[name]
