"""What is generated is up to date, and the registry, the schema, the templates and the docs agree."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from kvmspec import resources
from kvmspec.kinds.registry import KINDS

TOP = Path(__file__).resolve().parents[2]
TEMPLATES = {"vm": "domain.xml.j2", "image": "volume.xml.j2"}


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", TOP / "scripts" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SLOW = "docs/elements.md"


@pytest.mark.parametrize("name", [name for name in _generator().GENERATED if name != SLOW])
def test_generated_file_is_up_to_date(name: str) -> None:
    make = _generator().GENERATED[name]
    assert (TOP / name).read_text() == make(), f"{name} is stale: run scripts/generate.py"


def test_the_elements_of_fields_are_up_to_date() -> None:
    text = (TOP / SLOW).read_text()
    assert _generator().elements.stale(text, every=15) == [], "run scripts/generate.py"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_is_known_everywhere(kind: str) -> None:
    section = KINDS[kind].section
    assert section.kind == kind
    schema = json.loads((resources.folder("schemas") / "manifest.schema.json").read_text())
    assert section.key in schema["properties"]
    assert (resources.folder("templates") / TEMPLATES.get(kind, f"{kind}.xml.j2")).is_file()
    assert f"`{section.key}." in (TOP / "docs" / "effects.md").read_text()
