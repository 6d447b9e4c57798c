"""The guest's clock, timers and power states, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#time-keeping and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, LiteralString, get_args

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from kvmspec.manifest.model import Model

TimerName = Literal["rtc", "pit", "hpet", "tsc", "kvmclock", "hypervclock", "platform", "armvtimer"]
_Amount = Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)]
_TICKLESS = frozenset({"kvmclock", "hypervclock"})


class CatchupSpec(Model):
    """How lost ticks are made up for."""

    examples: ClassVar[Sequence[Any]] = ({"threshold": 123, "slew": 120, "limit": 10000},)

    threshold: _Amount | None = Field(None, examples=[123])
    """Ticks that may be lost before it starts."""
    slew: _Amount | None = Field(None, examples=[120])
    """How fast it is done."""
    limit: _Amount | None = Field(None, examples=[10000])
    """Ticks beyond which it is given up."""


class TimerSpec(Model):
    """One timer of the guest; true or false in short."""

    short: ClassVar[str | None] = "present"

    examples: ClassVar[Sequence[Any]] = (
        False,
        {
            "present": True,
            "tickpolicy": "catchup",
            "catchup": {"threshold": 123, "slew": 120, "limit": 10000},
            "track": "guest",
        },
        {"frequency": 3504000000, "mode": "native"},
    )
    along: ClassVar[Mapping[str, Sequence[str]]] = {"catchup": ["tickpolicy"]}

    present: bool | None = None
    """Whether the guest has it; QEMU's own choice when not given."""
    tickpolicy: Literal["delay", "catchup", "merge", "discard"] | None = Field(None, examples=["catchup"])
    """What becomes of ticks that the guest missed; not of kvmclock and hypervclock."""
    catchup: CatchupSpec | None = None
    """How ticks are caught up with."""
    track: Literal["boot", "guest", "wall", "realtime"] | None = Field(None, examples=["guest"])
    """What `rtc` follows."""
    frequency: Annotated[int, Field(ge=1, le=2**63 - 1, strict=True)] | None = Field(
        None, examples=[3504000000]
    )
    """The frequency of `tsc`, in Hz."""
    mode: Literal["auto", "native", "emulate", "paravirt", "smpsafe"] | None = Field(
        None, examples=["native"]
    )
    """How `tsc` is given to the guest."""

    @model_validator(mode="after")
    def _fits(self) -> TimerSpec:
        if self.catchup is not None and self.tickpolicy != "catchup":
            raise PydanticCustomError("timer", "`catchup` goes with `tickpolicy: catchup`")
        return self

    @property
    def attributes(self) -> Iterator[tuple[str, Any]]:
        """<timer>'s attributes that are stated, but for its name."""
        if self.present is not None:
            yield "present", "yes" if self.present else "no"
        for name in ("tickpolicy", "track", "frequency", "mode"):
            if (value := getattr(self, name)) is not None:
                yield name, value


class _ByName:
    """Timers by their names, in the JSON Schema: one for each of TimerSpec's examples."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        made = handler(schema)
        made["propertyNames"] = {"enum": list(get_args(TimerName)), "examples": ["hpet", "rtc", "tsc"]}
        return made


class ClockSpec(Model):
    """The guest's clock; its offset in short."""

    short: ClassVar[str | None] = "offset"

    examples: ClassVar[Sequence[Any]] = (
        "localtime",
        {"offset": "utc", "timers": {"rtc": {"tickpolicy": "catchup"}, "hpet": False}},
        {"offset": "timezone", "timezone": "Europe/Berlin"},
        {"offset": "variable", "adjustment": 3600, "basis": "utc"},
        {"offset": "absolute", "start": 1700000000},
    )
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        name: ["offset"] for name in ("timezone", "adjustment", "basis", "start")
    }

    offset: Literal["utc", "localtime", "timezone", "variable", "absolute"] | None = Field(
        None, examples=["localtime"]
    )
    """What the clock shows when the guest starts: UTC, the host's time, that of a `timezone`, one that the
    guest has set, or always the same."""
    timezone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/.-]{1,64}$")] | None = Field(
        None, examples=["Europe/Berlin"]
    )
    """The time zone of `offset: timezone`."""
    adjustment: Literal["reset"] | Annotated[int, Field(ge=-(2**31), lt=2**31, strict=True)] | None = Field(
        None, examples=[3600]
    )
    """Seconds by which `variable` is ahead of its `basis` at the first start; `reset`, of `utc` and
    `localtime`: what the guest sets is forgotten."""
    basis: Literal["utc", "localtime"] | None = Field(None, examples=["utc"])
    """What `variable` is relative to; UTC when not given."""
    start: Annotated[int, Field(ge=0, lt=2**63, strict=True)] | None = Field(None, examples=[1700000000])
    """What `absolute` shows at each start, in seconds since 1970. Takes libvirt 8.4."""
    timers: Annotated[dict[TimerName, TimerSpec], _ByName()] | None = Field(None, examples=[{"hpet": False}])
    """The guest's timers by name."""

    @model_validator(mode="after")
    def _fits(self) -> ClockSpec:
        if problem := self._contradiction() or self._strange_timer():
            raise PydanticCustomError("clock", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        if (self.timezone is not None) != (self.offset == "timezone"):
            return "`offset: timezone` and `timezone` go together"
        if (self.start is not None) != (self.offset == "absolute"):
            return "`offset: absolute` and `start` go together"
        if self.basis is not None and self.offset != "variable":
            return "`basis` goes with `offset: variable`"
        if self.adjustment == "reset" and self.offset not in ("utc", "localtime"):
            return "`adjustment: reset` goes with `offset: utc` or `localtime`"
        if isinstance(self.adjustment, int) and self.offset != "variable":
            return "an `adjustment` in seconds goes with `offset: variable`"
        return None

    def _strange_timer(self) -> LiteralString | None:
        for name, timer in (self.timers or {}).items():
            if timer.track is not None and name not in ("rtc", "platform"):
                return "`track` is of the timers `rtc` and `platform` only"
            if (timer.mode is not None or timer.frequency is not None) and name != "tsc":
                return "`mode` and `frequency` are of the timer `tsc` only"
            if timer.tickpolicy is not None and name in _TICKLESS:
                return "`kvmclock` and `hypervclock` have no ticks, and so no `tickpolicy`"
        return None

    @property
    def attributes(self) -> Iterator[tuple[str, Any]]:
        """<clock>'s attributes that are stated."""
        for name in ("offset", "timezone", "adjustment", "basis", "start"):
            if (value := getattr(self, name)) is not None:
                yield name, value


class PowerSpec(Model):
    """Power states that the guest is told of."""

    examples: ClassVar[Sequence[Any]] = ({"suspend_to_mem": False, "suspend_to_disk": False},)

    suspend_to_mem: bool | None = Field(None, examples=[False])
    """Whether it can suspend to memory (S3)."""
    suspend_to_disk: bool | None = Field(None, examples=[False])
    """Whether it can suspend to disk (S4)."""


STANDARD_TIMERS: Mapping[TimerName, TimerSpec] = {
    "rtc": TimerSpec.model_construct(tickpolicy="catchup"),
    "pit": TimerSpec.model_construct(tickpolicy="delay"),
    "hpet": TimerSpec.model_construct(present=False),
}
"""Those of a new VM that states none: what virt-install gives."""
