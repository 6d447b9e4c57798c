"""The manifest, loaded: the one entry to this package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kvmspec.core.problem import Where
from kvmspec.manifest.checks import run_checks
from kvmspec.manifest.items import Objects, SectionReader
from kvmspec.manifest.placement import Draft, Placement, read_hosts
from kvmspec.manifest.problems import Problems, nearest
from kvmspec.manifest.profiles import Bases
from kvmspec.manifest.resolve import interpolate
from kvmspec.manifest.roots import Root, check_root, read_root
from kvmspec.manifest.secrecy import secret_keys, token_keys
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.section import HostEntry, Item, Manifest, Section
from kvmspec.manifest.section import Path as Place
from kvmspec.manifest.sources import Sources, combine, load_documents
from kvmspec.manifest.validate import Validator

_NONE: Mapping[str, str] = {}


def load(
    paths: Sequence[Path],
    *,
    sections: Sequence[Section],
    variables: Mapping[str, str] = _NONE,
    var_files: Sequence[Path] = (),
    connect: str | None = None,
    environ: Mapping[str, str],
) -> Manifest:
    """The resolved manifest at `paths` (files or folders).

    variables  what --var gives
    var_files  what --var-file names, the later over the earlier
    connect    the libvirt URI of --connect
    environ    the environment, for `${env:…}` and its like

    Raises ManifestError with every problem found, UsageError when `connect` meets `hosts:`.
    """
    specs = tuple(section.spec for section in sections)
    problems = Problems(SecretStore(), partial(secret_keys, specs), partial(token_keys, specs))
    documents = load_documents(paths, problems)
    problems.literals = [document.data for document in documents]
    sources = combine(documents, [section.key for section in sections], problems)
    validator = Validator(sources, problems, environ)
    late = interpolate(validator, sections, variables, var_files, environ)
    root = read_root(validator)
    placement = Placement(read_hosts(validator, connect, environ), validator)
    _check_defaults(sources, sections, problems)
    objects = Objects()
    for section in sections:
        SectionReader(section, Bases(section, sources, late, problems), placement, validator, objects).read()
    check_root(root, objects.declared, objects.drafts, validator)
    drafts = placement.spread(objects.drafts, complete=not problems)
    manifest = _manifest(root, placement.hosts, drafts, sources, problems)
    run_checks(manifest, sections, objects, validator)
    problems.stop()
    return replace(manifest, warnings=problems.warnings())


def _check_defaults(sources: Sources, sections: Sequence[Section], problems: Problems) -> None:
    """Note defaults for what is no section."""
    known = {"host", *(section.key for section in sections)}
    for key in sources.map("defaults").keys() - known:
        where = sources.where(("defaults", key), key=True)
        problems.add(f"unknown key `{key}`", where, path=f"defaults.{key}", hint=nearest(key, known))


def _manifest(
    root: Root, hosts: Mapping[str, HostEntry], drafts: Sequence[Draft], sources: Sources, problems: Problems
) -> Manifest:
    """The manifest of what is valid."""
    items = [
        Item(
            draft.kind, draft.name, draft.spec, draft.subject.path, tuple(sorted(draft.hosts)), draft.expanded
        )
        for draft in drafts
    ]
    subjects = {draft.subject.path: draft.subject for draft in drafts}

    def where(path: Place) -> Where | None:
        subject = subjects.get(path[:2])
        return sources.where(subject.written(path[2:]) if subject else path)

    return Manifest(
        project=root.head.project if root.head else "",
        id=root.head.id if root.head else None,
        hosts=hosts,
        items=tuple(sorted(items, key=lambda item: (item.kind, item.name))),
        moved=tuple((move.source, move.to) for _, move in root.moved),
        released=frozenset(release.vm for _, release in root.released),
        removed=tuple((gone.pool, gone.volume) for _, gone in root.removed),
        defaults={key: value for key, value in sources.map("defaults").items() if isinstance(value, dict)},
        secrets=problems.secrets,
        where=where,
        secret_variables=frozenset(
            name
            for name, spec in sources.map("variables").items()
            if isinstance(spec, dict) and spec.get("secret") is True
        ),
    )
