"""What `kvmspec init` writes: a first manifest, what git ignores, a CI workflow."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kvmspec import resources
from kvmspec.core.errors import Refused
from kvmspec.core.problem import Problem
from kvmspec.manifest.scalars import resolve

MANIFEST, SCHEMA, IGNORE = "kvmspec.yaml", "kvmspec.schema.json", ".gitignore"
WORKFLOWS: Mapping[str, tuple[str, str]] = {
    "github": ("github.yml", ".github/workflows/kvmspec.yml"),
    "gitlab": ("gitlab.yml", ".gitlab-ci.yml"),
}
"""For each `--ci`: the template, and the file at the top of the repository."""

_FALLBACK = "site"


@dataclass(frozen=True, slots=True)
class Starter:
    """What shall be written where. `ignored` are lines for `.gitignore`, which may be there already."""

    folder: Path
    files: Mapping[Path, str]
    ignored: str

    def write(self, *, force: bool = False) -> list[Path]:
        """Write everything; the files that changed. Raises OSError, and Refused, with nothing written,
        where a file is there already and `force` is not given."""
        there = [file for file in self.files if file.is_symlink() or file.exists()]
        if there and not force:
            problems = [Problem(f"{file} is already there") for file in there]
            raise Refused(problems, hint="--force overwrites")
        for file, text in self.files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return [*self.files, *self._ignore()]

    def _ignore(self) -> list[Path]:
        """Add what `.gitignore` lacks."""
        file = self.folder / IGNORE
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        known = set(before.splitlines())
        blocks = [block for block in self.ignored.split("\n\n") if not known.issuperset(_rules(block))]
        if not blocks:
            return []
        gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
        file.write_text(
            before + gap + "\n\n".join(block.strip() for block in blocks) + "\n", encoding="utf-8"
        )
        return [file]


def starter(folder: Path, project: str | None, ci: str | None = None) -> Starter:
    """The files for `folder`: a manifest of the project `project`, unless that is None, and the workflow
    for `ci`, one of WORKFLOWS."""
    files = {}
    if project is not None:
        schema = resources.folder("schemas") / "manifest.schema.json"
        files[folder / MANIFEST] = _filled(MANIFEST, {"project": project, "id": str(uuid.uuid4())})
        files[folder / SCHEMA] = schema.read_text(encoding="utf-8")
    if ci is not None:
        top = repository(folder)
        template, name = WORKFLOWS[ci]
        place = folder.resolve().relative_to(top.resolve()).as_posix()
        files[_near(top / name)] = _filled(template, {"folder": _quoted(place), "branch": _branch(top)})
    return Starter(folder, files, _template("gitignore"))


def project_name(folder: Path) -> str:
    """The folder's name as that of a project."""
    name = re.sub(r"[^a-z0-9_.+-]+", "-", folder.resolve().name.lower()).strip("-.+_")[:63]
    plain = re.match("[a-z]", name) and isinstance(resolve(name), str)
    return name if plain else f"{_FALLBACK}-{name}".rstrip("-")[:63]


def repository(folder: Path) -> Path:
    """The top of the git repository that `folder` is in; `folder` itself where it is in none."""
    for parent in (folder, *folder.resolve().parents):
        if (parent / ".git").exists():
            return parent
    return folder


def _near(path: Path) -> Path:
    """A path as seen from the working directory, where it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def _branch(top: Path) -> str:
    """`master` where that is what is checked out, else `main`."""
    with suppress(OSError):
        if (top / ".git" / "HEAD").read_text(encoding="utf-8").strip() == "ref: refs/heads/master":
            return "master"
    return "main"


def _template(name: str) -> str:
    return (resources.folder("templates") / "starter" / name).read_text(encoding="utf-8")


def _filled(name: str, values: Mapping[str, str]) -> str:
    """A template with `@name@` replaced."""
    return re.sub("@([a-z]+)@", lambda match: values[match[1]], _template(name))


def _rules(block: str) -> set[str]:
    return {line for line in block.splitlines() if line and not line.startswith("#")}


def _quoted(text: str) -> str:
    """For YAML, in double quotes where it needs them."""
    return (
        text
        if re.fullmatch(r"[A-Za-z.][A-Za-z0-9_./-]*", text)
        else '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
    )
