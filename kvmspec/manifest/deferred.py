"""Models that are imported when a manifest first states them.

Most objects state few of the fields there are, and making a model's class costs every command half a
millisecond. A field of a deferred model validates, reports and dumps as one of the model itself:

    if TYPE_CHECKING:
        from kvmspec.kinds.domain.wait import WaitSpec
    else:
        WaitSpec = deferred("kvmspec.kinds.domain.wait", "WaitSpec")
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, cast

from pydantic import BaseModel, GetCoreSchemaHandler, SerializationInfo, ValidationInfo
from pydantic_core import CoreSchema, core_schema

KEY = "kvmspec.deferred"
"""Where the metadata of a core schema has the deferred model."""


class Deferred:
    """The base of what stands in annotations for a model that is not imported yet."""

    model: Callable[[], type[BaseModel]]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validated(value: Any, info: ValidationInfo) -> BaseModel:
            return cls.model().model_validate(value, context=info.context)

        return core_schema.with_info_plain_validator_function(
            validated,
            serialization=core_schema.plain_serializer_function_ser_schema(_dumped, info_arg=True),
            metadata={KEY: cls},
        )


def deferred(module: str, name: str) -> type[Deferred]:
    """What an annotation says for the model of that name in a module."""

    @cache
    def model() -> type[BaseModel]:
        return cast("type[BaseModel]", getattr(import_module(module), name))

    return type(name, (Deferred,), {"model": staticmethod(model)})


def actual(annotation: Any) -> Any:
    """The model itself, imported now, where `annotation` is a deferred one; else what it is."""
    if isinstance(annotation, type) and issubclass(annotation, Deferred):
        return annotation.model()
    return annotation


def _dumped(value: BaseModel, info: SerializationInfo) -> Any:
    return value.model_dump(
        mode=info.mode, by_alias=bool(info.by_alias), exclude_unset=info.exclude_unset, context=info.context
    )
