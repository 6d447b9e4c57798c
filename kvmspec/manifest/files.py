"""Fields whose text may stand in a file of its own, beside the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.merge import Models, inner
from kvmspec.manifest.model import Model
from kvmspec.manifest.section import Path
from kvmspec.manifest.types import SecretText
from kvmspec.manifest.validate import Subject, Validator
from kvmspec.manifest.variables import read_text, resolve_path


class FileText(Model):
    """A text, or the file that holds it. The file's content is taken as it is: nothing in it is
    interpolated."""

    short: ClassVar[str | None] = "text"
    examples: ClassVar[Sequence[Any]] = (
        "#include https://config.shop.lan/web.yaml",
        {"file": "./_cloud/user-data.yaml"},
        {"text": "#include https://config.shop.lan/web.yaml"},
    )

    text: SecretText | None = None
    """The text itself."""
    file: str | None = None
    """The file, relative to the manifest's folder; `~` is the home folder. Where the manifest is a whole
    folder, a `.yaml` file is part of it, unless its name or its folder's begins with `_`."""

    @model_validator(mode="after")
    def _one_source(self) -> FileText:
        if (self.text is None) == (self.file is None):
            raise PydanticCustomError("file_text", "give either `text` or `file`")
        return self


def read_files(data: dict[str, Any], subject: Subject, validator: Validator, model: type[Model]) -> Any:
    """`data` with the text of the files it names, in maps; the same object where it names none.

    A file that cannot be read is noted where it is named.
    """
    return _read(data, model, (), subject, validator)


def _read(
    data: dict[str, Any], model: type[BaseModel], path: Path, subject: Subject, validator: Validator
) -> Any:
    result = data
    for name, value in data.items():
        if isinstance(value, dict):
            new = _field(value, inner((model,), name), (*path, name), subject, validator)
            if new is not value:
                result = {**result, name: new}
    return result


def _field(value: dict[str, Any], models: Models, path: Path, subject: Subject, validator: Validator) -> Any:
    for model in models:
        if not issubclass(model, FileText):
            value = _read(value, model, path, subject, validator)
        elif isinstance(value.get("file"), str) and len(value) == 1:
            return _content(value["file"], (*path, "file"), subject, validator)
    return value


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
