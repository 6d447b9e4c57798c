"""The manifest's variables: declared in `variables:`, given by options, files and the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from kvmspec.core.problem import Problem
from kvmspec.manifest import scalars, section, yaml
from kvmspec.manifest.model import Model
from kvmspec.manifest.problems import Problems, nearest
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.sources import Sources, read_document

MAX_FILE = 2**20
RESERVED = frozenset({"index", "name", "host"})
VariableType = Literal["string", "integer", "number", "boolean", "list"]


class VariableSpec(Model):
    """A value that the manifest uses as `${name}`, given from outside or by its default.

    Precedence: `--var`, `--var-file`, `env` or `file`, `default`. A bare value is the default.
    """

    short = "default"
    examples: ClassVar[Sequence[Any]] = (
        "shop.lan",
        {"default": 2, "type": "integer"},
        {"file": "~/.ssh/id_ed25519.pub", "description": "who may log in"},
        {"env": "VNC_PASSWORD", "secret": True},
    )

    default: Any = None
    """The value when nothing else gives one."""
    type: VariableType | None = None
    """What a given value is read as; without it the default's type, else a string."""
    env: str | None = None
    """The environment variable that holds the value."""
    file: str | None = None
    """The file that holds the value, relative to the manifest's folder; `~` is the home folder."""
    secret: bool = False
    """Keep the value out of all output; usable only in fields that are kept secret."""
    description: str | None = None
    """What the variable is for."""

    def wanted(self) -> VariableType:
        """The declared type, else the default's, else string."""
        return self.type or _TYPES.get(type(self.default), "string")


_TYPES: dict[type, VariableType] = {bool: "boolean", int: "integer", float: "number", list: "list"}
_EXPECTED: dict[VariableType, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
}


def _number(value: Any) -> Any:
    return scalars.resolve(value) if isinstance(value, str) else value


def _list(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_CONVERT: dict[VariableType, tuple[Callable[[Any], Any], tuple[type, ...]]] = {
    "string": (lambda value: value, (str,)),
    "integer": (_number, (int,)),
    "number": (_number, (int, float)),
    "boolean": (_number, (bool,)),
    "list": (_list, (list,)),
}


def convert(value: Any, wanted: VariableType) -> Any:
    """`value` as the type it was declared with. Raises ValueError, without the value in it."""
    change, types = _CONVERT[wanted]
    try:
        result = change(value)
    except scalars.TooLargeError:
        result = None
    if type(result) not in types:
        raise ValueError(f"expected {_EXPECTED[wanted]}")
    return result


def read_text(path: Path) -> str:
    """A file's text without its last line break. Raises ValueError that says what is wrong."""
    try:
        if not path.is_file():
            raise ValueError(f"`{path}` is not a file" if path.exists() else f"there is no file `{path}`")
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"`{path}` cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_FILE:
        raise ValueError(f"`{path}` is larger than {MAX_FILE >> 20} MiB")
    try:
        return data.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"`{path}` is not UTF-8 text") from None


def resolve_path(text: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """A path of the manifest: `~` is $HOME, else relative to the manifest's folder. Raises ValueError."""
    if "\0" in text or not text:
        raise ValueError("expected the path of a file")
    if text == "~" or text.startswith("~/"):
        return Path(environ.get("HOME", "/"), text[2:])
    return folder / text


@dataclass
class Given:
    """A value from an option or a var-file. `where` says from which."""

    value: Any
    origin: str


@dataclass
class Variables:
    """The declared variables and what is given for them; values are found when first asked for."""

    specs: Mapping[str, VariableSpec]
    given: Mapping[str, Given]
    sources: Sources
    environ: Mapping[str, str]
    secrets: SecretStore
    problems: Problems
    _values: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A declared variable's value, a secret one's token; None when the value is wrong.

        What is wrong with a value is noted once, at its declaration. Raises LookupError, with the
        remedy, when nothing gives a value.
        """
        if name not in self._values:
            self._values[name] = self._find(name)
        return self._values[name]

    def _find(self, name: str) -> Any:
        spec = self.specs[name]
        path: section.Path = ("variables", name)
        try:
            if name in self.given:
                path = ()
                value = self.given[name].value
            elif spec.env is not None and spec.env in self.environ:
                path, value = (*path, "env"), self.environ[spec.env]
            elif spec.file is not None:
                path, value = (*path, "file"), self._read(spec.file, name)
            elif spec.default is not None:
                path, value = (*path, "default"), spec.default
            else:
                env = f" or set ${spec.env}" if spec.env else ""
                raise LookupError(f"give it with --var {name}=…{env}")
            return self._checked(spec, value)
        except ValueError as error:
            place = self.sources.where(path) if path else None
            named = self.given[name].origin if name in self.given else ".".join(map(str, path))
            self.problems.add(f"variable `{name}`: {error}", place, path=named)
            return None

    def _read(self, file: str, name: str) -> str:
        folder = self.sources.owners["variables", name].folder
        return read_text(resolve_path(file, folder, self.environ))

    def _checked(self, spec: VariableSpec, value: Any) -> Any:
        if not spec.secret:
            return convert(value, spec.wanted())
        if isinstance(value, dict | list) or value is None:
            raise ValueError("a secret is a single text")
        return self.secrets.token(value if isinstance(value, str) else str(value))


def given_values(
    options: Mapping[str, str],
    files: Sequence[Path],
    declared: Mapping[str, VariableSpec],
    problems: Problems,
) -> dict[str, Given]:
    """What --var-file and --var give, the later over the earlier. Unknown names are noted."""
    given: dict[str, Given] = {}
    for path in files:
        for name, value in _var_file(path, problems).items():
            given[name] = Given(value, f"--var-file {path}: {name}")
    given |= {name: Given(value, f"--var {name}") for name, value in options.items()}
    for name in sorted(given.keys() - declared.keys()):
        hint = nearest(name, declared) or "declare it in `variables:`"
        problems.add(f"there is no variable `{name}`", path=given[name].origin, hint=hint)
        del given[name]
    return given


def _bare(problem: Problem) -> Problem:
    where = replace(problem.where, source="") if problem.where else None
    return replace(problem, where=where)


def _var_file(path: Path, problems: Problems) -> dict[str, Any]:
    """A YAML map of values; what is wrong with the file is noted."""
    try:
        return read_document(path).data
    except yaml.YamlError as error:
        # without the line: it may hold a secret, and which of its values do is not known yet
        problems.extend(_bare(problem) for problem in error.problems)
    except OSError as error:
        problems.add(f"{path}: cannot be read: {error.strerror or error}")
    return {}
