"""The manifest's files: found, read, and merged into one set of root sections with their places."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kvmspec.core.problem import Problem, Where
from kvmspec.manifest import section, yaml
from kvmspec.manifest.places import Tree
from kvmspec.manifest.problems import Problems, nearest

SUFFIXES = (".yaml", ".yml")
ONCE = ("kvmspec", "project", "id")
LISTS = ("moved", "released", "removed")
MAPS = ("variables", "hosts", "defaults", "profiles")


@dataclass
class Document:
    """One file of the manifest. `data` may be replaced by its interpolated form, of the same shape."""

    file: str
    folder: Path
    text: str
    data: dict[str, Any] = field(repr=False)

    @cached_property
    def tree(self) -> Tree:
        """The text's nodes; composed at the first error in this file."""
        return Tree(self.text, self.file)


@dataclass
class Sources:
    """The merged root of all files.

    data    root key → value; maps merged, lists joined
    owners  ("vms", "web") or ("project",) → the document that has it
    lists   root key → for each entry of the joined list: its document, and its index there
    """

    documents: list[Document]
    data: dict[str, Any] = field(default_factory=dict)
    owners: dict[section.Path, Document] = field(default_factory=dict)
    lists: dict[str, list[tuple[Document, int]]] = field(default_factory=dict)

    def where(self, path: section.Path, *, key: bool = False, needle: str = "") -> Where:
        """The place of a path as written; of the root when nothing of it is."""
        document = self.owners.get(path[:2]) or self.owners.get(path[:1])
        if path and path[0] in self.lists and len(path) > 1:
            document, index = self.lists[str(path[0])][int(path[1])]
            path = (path[0], index, *path[2:])
        return (document or self.documents[0]).tree.where(path, key=key, needle=needle)

    def map(self, key: str) -> dict[str, Any]:
        """A root section that is a map; empty when it is not there."""
        return self.data.get(key) or {}


def load_documents(paths: Sequence[Path], problems: Problems) -> list[Document]:
    """Every file the paths name. Raises ManifestError when one is missing, unreadable or not a map."""
    documents = []
    for path in find_files(paths, problems):
        try:
            documents.append(read_document(path))
        except yaml.YamlError as error:
            problems.extend(error.problems)
        except OSError as error:
            problems.add(f"{path}: cannot be read: {error.strerror or error}")
    if not documents and not problems:
        problems.add(
            "no manifest found", hint="name a file or a folder with *.yaml files; `kvmspec init` writes one"
        )
    problems.stop()
    return documents


def find_files(paths: Sequence[Path], problems: Problems) -> list[Path]:
    """The files that the paths name, each once. What is missing is noted."""
    return list(dict.fromkeys(file for given in paths for file in _files(given, problems)))


def _files(path: Path, problems: Problems) -> Iterator[Path]:
    """The manifest files at `path`, in sorted order."""
    if not path.exists():
        problems.add(f"{path}: no such file or folder")
    elif not path.is_dir():
        yield path
    else:
        files = list(_below(path, problems))
        if not files:
            problems.add(
                f"{path}: no *.yaml or *.yml file in this folder", hint="`kvmspec init` writes a first one"
            )
        yield from files


def _below(folder: Path, problems: Problems) -> Iterator[Path]:
    """The *.yaml and *.yml files below `folder`, without names that start with `.` or `_`."""

    def unreadable(error: OSError) -> None:
        problems.add(f"{error.filename}: cannot be read: {error.strerror}")

    for root, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith((".", "_")):
                yield Path(root, name)


def read_document(path: Path) -> Document:
    """One file as a map. Raises OSError, YamlError."""
    with path.open("rb") as stream:
        data = stream.read(yaml.MAX_BYTES + 1)
    return document(data, path)


def document(data: bytes, path: Path) -> Document:
    """A file's content as a map. Raises YamlError."""
    file = str(path)
    text = yaml.decode(data, file)
    root = yaml.parse(text, file)
    if not isinstance(root, dict):
        what = (
            "is empty"
            if root is None
            else f"holds {'a list' if isinstance(root, list) else 'a single value'}"
        )
        hint = "a manifest is a map with `kvmspec: 1` and `project:`"
        raise yaml.YamlError(Problem(f"the file {what}; expected a map", Where(file, 1, 1), hint=hint))
    return Document(file, path.parent, text, root)


def combine(documents: list[Document], sections: Sequence[str], problems: Problems) -> Sources:
    """The documents' root sections as one. What clashes or does not belong is noted and left out."""
    sources = Sources(documents)
    maps = {*MAPS, *sections}
    for document in documents:
        for key, value in document.data.items():
            if key in maps:
                _add_map(sources, document, key, value, problems)
            elif key in LISTS:
                _add_list(sources, document, key, value, problems)
            elif key in ONCE:
                _add_once(sources, document, (key,), value, problems)
            else:
                known = [*ONCE, *LISTS, *maps]
                where = document.tree.where((key,), key=True)
                problems.add(f"unknown key `{key}`", where, path=key, hint=nearest(key, known))
    return sources


def _add_once(
    sources: Sources, document: Document, path: section.Path, value: Any, problems: Problems
) -> None:
    """One key that the manifest has once over all files."""
    target = sources.data if len(path) == 1 else sources.data[str(path[0])]
    if (first := sources.owners.get(path)) is None:
        sources.owners[path] = document
        target[str(path[-1])] = value
        return
    where, other = document.tree.where(path, key=True), first.tree.where(path, key=True)
    what = f"`{path[-1]}`" if len(path) == 1 else f"`{path[-1]}` in `{path[0]}`"
    problems.add(f"{what} is already defined at {other}", where, path=".".join(map(str, path)),
                 hint="once per manifest" if len(path) == 1 else "rename or remove one")  # fmt: skip


def _add_map(sources: Sources, document: Document, key: str, value: Any, problems: Problems) -> None:
    """A map of named objects; an empty one is none."""
    sources.owners.setdefault((key,), document)
    sources.data.setdefault(key, {})
    if isinstance(value, dict):
        for name, entry in value.items():
            _add_once(sources, document, (key, name), entry, problems)
    elif value is not None:
        problems.add(f"`{key}` must be a map of names", document.tree.where((key,)), path=key,
                     hint=f"as in `{key}: {{name: …}}`")  # fmt: skip
        sources.data[key] = None


def _add_list(sources: Sources, document: Document, key: str, value: Any, problems: Problems) -> None:
    """A list, joined over the files."""
    if isinstance(value, list):
        sources.data.setdefault(key, []).extend(value)
        sources.lists.setdefault(key, []).extend((document, index) for index in range(len(value)))
    elif value is not None:
        problems.add(f"`{key}` must be a list", document.tree.where((key,)), path=key)
