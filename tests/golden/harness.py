"""One golden case: files in, texts out, without any libvirt.

manifest.yaml     what is planned
options.yaml      environ, allow, targets, destroy, no_restart, hosts: as on the command line (optional)
before.yaml       what had been applied before, and
outside.sh        what somebody did on the host since: capture.py makes live/ of them (optional)
live/             what the host has: KIND.NAME.xml, vm.NAME.active.xml, host.yaml; where the manifest
                  names hosts, one folder a host
expected/         KIND.NAME.xml: what `render` gives
edited/           KIND.NAME.xml: the live definition after the plan's edits
plan.txt          what a user sees;  plan.md  what a reviewer sees on GitHub
steps.txt         the ordered actions;  plan.json  where it is there
refused.txt       instead of a plan: the problems (exit 3)
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from kvmspec import pipeline
from kvmspec.canon.edit import edit
from kvmspec.core.action import EditDomain, EditNetwork, EditPool
from kvmspec.core.address import Address
from kvmspec.core.basis import Basis
from kvmspec.core.errors import HostUnreachable, ManifestError
from kvmspec.core.impact import Permission
from kvmspec.core.observed import HostFacts, Observed, ObservedVolume
from kvmspec.core.plan import Plan
from kvmspec.manifest.section import HostEntry
from kvmspec.report.json import plan_data
from kvmspec.report.markdown import markdown
from kvmspec.report.problems import problems_text
from kvmspec.report.saved import saved_text
from kvmspec.report.text import plan_text

CASES = Path(__file__).with_name("cases")

_RANDOM = (
    (re.compile(r"scrypt:[0-9a-f]+\$[0-9a-f]+"), "scrypt:SALT$DIGEST"),
    (re.compile(r"kvmspec-secret-[0-9a-f]{16}"), "kvmspec-secret-TOKEN"),
)
_KEYS = {"vm": "vms", "network": "networks", "pool": "pools", "secret": "secrets", "nwfilter": "nwfilters"}


@dataclass(frozen=True)
class Case:
    """A folder below cases/."""

    folder: Path

    @cached_property
    def options(self) -> Mapping[str, Any]:
        return _yaml(self.folder / "options.yaml")

    def texts(self) -> dict[str, str]:
        """file → text of everything that is expected of this case, as the code has it now."""
        with _inside(self.folder):
            return {name: stable(text) for name, text in self._texts().items()}

    def definitions(self) -> dict[str, str]:
        """name → XML of all that libvirt would be given: what is rendered, and what edits make of what is."""
        with _inside(self.folder):
            found = {name: text for name, text in self._texts().items() if name.endswith(".xml")}
            if "plan.txt" in self._texts():
                with Canned(self._request(), self.folder / "live") as session:
                    plan = session.plan()
                found |= {f"{name} as edited": after for name, _, after in _edited(plan, session)}
            return found

    def saved(self) -> str | None:
        """The saved plan; None where the manifest is refused before there is one."""
        try:
            with _inside(self.folder), Canned(self._request(), self.folder / "live") as session:
                plan = session.plan()
                return saved_text(plan, session.basis(plan))
        except ManifestError:
            return None

    def plan(self) -> Plan:
        """The plan, made once more."""
        with _inside(self.folder), Canned(self._request(), self.folder / "live") as session:
            return session.plan()

    def hold_against(self, saved: Plan, basis: Basis) -> list[Address]:
        """What `apply PLANFILE` does first: plan again and compare."""
        with _inside(self.folder), Canned(self._request(), self.folder / "live") as session:
            return session.hold_against(saved, basis, session.plan())

    def _texts(self) -> dict[str, str]:
        request = self._request()
        try:
            found = {
                f"expected/{item.kind}.{item.name.replace('/', '.')}.xml": item.xml
                for item in pipeline.render(request)
            }
            with Canned(request, self.folder / "live") as session:
                plan = session.plan()
        except ManifestError as error:
            return {"refused.txt": problems_text(error.problems)}
        found |= {"plan.txt": plan_text(plan), "plan.md": _comment(plan), "steps.txt": _steps(plan)}
        found |= {
            f"edited/{name}.diff": _difference(before, after)
            for name, before, after in _edited(plan, session)
        }
        if (self.folder / "plan.json").exists():
            found["plan.json"] = _json(plan)
        return found

    def _request(self) -> pipeline.Request:
        options = self.options
        return pipeline.Request(
            (Path("manifest.yaml"),),
            variables=options.get("variables", {}),
            environ=options.get("environ", {}),
            hosts=tuple(options.get("hosts", ())),
            targets=tuple(options.get("targets", ())),
            granted=frozenset(map(Permission, options.get("allow", ()))),
            destroy=options.get("destroy", False),
            no_restart=options.get("no_restart", False),
        )


class Canned(pipeline.Session):
    """A session whose hosts are folders: what it would ask libvirt for is read from live/."""

    def __init__(self, request: pipeline.Request, live: Path) -> None:
        super().__init__(request)
        self._live = live

    def host(self, name: str) -> CannedHost:
        """What live/ says of a host; without that folder, an empty host. Raises HostUnreachable."""
        return CannedHost.read(self._live / name if (self._live / name).is_dir() else self._live)

    def _connect(self, entry: HostEntry) -> Any:
        return self.host(entry.name)


@dataclass(frozen=True)
class Listing:
    """One kind of object of a canned host."""

    found: tuple[Any, ...]

    def list(self, wanted: Any = None) -> list[Any]:
        """All of them; of volumes, those of the pools that are asked for."""
        if isinstance(wanted, Collection):
            return [volume for volume in self.found if volume.pool in wanted]
        return list(self.found)

    def get(self, name: str) -> Observed | None:
        return next((observed for observed in self.found if observed.name == name), None)


@dataclass(frozen=True)
class CannedHost:
    """Answers what a plan asks of a host."""

    networks: Listing
    pools: Listing
    volumes: Listing
    domains: Listing
    known: HostFacts
    secrets: Listing
    nwfilters: Listing

    @classmethod
    def read(cls, live: Path) -> CannedHost:
        """From a folder. Raises HostUnreachable where its host.yaml says `unknown`."""
        said = _yaml(live / "host.yaml")
        if "unknown" in said:
            raise HostUnreachable(said["unknown"], hint=said.get("hint", ""))
        return cls(
            *(Listing(tuple(_observed(live, kind, said))) for kind in ("network", "pool")),
            Listing(tuple(ObservedVolume(**entry) for entry in said.get("volumes", ()))),
            Listing(tuple(_observed(live, "vm", said))),
            HostFacts(**said.get("facts", {})),
            *(Listing(tuple(_observed(live, kind, said))) for kind in ("secret", "nwfilter")),
        )

    @property
    def driver(self) -> str:
        return self.known.driver

    def facts(self) -> HostFacts:
        return self.known


def _observed(live: Path, kind: str, said: Mapping[str, Any]) -> Iterator[Observed]:
    for file in sorted(live.glob(f"{kind}.*.xml")):
        name = file.name.removeprefix(f"{kind}.").removesuffix(".xml")
        if name.endswith(".active"):
            continue
        xml, active = file.read_text(), live / f"{kind}.{name}.active.xml"
        uuid = re.search(r"<uuid>(.*?)</uuid>", xml)
        yield Observed(
            kind,
            name,
            uuid[1] if uuid else "",
            xml,
            active_xml=active.read_text() if active.exists() else None,
            **said.get(_KEYS[kind], {}).get(name, {}),
        )


def _edited(plan: Plan, session: Canned) -> Iterator[tuple[str, str, str]]:
    """(name, live definition, what the plan's edits make of it)."""
    old_names = {new: old for old, new in session.manifest.moved}
    for step in plan.steps:
        address = step.action.address
        if not isinstance(step.action, EditDomain | EditNetwork | EditPool):
            continue
        host = session.host(address.host)
        group = {"vm": host.domains, "network": host.networks, "pool": host.pools}[address.kind]
        live = group.get(address.name) or group.get(old_names.get(address.name, ""))
        assert live is not None, f"{address} is to be edited and not there"
        yield f"{address.kind}.{address.name}", edit(live.xml, ()), edit(live.xml, step.action.edits)


def _difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "live", "edited", n=1, lineterm="")
    return "\n".join(lines) + "\n"


def _steps(plan: Plan) -> str:
    lines = [
        f"{step.number:>2}  {type(step.action).__name__:<18} {step.action.address}  {step.text}"
        + (f"  (after {', '.join(map(str, sorted(step.after)))})" if step.after else "")
        for step in plan.steps
    ]
    needs = ", ".join(sorted(permission.value for permission in plan.required)) or "nothing"
    return "\n".join([*lines, f"requires: {needs}"]) + "\n"


def _comment(plan: Plan) -> str:
    return markdown(replace(plan, created_at="…"))


def _json(plan: Plan) -> str:
    data = plan_data(plan) | {"created_at": "…", "kvmspec_version": "…"}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def stable(text: str) -> str:
    """Without what is random by intent: salts, digests and the tokens of one run."""
    for pattern, word in _RANDOM:
        text = pattern.sub(word, text)
    return text


def cases() -> list[Case]:
    """All cases, by name."""
    return [Case(folder) for folder in sorted(CASES.iterdir()) if (folder / "manifest.yaml").exists()]


def _yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text()) if file.exists() else {}


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Places in problems are then relative to the case, wherever the checkout lies."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
