"""The manifest's JSON Schema (draft 2020-12), generated from the models: for editors and for CI.

It is a little wider than the loader. Nothing inside an object is `required`, for whatever is missing
may come from a profile or from defaults; and where a value may be a reference, its type is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core.core_schema import PlainValidatorFunctionSchema

from kvmspec.manifest.deferred import KEY
from kvmspec.manifest.merge import all_inner
from kvmspec.manifest.model import Model
from kvmspec.manifest.own_keys import LISTS, OWNED, PROFILES, VARIANTS
from kvmspec.manifest.placement import HostSpec
from kvmspec.manifest.roots import ENTRIES, HeadSpec
from kvmspec.manifest.section import Section
from kvmspec.manifest.variables import VariableSpec

Schema = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,62}$"
_REFERENCE: Schema = {
    "type": "string",
    "pattern": r"\$\{[^}]+\}",
    "description": "A text with a reference, such as ${name}.",
}
_VERBATIM = ("examples", "default", "const", "enum")
"""Keywords that hold values and no schemas."""


class _Generator(GenerateJsonSchema):
    """Schemas in which a deferred model is the model."""

    def function_plain_schema(self, schema: PlainValidatorFunctionSchema) -> JsonSchemaValue:
        """As pydantic's own, but of the model where it is a deferred one."""
        found = schema.get("metadata", {}).get(KEY)
        if found is None:
            return super().function_plain_schema(schema)
        model = found.model()
        model.model_rebuild()
        return self.generate_inner(model.__pydantic_core_schema__)


def manifest_schema(sections: Sequence[Section]) -> Schema:
    """The schema of a whole manifest with these sections; the same input gives the same text."""
    schema: Schema = _without_marks(marked_schema(sections))
    return schema


