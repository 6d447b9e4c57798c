"""I/O threads, as the manifest writes them (https://libvirt.org/formatdomain.html#iothreads-allocation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, GetJsonSchemaHandler, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from kvmspec.kinds.domain.cpu_set import CpuSet
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model

if TYPE_CHECKING:
    from kvmspec.kinds.domain.cputune_spec import SchedulerSpec
else:
    SchedulerSpec = deferred("kvmspec.kinds.domain.cputune_spec", "SchedulerSpec")

Pool = Annotated[int, Field(ge=0, le=4096, strict=True)]


class ThreadPoolSpec(Model):
    """How many threads a loop of QEMU's has for work that blocks."""

    examples: ClassVar[Sequence[Any]] = ({"thread_pool_min": 8, "thread_pool_max": 16},)

    thread_pool_min: Pool | None = Field(None, examples=[8])
    """As many are always there."""
    thread_pool_max: Pool | None = Field(None, examples=[16])
    """More than these there are never."""

    @property
    def pool(self) -> Mapping[str, int]:
        """The attributes that are stated."""
        stated = {"thread_pool_min": self.thread_pool_min, "thread_pool_max": self.thread_pool_max}
        return {name: value for name, value in stated.items() if value is not None}

    @model_validator(mode="after")
    def _ordered(self) -> ThreadPoolSpec:
        if (self.thread_pool_min or 0) > (2**31 if self.thread_pool_max is None else self.thread_pool_max):
            raise PydanticCustomError("iothreads", "`thread_pool_min` is above `thread_pool_max`")
        return self


class IothreadSpec(ThreadPoolSpec):
    """One I/O thread."""

    examples: ClassVar[Sequence[Any]] = (
        {"pin": "0"},
        {"pin": "0-1", "scheduler": "batch", "thread_pool_min": 8, "thread_pool_max": 16},
        {},
    )

    pin: CpuSet | None = Field(None, examples=["0-1"])
    """CPUs of the host on which it runs."""
    scheduler: SchedulerSpec | None = Field(None, examples=["batch"])
    """How the host's kernel schedules it."""

    @property
    def tuned(self) -> bool:
        """Whether anything of it stands in <cputune>."""
        return self.pin is not None or self.scheduler is not None


class Threads(dict[int, IothreadSpec]):
    """I/O threads by their number. `counted`: none was stated, and libvirt is told how many there are."""

    counted = False


def _threads(value: Any, handler: ValidatorFunctionWrapHandler) -> Threads:
    made = Threads(handler(parse_iothreads(value)))
    made.counted = isinstance(value, int | list) or (isinstance(value, Threads) and value.counted)
    return made


def parse_iothreads(value: Any) -> Any:
    """`2` is threads 1 and 2, and so is a list of two. Raises PydanticCustomError (`iothreads`)."""
    if isinstance(value, list):
        value = dict(enumerate(value, 1))
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= _MOST_IOTHREADS:
            raise PydanticCustomError("iothreads", "a VM has 1 to 256 I/O threads; for none, leave it out")
        return {number: {} for number in range(1, value + 1)}
    if isinstance(value, dict):
        return {number: {} if thread is None else thread for number, thread in value.items()}
    return value


_MOST_IOTHREADS = 256


class _ByNumber:
    """How many in short, a list, or by number, in the JSON Schema."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        made = handler(schema)
        made["propertyNames"] = {"pattern": r"^[1-9]\d{0,4}$", "examples": ["1", "2"]}
        listed = {"type": "array", "items": made["additionalProperties"], "maxItems": _MOST_IOTHREADS}
        count = {"type": "integer", "minimum": 1, "maximum": _MOST_IOTHREADS}
        return {"anyOf": [made, listed, count]}


Iothreads = Annotated[
    dict[Annotated[int, Field(ge=1, le=65535)], IothreadSpec], WrapValidator(_threads), _ByNumber()
]
"""I/O threads by their number, or in the order of their numbers; how many, in short."""
