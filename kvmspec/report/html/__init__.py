"""A plan as one page that needs nothing else: no network, no script to be readable."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kvmspec import resources
from kvmspec.core.plan import Plan
from kvmspec.report.html.view import view
from kvmspec.report.values import clean, prose


def page(plan: Plan) -> str:
    """The whole page, as text to be written in UTF-8. The same plan gives the same page."""
    folder = resources.folder("templates") / "report"
    style, script = (_inlined(folder / name) for name in ("plan.css", "plan.js"))
    return (
        _environment(folder)
        .get_template("plan.html.j2")
        .render(page=view(plan), style=style, script=script, policy=_policy(style, script))
    )


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_finalize,
    )
    environment.filters["prose"] = prose
    return environment


def _finalize(value: Any) -> Any:
    """Whatever a template writes: no secret and no control character gets through, even where
    somebody forgot to clean it."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _inlined(file: Path) -> Markup:
    """Text that is not escaped: only ever one of our own files."""
    return Markup(file.read_text(encoding="utf-8"))


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and only our own script and styles, known by their hashes, count."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
