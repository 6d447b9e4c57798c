"""The story of kvmspec, on one page:

load → validate → resolve → observe → diff → plan → execute → observe again
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kvmspec import resources
from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.errors import Refused
from kvmspec.core.impact import Permission
from kvmspec.core.plan import Event, Plan, Result
from kvmspec.core.problem import Problem, Where
from kvmspec.engine import desire as wanting
from kvmspec.engine.diff import diff
from kvmspec.engine.holding import Holding
from kvmspec.engine.images import with_images
from kvmspec.engine.observe import observe
from kvmspec.engine.plan import fingerprints, make_plan, still_to_do
from kvmspec.images.shelf import Shelf
from kvmspec.kinds.base import Context
from kvmspec.kinds.registry import KINDS, SECTIONS
from kvmspec.manifest.load import load as load_manifest
from kvmspec.manifest.section import HostEntry, Manifest

if TYPE_CHECKING:
    from kvmspec.adapters.libvirt.lock import Patience
    from kvmspec.core.basis import Basis
    from kvmspec.core.observed import HostView
    from kvmspec.core.status import Rendered, VmStatus
    from kvmspec.core.topology import Topology
    from kvmspec.engine.importing import Found
    from kvmspec.engine.prune import Bases, PlacedBase, Pruned
    from kvmspec.engine.reach import Reached
    from kvmspec.images.library import Library
    from kvmspec.kinds.domain.spec import VmSpec


@dataclass(frozen=True)
class Request:
    """What the command line asks for; see cli/options.py for each field's meaning."""

    paths: tuple[Path, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    var_files: tuple[Path, ...] = ()
    connect: str | None = None
    hosts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    granted: frozenset[Permission] = frozenset()
    destroy: bool = False
    replaced: tuple[str, ...] = ()
    offline: bool = False
    no_restart: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @classmethod
    def again(cls, basis: Basis, granted: frozenset[Permission], **given: Any) -> Request:
        """The request of a saved plan; `given` are paths, variables and var_files that replace or
        add to its own. Relative paths are those of the folder the plan was made in, where it is there
        and no others are given; else of this one (another checkout, as in CI)."""
        made_in = Path(basis.directory)
        there = not given["paths"] and all((made_in / path).exists() for path in basis.paths)
        folder = made_in if there else Path()
        return cls(
            paths=given["paths"] or tuple(folder / path for path in basis.paths),
            variables={**basis.variables, **given["variables"]},
            var_files=(*(folder / file for file in basis.var_files), *given["var_files"]),
            connect=basis.connect,
            hosts=basis.hosts,
            targets=basis.targets,
            replaced=basis.replaced,
            no_restart=basis.no_restart,
            granted=granted,
        )


def load(request: Request) -> Manifest:
    """Load, validate and resolve. Raises ManifestError with every problem."""
    return load_manifest(
        request.paths,
        sections=SECTIONS,
        variables=request.variables,
        var_files=request.var_files,
        connect=request.connect,
        environ=request.environ,
    )


def advice(manifest: Manifest) -> list[Problem]:
    """What `validate` alone tells: raw user-data that cloud-init's own schema does not know. Too dear for
    every plan."""
    from kvmspec.kinds.domain.cloud_check import check_with_schema

    found = []
    for item in manifest.of("vm"):
        spec = cast("VmSpec", item.spec)
        if spec.cloud_init is not None:
            for finding in check_with_schema(spec.cloud_init, (*item.path, "cloud_init")):
                path = ".".join(map(str, finding.path))
                found.append(
                    Problem(finding.message, manifest.where(finding.path), path, finding.hint, warning=True)
                )
    return found


def render(request: Request) -> list[Rendered]:
    """The XML with which everything would be created, without asking any host."""
    from kvmspec.core.status import Rendered

    manifest = load(request)
    desired = wanting.desire(manifest, KINDS, {})
    targets = wanting.choose_targets(desired, request.targets)
    context = Context(manifest, _renderer(), {}, desired)
    return [
        Rendered(address.kind, address.name, KINDS[address.kind].render(item, context))
        for address, item in desired.items()
        if targets is None or address in targets
    ]


def topology(request: Request) -> Topology:
    """What is wanted and what refers to what, without asking any host."""
    from kvmspec.engine.topology import topology as draw

    manifest = load(request)
    desired = wanting.desire(manifest, KINDS, {})
    targets = wanting.choose_targets(desired, request.targets)
    hosts = wanting.choose_hosts(manifest, request.hosts)
    return draw(manifest.project, hosts, desired, targets, KINDS)


def expanded(request: Request) -> dict[str, Any]:
    """The manifest after all merging, as plain data with secrets hidden."""
    from kvmspec.manifest.expand import expand

    return expand(load(request), SECTIONS)


def manifest_json_schema() -> dict[str, Any]:
    """JSON Schema of the manifest, generated from the models."""
    from kvmspec.manifest.schema import manifest_schema

    return manifest_schema(SECTIONS)


class Session:
    """A manifest and connections to its hosts. A context manager."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.manifest = replace(load(request), rebuilt=_rebuilt(request.replaced))
        self._open = ExitStack()
        self._hosts: dict[str, Host] = {}
        self._guard = threading.Lock()
        self._images = shelf(self.manifest, request)
        self._seen: Context | None = None
        self._holding = Holding(self._hosts)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self._holding.release()
        self._open.close()

    @cached_property
    def _chosen(self) -> dict[str, HostEntry]:
        return wanting.choose_hosts(self.manifest, self.request.hosts)

    def plan(self) -> Plan:
        """Look at every host and compare. Changes nothing."""
        context, differences = self._compared(self._look())
        self._seen = context
        return make_plan(differences, context, KINDS)

    def basis(self, plan: Plan) -> Basis:
        """What the plan that was just made rests on, to save with it."""
        from kvmspec.engine import stale

        return replace(self._read(plan), secrets=stale.secret_digests(self.manifest))

    def hold_against(self, saved: Plan, basis: Basis, plan: Plan) -> list[Address]:
        """Compare a saved plan with the one that was just made; the objects that moved beside it.

        Raises Refused with all that moved, where it is not what would be done now.
        """
        from kvmspec.engine import stale

        current = self._read(plan)
        if problems := stale.moved(saved, basis, plan, current, self.manifest):
            raise Refused(problems, hint=f"it was planned at {saved.created_at}; plan again")
        return stale.beside(saved, basis, current)

    def locate(self, address: Address, path: str = "") -> Where | None:
        """Where the manifest says this of an object; None for what it does not name."""
        from kvmspec.manifest.locate import locate

        seen = self._seen
        item = seen.desired.get(address) if seen else None
        return locate(self.manifest, item.path, path) if item and item.path else None

    def topology(self) -> Topology:
        """The same as the hosts are, with the plan. Changes nothing."""
        from kvmspec.engine.topology import topology as draw

        plan, seen = self.plan(), self._seen
        assert seen is not None, "there is a plan"
        return draw(self.manifest.project, self._chosen, seen.desired, seen.targets, KINDS, plan)

    def lock(self, plan: Plan, patience: Patience | None = None) -> None:
        """Take the locks of the hosts that a plan acts on, until it was applied or the session ends. By then
        the plan may be old: whoever has patience plans again.

        Raises Refused, with no lock kept, where another apply holds one and does so still when the patience
        is over.
        """
        self._holding.take(_hosts(plan), patience)

    def apply(
        self,
        plan: Plan,
        *,
        on_event: Callable[[Event], None],
        interrupted: threading.Event,
        parallelism: int = 4,
    ) -> Result:
        """Carry out a plan, then look again.

        Raises Refused, with nothing done anywhere, when a permission is missing, something is
        not allowed, another apply holds a host, or a host has changed since the plan.
        """
        from kvmspec.engine.execute import execute

        _check_permissions(plan)
        names = _hosts(plan)
        with self._holding.taken(names):
            self._check_unchanged(plan, names)
            self._holding.check()
            result = execute(
                plan, self._hosts, KINDS, on_event=on_event, interrupted=interrupted, parallelism=parallelism
            )
        if result.failed or result.interrupted:
            return result
        context = self._look(())
        again = make_plan(diff(context, KINDS), context, KINDS)
        return replace(
            result,
            remaining=tuple(d for d in again.differences if d.verb is not Verb.NO_OP),
            unverified=tuple(name for name in sorted(names) if context.views[name].unknown),
        )

    def status(self) -> list[VmStatus]:
        """A row for every VM of the manifest, and every owned one that is not in it."""
        from kvmspec.engine.status import status_of

        context = self._look(making=False)
        return status_of(diff(context, KINDS), context, self._hosts)

    def bases(self, *, everything: bool = False) -> Bases:
        """The bases of the manifest's images on the chosen hosts, and which of them may go; with
        `everything` also those that the next disk would be made from. Changes nothing."""
        from kvmspec.engine.prune import judge

        return judge(self._look_at_bases(self._chosen.values()), self.manifest, self._declared, everything)

    def prune(
        self,
        chosen: Collection[PlacedBase],
        *,
        everything: bool = False,
        interrupted: threading.Event,
    ) -> list[Pruned]:
        """Delete bases that `bases` said may go, as long as they still may.

        Raises Refused, with nothing deleted anywhere, when an apply holds one of the hosts.
        """
        from kvmspec.engine.prune import judge, prune

        def look(name: str) -> Bases:
            views = self._look_at_bases([self.manifest.hosts[name]])
            return judge(views, self.manifest, self._declared, everything)

        with self._holding.taken({base.host for base in chosen}):
            return prune(chosen, self._hosts, look, interrupted)

    def reach(self, vm: str) -> Reached:
        """One VM by its name, or host/name, and a connection to its host; no other is asked.

        Raises UsageError where the manifest has none of that name, HostUnreachable.
        """
        from kvmspec.engine.reach import Reached, find

        address = find(self.manifest, vm)
        item = next(item for item in self.manifest.of("vm") if item.name == address.name)
        host = self._connect(self.manifest.hosts[address.host])
        return Reached(address, cast("VmSpec", item.spec), host)

    @cached_property
    def _declared(self) -> frozenset[Address]:
        return frozenset(wanting.desire(self.manifest, KINDS, {}))

    def _look_at_bases(self, entries: Iterable[HostEntry]) -> dict[str, HostView]:
        """Observe hosts with the volumes of every pool; no server is asked for an image."""
        views = observe(entries, self.manifest, self._connect, every_pool=True)
        return with_images(views, {}, self.manifest, self._images, None)

    def _look(self, replaced: tuple[str, ...] | None = None, *, making: bool = True) -> Context:
        """Observe every host, for a VM may live on one that is not planned for, and tell what is
        wanted there. `replaced` are the disks to be made anew, those of the request when not given;
        where nothing is to be made, no image is looked at."""
        request, manifest = self.request, self.manifest
        views = observe(manifest.hosts.values(), manifest, self._connect)
        desired = wanting.desire(manifest, KINDS, views)
        making = making and not request.destroy
        chosen = wanting.choose_disks(desired, request.replaced if replaced is None else replaced)
        return Context(
            manifest,
            _renderer(),
            with_images(views, desired, manifest, self._images, chosen if making else None),
            desired,
            request.granted,
            request.destroy,
            targets=wanting.choose_targets(desired, request.targets, needs=not request.destroy),
            hosts=frozenset(self._chosen),
            no_restart=request.no_restart,
            replaced=chosen,
        )

    def _compared(self, context: Context) -> tuple[Context, list[Difference]]:
        """What differs, after a closer look at what would be changed where that tells more."""
        differences = diff(context, KINDS)
        if all(difference.verb is Verb.NO_OP for difference in differences):
            return context, differences
        from kvmspec.engine.closer import closer
        from kvmspec.engine.preflight import preflight

        if (told := closer(differences, context, self._hosts)) is not None:
            context, differences = told, diff(told, KINDS)
        return context, preflight(differences, context, self._hosts)

    def _read(self, plan: Plan) -> Basis:
        """What was read for the plan, and how it was asked for; without the secrets' digests."""
        from kvmspec.core.basis import Basis
        from kvmspec.engine import stale

        assert self._seen is not None, "there is a plan"
        views, request, secrets = self._seen.views, self.request, self.manifest.secrets
        names = dict.fromkeys([*(d.address for d in plan.differences), *plan.fingerprints])
        known = [address for address in names if not views[address.host].unknown]
        return Basis(
            directory=str(Path.cwd()),
            paths=tuple(map(str, request.paths)),
            variables={
                name: value
                for name, value in request.variables.items()
                if name not in self.manifest.secret_variables and secrets.hide(value) == value
            },
            var_files=tuple(map(str, request.var_files)),
            connect=request.connect,
            hosts=request.hosts,
            targets=request.targets,
            replaced=request.replaced,
            no_restart=request.no_restart,
            manifest=stale.manifest_digests(self.manifest),
            fingerprints=fingerprints(known, self._seen, KINDS),
        )

    def _check_unchanged(self, plan: Plan, names: set[str]) -> None:
        """Look again, now that nobody else applies: at every object, and at what would be done
        (who uses a thing is no part of it, and counts when it is to be deleted)."""
        context = self._look()  # with the permissions that the plan was made with
        wanted = {address: old for address, old in plan.fingerprints.items() if address.host in names}
        unread = [view for name, view in context.views.items() if view.unknown and name in names]
        problems = [
            Problem(f"{view.host} cannot be read any more: {view.unknown}", hint=view.hint) for view in unread
        ]
        if not problems:
            now = fingerprints(wanted, context, KINDS)
            problems = [
                Problem(f"{address} changed since the plan was made")
                for address in wanted
                if now[address] != wanted[address]
            ]
        if not problems:
            context, differences = self._compared(context)
            again = make_plan(differences, context, KINDS)
            changing = {d.address for d in plan.differences if d.verb is not Verb.NO_OP}
            problems = [p for d in again.differences if d.address in changing for p in d.refusals]
            if not problems and not still_to_do(plan, again):
                from kvmspec.engine.stale import gone

                problems = list(gone(plan, again))
        if problems:
            raise Refused(problems, hint="nothing was done; plan again")

    def _connect(self, entry: HostEntry) -> Host:
        with self._guard:
            known = self._hosts.get(entry.name)
        if known is not None and known.is_alive():
            return known
        host = connect(entry.name, entry.uri, self.manifest.secrets, self._images)
        with self._guard:
            self._hosts[entry.name] = host
            self._open.callback(host.close)
        return host


def shelf(manifest: Manifest, request: Request) -> Shelf:
    """The manifest's images, over the cache of this user."""

    def library() -> Library:
        from kvmspec.images.library import Library

        return Library(resources.cache_folder("images"), offline=request.offline, environ=request.environ)

    images = manifest.of("image")
    if not images:
        return Shelf({}, library)
    from kvmspec.kinds.image.source import source_of

    return Shelf({item.name: source_of(item, manifest) for item in images}, library)


def _hosts(plan: Plan) -> set[str]:
    """The hosts that a plan acts on."""
    return {step.action.address.host for step in plan.steps}


def _rebuilt(disks: tuple[str, ...]) -> frozenset[str]:
    """The VMs of `vm/NAME/DISK`."""
    return frozenset(disk.split("/")[1] for disk in disks if disk.count("/") == 2)


def imported_files(files: Sequence[Path], project: str) -> Found:
    """A manifest of the VMs in files with libvirt's XML, without asking any host."""
    from kvmspec.engine import importing

    return importing.of_files(files, project, _renderer())


def imported(names: Sequence[str], project: str, uri: str | None) -> Found:
    """A manifest of VMs of a host; of all that no project owns, where none is named."""
    from kvmspec.engine import importing

    return importing.of_host(names, project, uri, _renderer())


def _check_permissions(plan: Plan) -> None:
    if plan.refusals:
        raise Refused(plan.refusals)
    if plan.missing:
        names = ",".join(sorted(permission.value for permission in plan.missing))
        raise Refused([Problem(f"the plan needs permissions that were not given: --allow {names}")])


def _renderer() -> Renderer:
    return Renderer(resources.folder("templates"), resources.cache_folder("templates"))
