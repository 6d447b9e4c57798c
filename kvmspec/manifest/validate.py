"""Validates what is written, and places every mistake where it was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from kvmspec.core.problem import Where
from kvmspec.manifest import secrecy
from kvmspec.manifest.interpolate import Broken
from kvmspec.manifest.merge import Layer, Models, inner, name_of, written_at
from kvmspec.manifest.model import Model
from kvmspec.manifest.problems import Problems, nearest
from kvmspec.manifest.secrets import has_token
from kvmspec.manifest.section import Path
from kvmspec.manifest.sources import Sources
from kvmspec.manifest.translate import Mistake, absent_in_part, mistakes

AnyModel = TypeVar("AnyModel", bound=Model)
Keep = Callable[[Mistake], bool]


def dotted(path: Path, data: Any = None, depth: int = 0) -> str:
    """A path as people write it: `vms.web.disks.root.size`, or `disks[0]` where the entry has no name.

    data   what the path leads into, after its first `depth` steps
    """
    text = ""
    for place, step in enumerate(path):
        inside = place >= depth
        entry = _at(data, step) if inside else None
        name = name_of(entry) if isinstance(step, int) else f'"{step}"' if "." in step else step
        text += f"[{step}]" if name is None else f".{name}" if text else name
        data = entry if inside else data
    return text


def _at(data: Any, step: str | int) -> Any:
    if isinstance(data, list):
        return data[step] if isinstance(step, int) and step < len(data) else None
    return data.get(step) if isinstance(data, Mapping) else None


@dataclass
class Subject:
    """Something to validate: its data, where each part of it is written, and what it is called."""

    path: Path
    data: Any
    layers: Sequence[Layer] = ()
    models: Models = ()
    owned: Iterable[str] = ()  # keys of the loader's own, known beside the model's

    def written(self, rest: Path) -> Path:
        """The path at which `rest` is written."""
        return written_at(self.layers, rest, self.models) if self.layers else (*self.path, *rest)

    def label(self, rest: Path) -> str:
        """The path as shown."""
        return dotted((*self.path, *rest), self.data, len(self.path))


@dataclass
class Validator:
    """Validates subjects and notes what is wrong with them."""

    sources: Sources
    problems: Problems
    environ: Mapping[str, str] = field(default_factory=dict)  # for `~` in the paths of files
    tokens: bool = False  # whether secret variables exist, so that tokens may be anywhere
    context: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.context = {"secrets": self.problems.secrets, "used": False}

    def model(self, model: type[AnyModel], subject: Subject) -> AnyModel | None:
        """The validated subject, or None with its mistakes noted."""
        try:
            value = model.model_validate(subject.data, context=self.context)
        except ValidationError as error:
            self._note_all(model, subject, subject.data, error, lambda mistake: True)
            return None
        if self.tokens and (wrong := list(secrecy.misplaced(value))):
            for rest in wrong:
                self.note(subject, secrecy.MISPLACED, rest, hint=self._secret_hint())
            return None
        return value

    def part(self, model: type[Model], subject: Subject) -> None:
        """Note the mistakes of a profile or of defaults, which may lack what the object will have."""
        try:
            model.model_validate(subject.data, context=self.context)
        except ValidationError as error:
            self._note_all(model, subject, subject.data, error, lambda mistake: not absent_in_part(mistake))

    def concealed(self, data: Mapping[str, Any], value: Model) -> Mapping[str, Any]:
        """`data` without literal secrets, after its validation as `value`."""
        if not self.context["used"]:
            return data
        self.context["used"] = False
        concealed: Mapping[str, Any] = secrecy.conceal(data, value)
        return concealed

    def plain(self, subject: Subject) -> bool:
        """Whether no token is anywhere in the subject; else it is noted."""
        wrong = list(secrecy.token_paths(subject.data)) if self.tokens else []
        for rest in wrong:
            self.note(subject, secrecy.MISPLACED, rest, hint=self._secret_hint())
        return not wrong

    def note(
        self, subject: Subject, message: str, rest: Path = (), *, key: bool = False, hint: str = "",
        where: Where | None = None,
    ) -> None:  # fmt: skip
        """Note a problem at `rest` of the subject."""
        where = where or self.sources.where(subject.written(rest), key=key)
        self.problems.add(message, where, path=subject.label(rest), hint=hint)

    def _secret_hint(self) -> str:
        keys = ", ".join(
            f"`{key}`" for key in sorted({*self.problems.secret_keys(), *self.problems.token_keys()})
        )
        return f"such as {keys}" if keys else ""

    def _note_all(
        self, model: type[Model], subject: Subject, data: Any, error: ValidationError, keep: Keep
    ) -> None:
        """Note the mistakes; where a key is for a later version, look again without it for what it hides."""
        found = mistakes(error.errors(include_url=False), data)
        later = [(*m.path, m.name) for m in found if m.kind == "not_built" and m.name]
        rest = data
        for path in later:
            rest = without(rest, path)
        if later and rest != data:
            try:
                model.model_validate(rest, context=self.context)
            except ValidationError as more:
                self._note_all(model, subject, rest, more, lambda m: keep(m) and not absent_in_part(m))
        typos = {(m.path[:-1], m.name) for m in found if m.kind == "extra_forbidden"}
        for mistake in found:
            near = get_close_matches(mistake.name, [name for path, name in typos if path == mistake.path], 1)
            if mistake.kind == "missing" and near:
                continue  # it is there, misspelt, and the unknown key's hint says so
            if keep(mistake) and not isinstance(mistake.input, Broken):
                self._note(model, subject, mistake)

    def _note(self, model: type[Model], subject: Subject, mistake: Mistake) -> None:
        own = bool(mistake.path) and mistake.path[-1] in self.problems.token_keys()
        if has_token(mistake.input) and not own:
            self.note(subject, secrecy.MISPLACED, mistake.path, hint=self._secret_hint())
            return
        hint = ""
        if mistake.kind == "not_built" and mistake.name:
            mistake = mistake._replace(path=(*mistake.path, mistake.name))
        if mistake.kind == "extra_forbidden":
            known = _known_keys(model, mistake.path[:-1])
            hint = nearest(mistake.name, {*known, *(subject.owned if len(mistake.path) == 1 else ())})
        elif mistake.options and isinstance(mistake.input, str):
            hint = nearest(mistake.input, mistake.options, listed=False)
        self.note(subject, mistake.message, mistake.path, key=bool(mistake.name), hint=hint)


def without(data: Any, path: Path) -> Any:
    """A copy of `data` that lacks what is at `path`."""
    if isinstance(data, dict) and path[0] in data:
        inner = {path[0]: without(data[path[0]], path[1:])} if len(path) > 1 else {}
        return {**{key: value for key, value in data.items() if key != path[0] or inner}, **inner}
    if isinstance(data, list) and isinstance(path[0], int) and path[0] < len(data) and len(path) > 1:
        return [without(entry, path[1:]) if i == path[0] else entry for i, entry in enumerate(data)]
    return data


def _known_keys(model: type[Model], path: Path) -> set[str]:
    """The keys a map at `path` below the model may have."""
    models: Models = (model,)
    for step in path:
        if isinstance(step, str):
            models = inner(models, step)
    return {info.alias or name for each in models for name, info in each.model_fields.items()}
