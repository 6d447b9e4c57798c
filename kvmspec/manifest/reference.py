"""Every field of the manifest, described: read from the marked JSON Schema and the kinds' effects.

What is made here is written to schemas/fields.json, which `explain` and the documents are read from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvmspec.core.effect import Effect
from kvmspec.core.field_doc import FieldDoc
from kvmspec.manifest import wording
from kvmspec.manifest.examples import Examples
from kvmspec.manifest.nodes import Node, Schema, resolved
from kvmspec.manifest.own_keys import VARIANTS
from kvmspec.manifest.schema import marked_schema
from kvmspec.manifest.section import Section
from kvmspec.manifest.shared import Shared

_OTHERS = ("profiles", "defaults")


def field_docs(sections: Sequence[Section]) -> list[FieldDoc]:
    """A description of every field, an object before what is in it."""
    schema = marked_schema(sections)
    return list(_Reader(schema, sections, Examples(schema)).read())


@dataclass(frozen=True)
class _Reader:
    schema: Schema
    sections: Sequence[Section]
    examples: Examples

    def read(self) -> Iterator[FieldDoc]:
        """The root's keys in the order of the schema, each with all below it."""
        effects = {effect.path: effect for section in self.sections for effect in section.effects()}
        creation = {
            f"{section.key}.{path}": words
            for section in self.sections
            for path, words in section.creation.items()
        }
        fields = _Fields(self.examples, effects, creation, self._shared({*effects, *creation}))
        for name, schema in self.schema["properties"].items():
            node = resolved(schema, self.schema)
            if name == "profiles":
                yield from self._profiles(node, fields)
            elif name == "defaults":
                yield from self._defaults(node, fields)
            else:
                required = name in self.schema["required"]
                yield from fields.below((name,), node, required=required)

    def _shared(self, own: Collection[str]) -> Shared:
        """The objects that several fields of the sections have, but for profiles and defaults."""
        sections = {name: resolved(schema, self.schema) for name, schema in self.schema["properties"].items()}
        return Shared.found({n: node for n, node in sections.items() if n not in _OTHERS}, own)

    def _profiles(self, node: Node, fields: _Fields) -> Iterator[FieldDoc]:
        """Their own keys; the rest is as in the section that has profiles."""
        (section,) = (section for section in self.sections if section.profiles)
        own = VARIANTS[True]["Profile"]
        yield fields.doc(("profiles",), node, like=section.key, less=_other_keys(own), only=own)
        for name in own:
            yield fields.doc(("profiles", name), node.fields[name])

    def _defaults(self, node: Node, fields: _Fields) -> Iterator[FieldDoc]:
        yield fields.doc(("defaults",), node)
        for name, inner in node.fields.items():
            section = next((section for section in self.sections if section.key == name), None)
            if section is None:
                yield fields.doc(("defaults", name), inner)
            else:
                kept = VARIANTS[section.profiles]["Defaults"]
                less = _other_keys(kept) if section.profiles else ()
                yield fields.doc(("defaults", name), inner, like=name, less=less, only=())


def _other_keys(kept: Sequence[str]) -> tuple[str, ...]:
    """What an entry has of the loader's own keys, and a profile or the defaults have not."""
    return tuple(key for key in VARIANTS[True]["Entry"] if key not in kept)


@dataclass(frozen=True)
class _Fields:
    examples: Examples
    effects: Mapping[str, Effect]
    creation: Mapping[str, str]
    shared: Shared

    def below(self, path: tuple[str, ...], node: Node, *, required: bool = False) -> Iterator[FieldDoc]:
        """The field and, before its neighbours, all that is in it; what many have is told once."""
        like = self.shared.like(".".join(path), node)
        if like:
            yield self.doc(path, node, required=required, like=like, only=())
            return
        yield self.doc(path, node, required=required)
        for name, inner in node.fields.items():
            yield from self.below((*path, name), inner, required=name in node.required)
        for name in node.later:
            yield FieldDoc(".".join((*path, name)), built=False)

    def doc(
        self,
        path: tuple[str, ...],
        node: Node,
        *,
        required: bool = False,
        like: str = "",
        less: Sequence[str] = (),
        only: Sequence[str] | None = None,
    ) -> FieldDoc:
        """One description. `only` are its own fields, where the others are `like` another's."""
        dotted = ".".join(path)
        effect = self._effect(path)
        names = list(node.fields if only is None else only)
        return FieldDoc(
            path=dotted,
            meaning=node.meaning,
            brief=wording.brief(node),
            type=self._type(node, like, only),
            named=node.named,
            required=required,
            default=wording.default(node),
            creation=self.creation.get(dotted, ""),
            short=wording.short(path[-1], node, self.examples),
            impact=effect.impact,
            reason=effect.reason,
            example=self.examples.text(path),
            fields=tuple(f"{dotted}.{name}" for name in names),
            like=like,
            less=tuple(less),
        )

    def _type(self, node: Node, like: str, only: Sequence[str] | None) -> str:
        if only != ():
            return wording.full(node)
        return wording.full(node, f"the fields of {like}") if "." in like else "a map of fields"

    def _effect(self, path: tuple[str, ...]) -> Effect:
        """Its own, else that of the nearest object it is in. What a section costs is no field's cost."""
        for length in range(len(path), 1, -1):
            effect = self.effects.get(".".join(path[:length]))
            if effect is not None:
                return effect
        return Effect(".".join(path), "")
