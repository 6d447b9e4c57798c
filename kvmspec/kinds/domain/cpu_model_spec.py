"""Parts of the guest's CPU, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.model import Model


class CacheSpec(Model):
    """The CPU's cache, as the guest sees it."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = ("passthrough", {"mode": "emulate", "level": 3})
    least: ClassVar[frozenset[str]] = frozenset({"mode"})

    mode: Literal["emulate", "passthrough", "disable"]
    """Whether it sees one that is made up, the host's, or none."""
    level: Literal[1, 2, 3] | None = Field(None, examples=[3])
    """Of which level, with `emulate` 3 alone; of all when not given."""

    @model_validator(mode="after")
    def _fits(self) -> CacheSpec:
        if self.level is not None and (self.mode, self.level) != ("emulate", 3):
            raise PydanticCustomError("cache", "`level` is 3, with `mode: emulate`, or is left out")
        return self


class AddressBitsSpec(Model):
    """How wide the guest's physical addresses are."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = ("passthrough", {"mode": "emulate", "bits": 42})
    least: ClassVar[frozenset[str]] = frozenset({"mode", "bits"})

    mode: Literal["passthrough", "emulate"]
    """As on the host, or as `bits` says."""
    bits: Annotated[int, Field(ge=32, le=64, strict=True)] | None = Field(None, examples=[42])
    """Their width, with `emulate`."""

    @model_validator(mode="after")
    def _fits(self) -> AddressBitsSpec:
        if (self.bits is not None) != (self.mode == "emulate"):
            raise PydanticCustomError("bits", "`mode: emulate` and `bits` go together")
        return self
