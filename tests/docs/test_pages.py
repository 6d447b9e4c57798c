"""What is read out of a page, and what is refused."""

from __future__ import annotations

import pytest

from tests.docs.pages import BadPage, anchors, commands, fits, snippets

CASES: dict[str, tuple[str, str, bool]] = {
    "equal": ("a\nb", "a\nb", True),
    "another line": ("a\nb", "a\nb\nc", False),
    "anything in a line": ("a … c", "a bb c", True),
    "any number of lines": ("a\n…\nd", "a\nb\nc\nd", True),
    "no line at all": ("a\n…\nd", "a\nd", True),
    "no end": ("a\n…\nd", "a\nb", False),
    "nothing": ("", "", True),
    "something instead of nothing": ("", "x", False),
}


@pytest.mark.parametrize(("shown", "printed", "expected"), CASES.values(), ids=CASES)
def test_what_fits(shown: str, printed: str, expected: bool) -> None:
    assert fits(shown, printed) is expected


BAD: dict[str, str] = {
    "attributes": "```yaml title=x\na: 1\n```\n",
    "no kind": "```\na\n```\n",
    "indented": "- a\n\n  ```console\n  $ a\n  ```\n",
    "quoted": "> ```console\n> $ a\n> ```\n",
    "tildes": "~~~console\n$ a\n~~~\n",
    "four backticks": "````console\n$ a\n````\n",
    "no end": "```console\n$ a\n",
    "a file without its block": "<!-- file: a.yaml -->\n\n```yaml\na: 1\n```\n",
    "a file at the end": "<!-- file: a.yaml -->\n",
    "a file before a command": "<!-- file: a.yaml -->\n<!-- run: a -->\n",
    "a marker that is none": "<!--run: a -->\n",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_nothing_is_passed_over_in_silence(text: str) -> None:
    with pytest.raises(BadPage):
        snippets(text)


def test_places() -> None:
    text = (
        "a\n<!-- run: x -->\n<!-- file: f -->\n```yaml\nb: 1\n```\n```console\n$ c\n<!-- run: no -->\n```\n"
    )
    found = snippets(text)
    assert [(one.kind, one.line, one.file) for one in found] == [
        ("run", 2, ""), ("yaml", 4, "f"), ("console", 7, "")
    ]  # fmt: skip
    assert all(text[one.start :].startswith(one.text) for one in found[1:])


def test_anchors() -> None:
    assert anchors("# The JSON of plans\n## `a.b`, c\n```\n# no\n```\n") == {"the-json-of-plans", "ab-c"}


def test_commands() -> None:
    first, second = commands("$ a \\\n  b  # exit 4\nout\n\nmore\n$ c\n")
    assert (first.command, first.code, first.shown) == ("a    b", 4, "out\n\nmore")
    assert (second.command, second.code, second.shown) == ("c", 0, "")
