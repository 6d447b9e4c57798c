"""A secret of a host → what a manifest says of it. Its value stays where it is: a variable is to be set."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import count
from typing import Any, NamedTuple

from kvmspec.kinds.secret.facts import read

Data = dict[str, Any]
_ODD = re.compile(r"[^A-Za-z0-9_.+-]+")


class Imported(NamedTuple):
    """A name for the secret, its entry, and the variable that its value is to come from."""

    name: str
    entry: Data
    variables: dict[str, Data]


def import_secret(xml: str, names: Container[str] = (), variables: Container[str] = ()) -> Imported:
    """What the secret of `virsh secret-dumpxml` is in a manifest, beside the `names` and `variables` that
    there are. Raises ValueError for other XML."""
    facts = read(xml)
    if not facts.uuid:
        raise ValueError("this secret has no UUID")
    name = facts.name or _ODD.sub("-", facts.usage_id.rpartition("/")[2]).strip("-.+")[:59] or "secret"
    name = _free(name, "-", names)
    variable = re.sub(r"[^a-z0-9_]+", "_", f"{name}_value".lower()).lstrip("0123456789_") or "value"
    variable = _free(variable, "_", variables)
    entry: Data = {"usage": facts.usage}
    if facts.usage != "none" and facts.usage_id != name:
        entry["usage_id"] = facts.usage_id
    entry["value"] = f"${{{variable}}}"
    entry |= {key: True for key in ("ephemeral", "private") if getattr(facts, key)}
    if facts.text:
        entry["description"] = facts.text.replace("$", "$$")
    entry["uuid"] = facts.uuid
    return Imported(name, entry, {variable: {"env": variable.upper(), "secret": True}})


def _free(name: str, dash: str, taken: Container[str]) -> str:
    """The name, or the first of name-2, name-3 … that is not taken."""
    numbered = (f"{name}{dash}{number}" for number in count(2))
    return name if name not in taken else next(each for each in numbered if each not in taken)
