"""A secret's difference, and the actions for it.

field table: usage, usage_id: never; private: once; value, ephemeral, description: at once.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from kvmspec.core.action import DefineSecret, DeleteSecret, SetSecret
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, FieldChange, Verb
from kvmspec.core.desired import Desired
from kvmspec.core.impact import Impact
from kvmspec.core.observed import HostView, Observed
from kvmspec.core.problem import Problem
from kvmspec.kinds import compare
from kvmspec.kinds.base import Chain, Context
from kvmspec.kinds.ownership import derived_uuid
from kvmspec.kinds.records import SECRET
from kvmspec.kinds.secret.facts import TAGS, Facts, noted, read
from kvmspec.kinds.secret.spec import SecretSpec
from kvmspec.manifest.secrets import digest, matches


def render(desired: Desired, context: Context) -> str:
    """The XML with which the secret is created; without its value, which libvirt takes by itself."""
    uuid = desired.spec.uuid or derived_uuid(context.manifest.project, "secret", desired.address.name)
    return _xml(_wanted(desired, uuid, None, context), context)


def _xml(facts: Facts, context: Context) -> str:
    text = facts.text
    if facts.marked:
        text = noted(text, facts.project, facts.name, facts.digest)
    return context.renderer.render(
        "secret.xml.j2",
        uuid=facts.uuid,
        usage=facts.usage,
        tag=TAGS.get(facts.usage),
        usage_id=facts.usage_id,
        ephemeral=facts.ephemeral,
        private=facts.private,
        description=text,
    )


def _wanted(desired: Desired, uuid: str, live: Facts | None, context: Context) -> Facts:
    """What it is to be; of one that is adopted, what nobody states as it is. Without the digest of a
    value."""
    spec: SecretSpec = desired.spec
    name, project = desired.address.name, context.manifest.project
    ours = uuid == derived_uuid(project, "secret", name)
    private = spec.private if spec.private is not None else bool(live and not ours and live.private)
    marked = ours or (private and spec.value is not None)
    return Facts(
        uuid,
        spec.usage,
        "" if spec.usage == "none" else spec.of(name),
        spec.ephemeral if spec.ephemeral is not None else bool(live and not ours and live.ephemeral),
        private,
        spec.description if spec.description is not None else (live.text if live and not ours else ""),
        *((project, name) if marked else ()),
    )


def diff(desired: Desired, view: HostView, context: Context) -> Difference:
    """Compare a secret with what is there; of its value it is only known whether it is the stated one."""
    match = compare.match(desired, view.secrets, context)
    refusal = match.refusal or (_taken(desired, view, context) if match.observed is None else None)
    if refusal is not None:
        return Difference(desired.address, Verb.NO_OP, refusals=(refusal,))
    if match.observed is None:
        wanted = _wanted(desired, match.uuid, None, context)
        chain: Chain = [(DefineSecret(desired.address, _xml(wanted, context)), "create")]
        chain += _setting(desired, wanted, context)
        return Difference(
            desired.address,
            Verb.CREATE,
            after=_shown(wanted),
            notes=_without_value(desired),
            detail=tuple(chain),
        )
    return _compare(desired, match.observed, context)


def _taken(desired: Desired, view: HostView, context: Context) -> Problem | None:
    """libvirt refuses a second secret for a usage."""
    spec: SecretSpec = desired.spec
    of = spec.of(desired.address.name)
    for other in view.secrets.values() if spec.usage != "none" else ():
        facts = read(other.xml)
        if (facts.usage, facts.usage_id) == (spec.usage, of):
            return context.problem(
                (*desired.path, "usage_id") if spec.usage_id else desired.path,
                f"{view.host} has a secret for {spec.usage} {of} already, which this project did not make",
                f"adopt it by stating `uuid: {other.uuid}`, or choose another `usage_id`",
            )
    return None


def _setting(desired: Desired, wanted: Facts, context: Context) -> Chain:
    """The step that sets the value; a private one is noted by its digest, once it is set."""
    spec: SecretSpec = desired.spec
    if spec.value is None:
        return []
    xml = ""
    if wanted.private:
        xml = _xml(
            wanted._replace(digest=SECRET + digest(context.manifest.secrets.reveal(spec.value))), context
        )
    return [(SetSecret(desired.address, wanted.uuid, spec.value, spec.written, xml), "set its value")]


def _compare(desired: Desired, observed: Observed, context: Context) -> Difference:
    live = read(observed.xml)
    wanted = _wanted(desired, observed.uuid, live, context)
    if refusals := tuple(_cannot_change(desired, live, wanted, context)):
        return Difference(desired.address, Verb.NO_OP, refusals=refusals)
    new_value = _value_differs(desired, observed, live, context)
    if not wanted.marked:
        wanted = wanted._replace(project=live.project, name=live.name)
    if not new_value:
        wanted = wanted._replace(digest=live.digest)
    changes = list(_changes(live, wanted))
    if new_value:
        before = None if observed.state == "unset" else "(another)"
        changes.append(
            FieldChange(
                "value", before, "(secret)", Impact.LIVE, "read at the next start of what uses it", True
            )
        )
    chain: Chain = []
    if wanted != live:
        chain.append((DefineSecret(desired.address, _xml(wanted, context)), "change its definition"))
    if new_value:
        chain += _setting(desired, wanted, context)
    return Difference(
        desired.address,
        Verb.UPDATE if chain else Verb.NO_OP,
        tuple(changes),
        before=_shown(live),
        after=_shown(wanted),
        notes=_without_value(desired) if observed.state == "unset" else (),
        detail=tuple(chain),
    )


def _value_differs(desired: Desired, observed: Observed, live: Facts, context: Context) -> bool:
    spec: SecretSpec = desired.spec
    if spec.value is None:
        return False
    if observed.state == "private":
        known = live.digest.removeprefix(SECRET)
        return not known or not matches(context.manifest.secrets.reveal(spec.value), known)
    return observed.state != "same"


def _cannot_change(desired: Desired, live: Facts, wanted: Facts, context: Context) -> Iterator[Problem]:
    if (live.usage, live.usage_id) != (wanted.usage, wanted.usage_id):
        yield context.problem(
            (*desired.path, "usage_id" if desired.spec.usage_id else "usage"),
            f"{desired.address.short} is for {live.usage} {live.usage_id}".rstrip()
            + f" on {desired.address.host}, and libvirt does not change that",
            "declare a new secret under another name",
        )
    if live.private and not wanted.private:
        yield context.problem(
            (*desired.path, "private"),
            f"{desired.address.short} on {desired.address.host} is private, and libvirt keeps it so",
            "state `private: true`, or declare a new secret under another name",
        )


def _changes(live: Facts, wanted: Facts) -> Iterator[FieldChange]:
    for path in ("ephemeral", "private"):
        before, after = getattr(live, path), getattr(wanted, path)
        if before != after:
            yield FieldChange(path, before, after, Impact.LIVE)
    if live.text != wanted.text or live[6:8] != wanted[6:8]:
        yield FieldChange("description", live.text or None, wanted.text or None, Impact.LIVE)


def _shown(facts: Facts) -> dict[str, object]:
    return {
        "usage": facts.usage,
        "usage_id": facts.usage_id,
        "ephemeral": facts.ephemeral,
        "private": facts.private,
        "description": facts.text,
    }


def _without_value(desired: Desired) -> tuple[str, ...]:
    if desired.spec.value is not None:
        return ()
    return ("it has no value: state `value`, or set it with `virsh secret-set-value`",)


# --- what is to go
def leftovers(view: HostView, context: Context) -> list[Difference]:
    """Secrets of the project that the manifest no longer names."""
    owned = compare.owned_leftovers("secret", view.secrets, view, context)
    return [_deletion(observed, view, context) for observed in owned]


def _deletion(observed: Observed, view: HostView, context: Context) -> Difference:
    facts, address = read(observed.xml), Address(view.host, "secret", observed.name)
    refusals = []
    if users := _users(facts, view, context, address):
        refusals.append(
            Problem(
                f"{address.short} on {view.host} is used by {', '.join(users)}, which stays",
                hint="take it out there first, or keep it in the manifest",
            )
        )
    notes = ["what is encrypted with it can be read only with its value"] if facts.usage == "volume" else []
    gone = compare.deletion(observed, view, notes, refusals)
    return Difference(
        gone.address,
        gone.verb,
        notes=gone.notes,
        refusals=gone.refusals,
        impact_floor=gone.impact_floor,
        before=_shown(facts),
        detail=((DeleteSecret(address, facts.uuid), "delete"),),
    )


def _users(facts: Facts, view: HostView, context: Context, address: Address) -> list[str]:
    """The VMs and pools that refer to a secret and stay."""
    uses = {needle for needle in (facts.uuid, facts.usage_id) if needle}
    found = [d for needle in sorted(uses) for d in compare.users(view, needle, lambda r: _refers(r, facts))]
    staying = {d.name for d in compare.staying(found, context, address)}
    pools = [
        p for p in view.pools.values() if _refers(ET.fromstring(p.xml), facts) and _stays(p, view, context)
    ]
    return [*(f"vm/{name}" for name in sorted(staying)), *(f"pool/{pool.name}" for pool in pools)]


def _stays(pool: Observed, view: HostView, context: Context) -> bool:
    ours = pool.uuid == derived_uuid(context.manifest.project, "pool", pool.name)
    return not ours or (not context.destroy and Address(view.host, "pool", pool.name) in context.desired)


def _refers(root: ET.Element, facts: Facts) -> bool:
    return any(
        node.get("uuid") == facts.uuid or (facts.usage_id and node.get("usage") == facts.usage_id)
        for node in root.iter("secret")
    )
