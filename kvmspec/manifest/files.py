"""Fields whose text may stand in a file of its own, beside the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.merge import inner_models
from kvmspec.manifest.model import Model
from kvmspec.manifest.section import Path
from kvmspec.manifest.types import SecretText
from kvmspec.manifest.validate import Subject, Validator
from kvmspec.manifest.variables import read_text, resolve_path


class FileText(Model):
    """A text, or the file that holds it. The file's content is taken as it is: nothing in it is
    interpolated."""

    short: ClassVar[str | None] = "text"
    examples: ClassVar[Sequence[Any]] = ("#!/bin/sh\napt-get update\n", {"file": "./user-data.yaml"})
    least: ClassVar[frozenset[str]] = frozenset({"text", "file"})

    text: SecretText | None = None
    """The text itself."""
    file: str | None = None
    """The file, relative to the manifest's folder; `~` is the home folder."""

    @model_validator(mode="after")
    def _one_source(self) -> FileText:
        if (self.text is None) == (self.file is None):
            raise PydanticCustomError("file_text", "give either `text` or `file`")
        return self


@cache
def file_fields(model: type[BaseModel]) -> Mapping[str, type[BaseModel] | None]:
    """The fields of `model` that are a FileText (None), or whose model has such fields (that model)."""
    found: dict[str, type[BaseModel] | None] = {}
    for name, models in inner_models((model,)).items():
        for inner in models:
            if issubclass(inner, FileText):
                found[name] = None
            elif inner is not model and file_fields(inner):
                found[name] = inner
    return found


def read_files(data: dict[str, Any], subject: Subject, validator: Validator, model: type[Model]) -> Any:
    """`data` with the text of the files it names, in maps; the same object where it names none.

    A file that cannot be read is noted where it is named.
    """
    return _read(data, model, (), subject, validator)


def _read(data: Any, model: type[BaseModel], path: Path, subject: Subject, validator: Validator) -> Any:
    result = data
    for name, inner in file_fields(model).items() if isinstance(data, dict) else ():
        value = data.get(name)
        if not isinstance(value, dict):
            continue
        if inner is not None:
            new = _read(value, inner, (*path, name), subject, validator)
        elif isinstance(value.get("file"), str) and len(value) == 1:
            new = _content(value["file"], (*path, name, "file"), subject, validator)
        else:
            continue
        if new is not value:
            result = {**result, name: new}
    return result


def _content(file: str, path: Path, subject: Subject, validator: Validator) -> str:
    if isinstance(file, Broken):
        return file
    written = subject.written(path)
    owners = validator.sources.owners
    document = owners.get(written[:2]) or owners[written[:1]]
    try:
        return read_text(resolve_path(file, document.folder, validator.environ)) + "\n"
    except ValueError as error:
        validator.note(subject, str(error), path, hint="the path is relative to the manifest's folder")
        return Broken("")