def marked_schema(sections: Sequence[Section]) -> Schema:
    """The same with what JSON Schema has no words for, under keys that begin with `x-`."""
    roots: list[type[BaseModel]] = [HeadSpec, VariableSpec, HostSpec, *ENTRIES.values()]
    specs = [section.spec for section in sections]
    refs, top = models_json_schema(
        [(model, "validation") for model in (*roots, *specs)], schema_generator=_Generator
    )
    keys = {model: ref["$ref"].rpartition("/")[2] for (model, _), ref in refs.items()}
    definitions: dict[str, Schema] = _tidy(top["$defs"])
    for name, model in _below(specs, definitions).items():
        definitions[name]["x-required"] = definitions[name].pop("required", [])
        definitions[name] = _with_short(definitions[name], model)
    definitions |= {keys[model]: _with_short(definitions[keys[model]], model) for model in roots}
    head = definitions.pop(keys[HeadSpec])
    properties = {**head["properties"], **_maps(sections, definitions, keys)}
    for name, entry in ENTRIES.items():
        described = definitions[keys[entry]].get("description", "")
        properties[name] = {
            "type": ["array", "null"],
            "items": _ref(keys[entry]),
            "description": LISTS.get(name, described),
        }
    for model in set(specs):
        del definitions[keys[model]]
    root = {"type": "object", "properties": properties, "required": head["required"]}
    definitions = {name: _map_schema(schema, _or_reference) for name, schema in sorted(definitions.items())}
    root = _map_schema({**root, "additionalProperties": False}, _or_reference)
    return {
        "$schema": DRAFT,
        "title": "kvmspec manifest",
        **root,
        "$defs": {**definitions, "reference": _REFERENCE},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _named(name: str, description: str, examples: Sequence[str]) -> Schema:
    """A map of named objects."""
    return {
        "type": ["object", "null"],
        "propertyNames": {"pattern": _NAME, "examples": list(examples)},
        "additionalProperties": _ref(name),
        "description": description,
    }


def _maps(sections: Sequence[Section], definitions: dict[str, Schema], keys: Mapping[Any, str]) -> Schema:
    """The root's maps. Adds the sections' models with the loader's own keys to `definitions`."""
    maps = {
        "variables": _named(
            keys[VariableSpec],
            "Values that the manifest uses as `${name}`.",
            ("domain", "web_count", "ssh_key", "vnc_password"),
        ),
        "hosts": _named(
            keys[HostSpec],
            "The libvirt hosts. Without any there is one: from --connect, else $LIBVIRT_DEFAULT_URI, else "
            "qemu:///system.",
            ("hv1", "hv2"),
        ),
    }
    default_host = "The host of whatever names none."
    defaults: Schema = {"host": {**OWNED["host"], "description": default_host}}
    for section in sections:
        key = keys[section.spec]
        model = definitions[key]
        for variant, owned in VARIANTS[section.profiles].items():
            definitions[key + variant] = _extended(model, owned)
        if section.profiles:
            described = "Parts of VMs, merged under the VMs and profiles that name them."
            maps["profiles"] = _named(f"{key}Profile", described, ("big", "base"))
            maps["profiles"]["examples"] = [PROFILES]
        described = f"Merged under every entry of `{section.key}`."
        defaults[section.key] = {
            **_ref(f"{key}Defaults"),
            "description": described,
            "examples": [{"host": "hv1", "profile": "base"} if section.profiles else {"hosts": ["hv1"]}],
        }
        maps[section.key] = _named(f"{key}Entry", model.get("description", ""), section.names)
    maps["defaults"] = {
        "type": ["object", "null"],
        "properties": defaults,
        "additionalProperties": False,
        "description": "What every entry of a section has unless it says otherwise.",
        "examples": [{"host": "hv1"}],
    }
    return maps


def _extended(model: Schema, owned: Sequence[str]) -> Schema:
    """The model with keys of the loader's own; also in its long form, where it has a short one."""
    if "anyOf" in model:
        return {**model, "anyOf": [*model["anyOf"][:-1], _extended(model["anyOf"][-1], owned)]}
    properties = {**{key: OWNED[key] for key in owned}, **model.get("properties", {})}
    return {**model, "type": ["object", "null"], "properties": properties}


def _below(
    models: Sequence[type[BaseModel]], definitions: Mapping[str, Schema]
) -> dict[str, type[BaseModel]]:
    """The models, and those inside them, by the name of their definition."""
    found: dict[str, type[BaseModel]] = {}
    todo, seen = list(models), set[type[BaseModel]]()
    while todo:
        model = todo.pop()
        if model not in seen:
            seen.add(model)
            module = model.__module__.replace(".", "__")
            for name in (model.__name__, f"{module}__{model.__qualname__}"):  # pydantic's, where names repeat
                if name in definitions:
                    found[name] = model
            todo += all_inner(model)
    return found


def _tidy(schema: Any, *, names: bool = True) -> Any:
    """Without pydantic's titles and null defaults; short descriptions. `names`: the keys are names."""
    if isinstance(schema, list):
        return [_tidy(part, names=False) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if names:
        return {key: _tidy(part, names=False) for key, part in schema.items()}
    result = {}
    for key, value in schema.items():
        if key == "description":
            result[key] = re.sub(r"\s+", " ", value.partition("\n\n")[0]).strip()
        elif key in _VERBATIM or key.startswith("x-"):
            result[key] = value
        elif key != "title":
            result[key] = _tidy(value, names=key in ("properties", "$defs", "mapping"))
    if result.get("default", ...) is None:
        del result["default"]
    return result


def _without_marks(schema: Any, *, names: bool = False) -> Any:
    """Without the keys that begin with `x-`. `names`: the keys are names."""
    if isinstance(schema, list):
        return [_without_marks(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value
        if key in _VERBATIM
        else _without_marks(value, names=key in ("properties", "$defs", "patternProperties"))
        for key, value in schema.items()
        if names or not key.startswith("x-")
    }


def _with_short(schema: Schema, model: type[BaseModel]) -> Schema:
    """The schema, or what its short form takes."""
    if not issubclass(model, Model) or model.short is None:
        return schema
    info = model.model_fields[model.short]
    short = schema["properties"].get(info.alias or model.short, {})
    short = {key: value for key, value in short.items() if key != "default"}
    return {"description": schema.get("description", ""), "anyOf": [_or_reference(short), schema]}


def _map_schema(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """`schema` with `change` applied to each value's schema inside it, the innermost first."""
    result: Schema = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties"):
            result[key] = {name: change(_map_schema(part, change)) for name, part in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            result[key] = change(_map_schema(value, change))
        elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
            result[key] = [_map_schema(part, change) for part in value]
        else:
            result[key] = value
    return result


def _or_reference(schema: Schema) -> Schema:
    """A value, or a text with a reference in it; references stand for scalars and lists, not for maps."""
    if (
        _takes_any_text(schema)
        or "$ref" in schema
        or "object" in _types(schema)
        or not schema.keys() - {"description"}
    ):
        return schema
    outer: Schema = {key: schema[key] for key in ("description", "default", "examples") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in outer}
    options = inner["anyOf"] if set(inner) == {"anyOf"} else [inner]
    return {**outer, "anyOf": [*options, _ref("reference")]}


def _types(schema: Schema) -> tuple[str, ...]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def _takes_any_text(schema: Schema) -> bool:
    return schema.get("type") == "string" and not {"pattern", "enum", "const", "maxLength"} & schema.keys()
