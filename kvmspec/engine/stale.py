"""Is a saved plan still what would be done? What moved since, where it is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.core.address import Address
from kvmspec.core.basis import Basis
from kvmspec.core.plan import Plan, Step
from kvmspec.core.problem import Problem
from kvmspec.engine.plan import told
from kvmspec.manifest.secrets import digest, matches, tokens
from kvmspec.manifest.section import Manifest

_ROOT = "project, id, moved, released, removed, defaults"


def manifest_digests(manifest: Manifest) -> dict[str, str]:
    """A digest of each part of the resolved manifest, whatever its secrets are."""
    return {name: _hash(_numbered(text)) for name, text in _parts(manifest)}


def secret_digests(manifest: Manifest) -> dict[str, list[str]]:
    """Salted digests of the secrets in each part; of equal ones only one is made (30 ms)."""
    made: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for name, text in _parts(manifest):
        for token in tokens(text):
            if token not in made:
                made[token] = digest(manifest.secrets.reveal(token))
            found.setdefault(name, []).append(made[token])
    return found


def moved(saved: Plan, basis: Basis, now: Plan, current: Basis, manifest: Manifest) -> list[Problem]:
    """Why the saved plan must not be carried out; empty where it is what would be done now.

    basis and current are what either plan rests on; current.secrets is not looked at.
    """
    found = [*_manifest(basis, current), *_secrets(basis, manifest), *_hosts(saved, now)]
    refused_before = {problem.message for problem in saved.refusals}
    found += [problem for problem in now.refusals if problem.message not in refused_before]
    if not found and saved.steps and not _subjects(saved) & _subjects(now):
        return [Problem("already applied: the hosts are as this plan would leave them")]
    return [*found, *_objects(saved, basis, current), *_steps(saved, now)]


def beside(saved: Plan, basis: Basis, current: Basis) -> list[Address]:
    """Objects that moved since without bearing on the plan: none of its steps rests on them."""
    return [address for address in _changed(basis, current) if address not in _rests_on(saved)]


def _parts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Each part of the manifest as canonical text."""
    m = manifest
    removed, released = sorted(m.removed), sorted(m.released)
    yield "", _text([m.project, m.id, sorted(m.moved), released, removed, m.defaults])
    for host in m.hosts.values():
        yield f"host/{host.name}", _text([host.uri, host.labels])
    for item in m.items:
        yield f"{item.kind}/{item.name}", _text([item.hosts, item.expanded])


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _numbered(text: str) -> str:
    """Tokens are random; their order is not."""
    for number, token in enumerate(tokens(text)):
        text = text.replace(token, f"secret:{number}")
    return text


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _manifest(basis: Basis, current: Basis) -> Iterator[Problem]:
    for name in dict.fromkeys([*basis.manifest, *current.manifest]):
        before, after = basis.manifest.get(name), current.manifest.get(name)
        if before != after:
            change = "is new" if before is None else "is gone" if after is None else "changed"
            yield Problem(f"the manifest moved: {name or _ROOT} {change}")


def _secrets(basis: Basis, manifest: Manifest) -> Iterator[Problem]:
    known: dict[tuple[str, str], bool] = {}
    for name, text in _parts(manifest):
        pairs = list(zip(tokens(text), basis.secrets.get(name, ()), strict=False))
        for pair in pairs:
            if pair not in known:
                known[pair] = matches(manifest.secrets.reveal(pair[0]), pair[1])
        if not all(known[pair] for pair in pairs):
            yield Problem(f"a secret of {name} is not the one of the plan any more")


def _hosts(saved: Plan, now: Plan) -> Iterator[Problem]:
    before = {host.name: bool(host.unknown) for host in saved.hosts}
    for host in now.hosts:
        if host.unknown and not before.get(host.name, True):
            yield Problem(f"{host.name} cannot be read any more: {host.unknown}", hint=host.hint)


def _objects(saved: Plan, basis: Basis, current: Basis) -> Iterator[Problem]:
    for address in _changed(basis, current):
        if address in _rests_on(saved):
            before, after = basis.fingerprints.get(address), current.fingerprints.get(address)
            yield Problem(f"{address} {_how(before, after)} since")


def _how(before: str | None, after: str | None) -> str:
    if not before:
        return "came into being"
    return "changed" if after else "is gone"


def _steps(saved: Plan, now: Plan) -> Iterator[Problem]:
    """Steps that are in one plan only, by the object they belong to."""
    yield from gone(saved, now)
    yield from _only_in(now, saved, "to be done now, too")


def gone(saved: Plan, now: Plan) -> Iterator[Problem]:
    """Steps of a plan that are not to be done any more, by the object they belong to."""
    yield from _only_in(saved, now, "not to be done any more")


def _only_in(mine: Plan, other: Plan, what: str) -> Iterator[Problem]:
    known = _by_words(other)
    found: dict[Address, list[str]] = {}
    for words, step in _by_words(mine).items():
        if words not in known:
            found.setdefault(step.subject, []).append(step.text)
    for address, texts in found.items():
        verb = "is" if len(texts) == 1 else "are"
        yield Problem(f"{address}: {', '.join(texts)} {verb} {what}")


def _by_words(plan: Plan) -> dict[str, Step]:
    return {told(step): step for step in plan.steps}


def _subjects(plan: Plan) -> set[Address]:
    return {step.subject for step in plan.steps}


def _changed(basis: Basis, current: Basis) -> list[Address]:
    names = dict.fromkeys([*basis.fingerprints, *current.fingerprints])
    return [n for n in names if basis.fingerprints.get(n, "") != current.fingerprints.get(n, "")]


def _rests_on(plan: Plan) -> set[Address]:
    """What the steps act on, whose steps they are, and what those refer to."""
    subjects = _subjects(plan)
    needs = {target for source, target in plan.links if source in subjects}
    return subjects | {step.action.address for step in plan.steps} | needs
