"""VMs, networks and pools that exist → a manifest. Of a host only definitions are read."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kvmspec.adapters.jinja import Renderer
from kvmspec.adapters.libvirt import Host, connect
from kvmspec.adapters.libvirt.domains import LOCK_NAME
from kvmspec.core.errors import KvmspecError
from kvmspec.core.observed import Observed
from kvmspec.core.problem import Problem, Where
from kvmspec.engine import surroundings
from kvmspec.engine.gathered import Gathered
from kvmspec.engine.keyed import Keys, bring_along, keys_of
from kvmspec.engine.surroundings import Stock
from kvmspec.kinds import records
from kvmspec.kinds.domain.importing import import_domain
from kvmspec.kinds.importing.literal import Named
from kvmspec.kinds.network.importing import import_network
from kvmspec.kinds.nwfilter.importing import import_nwfilter
from kvmspec.kinds.pool.importing import import_pool
from kvmspec.kinds.secret.importing import import_secret
from kvmspec.manifest.placement import DEFAULT_URI
from kvmspec.manifest.secrets import SecretStore

Data = dict[str, Any]
_OTHERS = "the others are imported"
_EXPECTED = (
    "expected the output of `virsh dumpxml NAME`, or of `net-dumpxml`, `pool-dumpxml`, `nwfilter-dumpxml` "
    "or `secret-dumpxml`"
)


class Found(NamedTuple):
    """What was imported: a manifest's text, and the same as files by their names; the variables that are to
    be set; what could not be read."""

    text: str
    files: Mapping[str, str]
    variables: Mapping[str, Data]
    problems: tuple[Problem, ...] = ()


# --- files
def of_files(files: Iterable[Path], project: str, renderer: Renderer) -> Found:
    """The VMs, networks and pools of files with libvirt's XML. A file that is not read is a problem, and no
    reason to leave the others."""
    gathered, problems = Gathered(project), []
    for file in files:
        try:
            _take(file.read_text(encoding="utf-8"), gathered, renderer)
        except OSError as error:
            problems.append(Problem(f"cannot read {file}: {error.strerror}", Where(str(file), 1, 1)))
        except (ET.ParseError, ValueError) as error:
            other = isinstance(error, ET.ParseError) or str(error).startswith("this is not")
            problems.append(Problem(f"{file}: {error}", hint=_EXPECTED if other else _OTHERS))
    return _found(gathered, problems)


def _take(xml: str, gathered: Gathered, renderer: Renderer) -> None:
    root = ET.fromstring(xml)
    if root.tag == "network":
        gathered.add("networks", *_at_rest(import_network(xml, renderer), "connections" in root.attrib))
    elif root.tag == "pool":
        running = root.findtext("capacity", "0") != "0"
        gathered.add("pools", *_at_rest(import_pool(xml, renderer, running=running), running))
    elif root.tag == "filter":
        gathered.add("nwfilters", *import_nwfilter(xml))
    elif root.tag == "secret":
        secret = import_secret(xml, gathered.sections["secrets"], gathered.variables)
        gathered.add("secrets", secret.name, secret.entry)
        gathered.variables |= secret.variables
    else:
        one = import_domain(xml, renderer)
        gathered.add("vms", one.name, one.entry)
        gathered.variables |= one.variables


def _at_rest(one: Named, running: bool) -> Named:
    """Whether it runs a dump tells only where it does; else that is left as it is."""
    return one if running else one._replace(entry=one.entry | {"state": "any"})


# --- a host
def of_host(names: Sequence[str], project: str, uri: str | None, renderer: Renderer) -> Found:
    """VMs of a host, or all that no project owns, with the networks, pools and volumes they use. A name may
    be `network/NAME` or `pool/NAME`, too. Raises KvmspecError where one of the names is nowhere."""
    host = connect("default", uri or os.environ.get("LIBVIRT_DEFAULT_URI") or DEFAULT_URI, SecretStore())
    asked = _Asked.of(names)
    every = host.domains.list(lambda name, uuid: name != LOCK_NAME and (not names or name in asked.vms))
    stock = surroundings.stock_of(host)
    _all_there(asked, every, stock, host)
    free = [one for one in every if one.persistent and (names or records.read(one.xml, one.uuid) is None)]
    keys = keys_of(host, [one.xml for one in (*free, *stock.pools.values())])
    return of_domains(sorted(free, key=lambda one: one.name), project, renderer, stock, asked, keys)


class _Asked(NamedTuple):
    """The names that were given, by kind."""

    vms: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()

    @staticmethod
    def of(names: Iterable[str]) -> _Asked:
        found: dict[str, list[str]] = {"vm": [], "network": [], "pool": []}
        for name in names:
            kind, slash, inner = name.partition("/")
            found[kind if slash and kind in found else "vm"].append(
                inner if slash and kind in found else name
            )
        return _Asked(*(tuple(found[kind]) for kind in ("vm", "network", "pool")))


def _all_there(asked: _Asked, every: Iterable[Observed], stock: Stock, host: Host) -> None:
    for kind, names, there, command in (
        ("VM", asked.vms, {one.name for one in every}, "list --all"),
        ("network", asked.networks, stock.networks, "net-list --all"),
        ("pool", asked.pools, stock.pools, "pool-list --all"),
    ):
        if missing := sorted({*names} - {*there}):
            raise KvmspecError(
                f"no {kind} called {', '.join(missing)} on {host.uri}", hint=f"`virsh {command}` shows them"
            )


_NOTHING = Stock({}, {}, {})


def of_domains(
    domains: Iterable[Observed],
    project: str,
    renderer: Renderer,
    stock: Stock = _NOTHING,
    asked: _Asked = _Asked(),  # noqa: B008 (it is frozen)
    keys: Keys = Keys(),  # noqa: B008
) -> Found:
    """The VMs of a host, in the state they are in, and what they use of it."""
    gathered, problems, imported = Gathered(project), list[Problem | None](), []
    for observed in domains:
        try:
            one = import_domain(observed.xml, renderer, "running" if observed.running else "stopped")
        except ValueError as error:
            problems.append(Problem(f"vm/{observed.name}: {error}", hint=_OTHERS))
            continue
        gathered.add("vms", one.name, one.entry | ({"autostart": True} if observed.autostart else {}))
        gathered.variables |= one.variables
        imported.append((one.name, observed.xml))
    networks = [*asked.networks, *(name for _, xml in imported for name in surroundings.networks_of(xml))]
    pools = [*asked.pools, *(name for _, xml in imported for name in surroundings.pools_of(xml))]
    for name in sorted({*networks} & {*stock.networks}):
        problems.append(surroundings.add_network(name, stock, gathered, renderer))
    for name in sorted({*pools} & {*stock.pools}):
        problems.append(surroundings.add_pool(name, stock, gathered, renderer))
    problems += surroundings.place_disks(gathered, stock, renderer)
    surroundings.missing(imported, stock, gathered)
    using = {("vms", name): xml for name, xml in imported}
    using |= {("pools", name): stock.pools[name].xml for name in gathered.sections["pools"]}
    bring_along(using, keys, gathered)
    return _found(gathered, [problem for problem in problems if problem is not None])


def _found(gathered: Gathered, problems: Iterable[Problem]) -> Found:
    return Found(gathered.text(), gathered.files(), gathered.variables, tuple(problems))
