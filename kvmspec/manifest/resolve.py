"""Replaces the references of a whole manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kvmspec.manifest.interpolate import VARIABLE, Interpolator
from kvmspec.manifest.section import Section
from kvmspec.manifest.sources import Document, Sources
from kvmspec.manifest.validate import Subject, Validator
from kvmspec.manifest.variables import RESERVED, Variables, VariableSpec, given_values


def interpolate(
    validator: Validator,
    sections: Sequence[Section],
    options: Mapping[str, str],
    files: Sequence[Path],
    environ: Mapping[str, str],
) -> frozenset[tuple[str, ...]]:
    """Replace every reference in the sources; what cannot be is noted.

    Returns the paths of the entries that have something left for each VM to fill in.
    """
    sources, problems = validator.sources, validator.problems
    specs = declared(validator)
    given = given_values(options, files, specs, problems)
    validator.tokens = any(spec.secret for spec in specs.values())
    work = Interpolator(Variables(specs, given, sources, environ, problems.secrets, problems), problems)
    vms = {section.key for section in sections if section.profiles}
    plain = {id(document) for document in sources.documents if _is_plain(document)}
    if len(plain) == len(sources.documents):
        return frozenset()
    late = set()
    for key in sources.data.keys() - {"variables"}:
        for path, value, owner in _entries(sources, key):
            if id(owner) in plain:
                continue
            in_vm = key in vms or key == "profiles" or (key == "defaults" and path[-1] in vms)
            _put(sources, path, work.entry(value, path, owner.folder, in_vm=in_vm))
            if work.late:
                late.add(path)
    return frozenset(late)


def declared(validator: Validator) -> dict[str, VariableSpec]:
    """The declared variables; what is wrong with a declaration is noted."""
    specs = {}
    for name, data in validator.sources.map("variables").items():
        subject = Subject(("variables", name), data, models=(VariableSpec,))
        if name in RESERVED or not VARIABLE.fullmatch(name):
            why = "is reserved" if name in RESERVED else "is not a name: letters, digits, `_` and `-`"
            validator.note(subject, f"the variable name `{name}` {why}", key=True, hint="choose another")
        spec = validator.model(VariableSpec, subject) if data is not None else VariableSpec()
        specs[name] = spec or VariableSpec(default="")
        if spec is not None and "${" in str(spec.default):
            hint = "use `env:` or `file:`, or `--var`"
            validator.note(subject, "a default is not interpolated", ("default",), hint=hint)
    return specs


def _is_plain(document: Document) -> bool:
    """Whether the text cannot hold a reference (`\\x24` in double quotes is a dollar, too)."""
    return "$" not in document.text and "\\" not in document.text


def _entries(sources: Sources, key: str) -> list[tuple[tuple[Any, ...], Any, Document]]:
    """The entries of a root key, each with its path and its document."""
    value = sources.data[key]
    if key in sources.lists:
        owners = [owner for owner, _ in sources.lists[key]]
        return [((key, index), entry, owners[index]) for index, entry in enumerate(value)]
    if isinstance(value, dict) and (key,) in sources.owners:
        pairs = [((key, name), entry) for name, entry in value.items()]
        return [(path, entry, sources.owners.get(path, sources.documents[0])) for path, entry in pairs]
    return [((key,), value, sources.owners[key,])]


def _put(sources: Sources, path: tuple[Any, ...], value: Any) -> None:
    target = sources.data if len(path) == 1 else sources.data[path[0]]
    target[path[-1]] = value
