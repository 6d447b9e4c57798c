"""A secret of a host → what a manifest says of it. Its value stays where it is: a variable is to be set."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kvmspec.kinds.secret.facts import read

Data = dict[str, Any]
_ODD = re.compile(r"[^A-Za-z0-9_.+-]+")


class Imported(NamedTuple):
    """A name for the secret, its entry, and the variable that its value is to come from."""

    name: str
    entry: Data
    variables: dict[str, Data]


def import_secret(xml: str) -> Imported:
    """What the secret of `virsh secret-dumpxml` is in a manifest. Raises ValueError for other XML."""
    facts = read(xml)
    if not facts.uuid:
        raise ValueError("this secret has no UUID")
    name = facts.name or _ODD.sub("-", facts.usage_id.rpartition("/")[2]).strip("-.+")[:63] or "secret"
    variable = re.sub(r"[^a-z0-9_]+", "_", f"{name}_value".lower()).lstrip("0123456789_") or "value"
    entry: Data = {"usage": facts.usage}
    if facts.usage != "none" and facts.usage_id != name:
        entry["usage_id"] = facts.usage_id
    entry["value"] = f"${{{variable}}}"
    entry |= {key: True for key in ("ephemeral", "private") if getattr(facts, key)}
    if facts.text:
        entry["description"] = facts.text.replace("$", "$$")
    entry["uuid"] = facts.uuid
    return Imported(name, entry, {variable: {"env": variable.upper(), "secret": True}})
