"""Runs what the kinds check across objects, and keeps what can be trusted of it."""

from __future__ import annotations

from collections.abc import Sequence

from kvmspec.manifest.items import Objects
from kvmspec.manifest.section import Finding, Manifest, Section
from kvmspec.manifest.validate import Subject, Validator, dotted


def run_checks(
    manifest: Manifest, sections: Sequence[Section], objects: Objects, validator: Validator
) -> None:
    """Note the findings of every section's check.

    A finding about an object that failed, that refers to one, or that names one says nothing new.
    """
    subjects = {draft.subject.path: draft.subject for draft in objects.drafts}
    doubtful = {objects.declared[failed][:2] for failed in objects.failed if failed in objects.declared}
    if objects.failed:
        doubtful |= {
            draft.subject.path
            for draft in objects.drafts
            if not objects.failed.isdisjoint(draft.spec.references())
        }
    names = {f"`{name}`" for _, name in objects.failed}
    for section in sections:
        for finding in section.check(manifest):
            if finding.path[:2] not in doubtful and not any(name in finding.message for name in names):
                _note(finding, subjects.get(finding.path[:2]), validator)


def _note(finding: Finding, subject: Subject | None, validator: Validator) -> None:
    if subject is not None:
        path, label = subject.written(finding.path[2:]), subject.label(finding.path[2:])
    else:
        path, label = finding.path, dotted(finding.path)
    validator.problems.add(
        finding.message,
        validator.sources.where(path),
        path=label,
        hint=finding.hint,
        warning=finding.warning,
    )
