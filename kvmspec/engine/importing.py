"""VMs that exist → a manifest. Nothing is asked of a host but its definitions, and nothing is changed."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import connect
from kvmspec.adapters.libvirt.domains import LOCK_NAME
from kvmspec.core.errors import KvmspecError
from kvmspec.core.observed import Observed
from kvmspec.core.problem import Problem, Where
from kvmspec.images.yaml_text import dump
from kvmspec.kinds import records
from kvmspec.kinds.domain.importing import Imported, import_domain
from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest.layout import formatted
from kvmspec.manifest.layout.order import root_shape
from kvmspec.manifest.placement import DEFAULT_URI
from kvmspec.manifest.secrets import SecretStore

Data = dict[str, Any]


class Found(NamedTuple):
    """What was imported, as a manifest's text; the variables that are to be set; what could not be read."""

    text: str
    variables: Mapping[str, Data]
    problems: tuple[Problem, ...] = ()


def of_files(files: Iterable[Path], project: str, renderer: Renderer) -> Found:
    """The VMs of files with libvirt's XML. A file that is not read is a problem, and no reason to leave the
    others."""
    imported, problems = [], []
    for file in files:
        try:
            imported.append(import_domain(file.read_text(encoding="utf-8"), renderer))
        except OSError as error:
            problems.append(Problem(f"cannot read {file}: {error.strerror}", Where(str(file), 1, 1)))
        except (ET.ParseError, ValueError) as error:
            problems.append(Problem(f"{file}: {error}", hint="expected the output of `virsh dumpxml NAME`"))
    return _found(imported, project, tuple(problems))


def of_domains(domains: Iterable[Observed], project: str, renderer: Renderer) -> Found:
    """The VMs of a host, in the state they are in."""
    imported, problems = [], []
    for observed in domains:
        try:
            one = import_domain(observed.xml, renderer, "running" if observed.running else "stopped")
        except ValueError as error:
            problems.append(Problem(f"vm/{observed.name}: {error}", hint="the others are imported"))
            continue
        entry = one.entry | ({"autostart": True} if observed.autostart else {})
        imported.append(one._replace(entry=entry))
    return _found(imported, project, tuple(problems))


def of_host(names: Sequence[str], project: str, uri: str | None, renderer: Renderer) -> Found:
    """VMs of a host, or all that no project owns. Raises KvmspecError where one of the names is nowhere."""
    host = connect("default", uri or os.environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI, SecretStore())
    every = host.domains.list(lambda name, uuid: name != LOCK_NAME and (not names or name in names))
    if missing := sorted({*names} - {one.name for one in every}):
        raise KvmspecError(
            f"no VM called {', '.join(missing)} on {host.uri}", hint="`virsh list --all` shows them"
        )
    free = [one for one in every if one.persistent and (names or records.read(one.xml, one.uuid) is None)]
    return of_domains(sorted(free, key=lambda one: one.name), project, renderer)


def _found(imported: Iterable[Imported], project: str, problems: tuple[Problem, ...]) -> Found:
    vms: Data = {}
    variables: dict[str, Data] = {}
    for one in imported:
        if one.name in vms:
            raise KvmspecError(
                f"two of the machines are called {one.name}", hint="import one of them at a time"
            )
        vms[one.name] = one.entry
        variables |= one.variables
    data: Data = {"kvmspec": 1, "project": project}
    if variables:
        data["variables"] = variables
    data["vms"] = vms
    return Found(formatted(dump(data), "the manifest", root_shape(SECTIONS)), variables, problems)
