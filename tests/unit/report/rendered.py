"""Markdown as GitHub's own parser and a second one render it, taken apart again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import cmarkgfm
from cmarkgfm.cmark import Options
from markdown_it import MarkdownIt

_SECOND = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def github(text: str) -> str:
    """cmark-gfm with GitHub's extensions (tables, autolinks, strikethrough), raw HTML kept."""
    return str(cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE))


def second(text: str) -> str:
    return str(_SECOND.render(text))


RENDERERS: dict[str, Callable[[str], str]] = {"cmark-gfm": github, "markdown-it": second}


@dataclass
class Page(HTMLParser):
    """The tags that are not code, the texts inside code and outside, the comments."""

    html: str
    tags: list[tuple[str, str]] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._inside = False
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "code":
            self._inside = True
            self.code.append("")
        else:
            self.tags.append((tag, str(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._inside = False
        else:
            self.tags.append(("/" + tag, ""))

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.code[-1] += data
        else:
            self.plain.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


ALIVE = re.compile(
    r"[@#$<>&*_~`\\|{}]|!\[|\]\(|:\w+:|://|\bwww\.|\bGH-|\b[0-9a-f]{7,40}\b|(?:mailto|xmpp):", re.IGNORECASE
)
"""What GitHub makes something of in text that is not code: mentions, references, commits, links,
emoji, formulas, markup."""


def rows(html: str) -> list[int]:
    """How many cells each row of each table has."""
    return [len(re.findall(r"<t[dh][ >]", row)) for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)]
