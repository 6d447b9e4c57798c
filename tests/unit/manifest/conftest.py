"""Loads manifests written in a test, and describes what is wrong with them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvmspec.core.errors import ManifestError
from kvmspec.core.problem import Problem
from kvmspec.manifest.load import load
from kvmspec.manifest.section import Manifest
from tests.unit.manifest.specs import SECTIONS

Load = Callable[..., Manifest]
Fail = Callable[..., tuple[Problem, ...]]

HEAD = "kvmspec: 1\nproject: shop\n"


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """read(text, **options): the manifest; `text` may be a dict of file names and texts.

    The two lines of HEAD come first in the first file unless `head=False`.
    """

    def read(text: str | dict[str, str], *, head: bool = True, **options: Any) -> Manifest:
        files = {"m.yaml": text} if isinstance(text, str) else text
        for number, (name, content) in enumerate(files.items()):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = textwrap.dedent(content)
            path.write_text((HEAD if head and number == 0 else "") + content, encoding="utf-8")
        paths = [tmp_path / "m.yaml"] if isinstance(text, str) else [tmp_path]
        return load(paths, sections=SECTIONS, **{"environ": {}, **options})

    return read


@pytest.fixture
def fail(read: Load) -> Fail:
    """fail(text, **options): the problems of an invalid manifest."""

    def fail(text: str | dict[str, str], **options: Any) -> tuple[Problem, ...]:
        with pytest.raises(ManifestError) as caught:
            read(text, **options)
        return caught.value.problems

    return fail
