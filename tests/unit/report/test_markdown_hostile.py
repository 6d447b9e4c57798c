"""Nothing that a name, a description or libvirt says breaks out of a comment on GitHub."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem, Where
from kvmspec.report.markdown import markdown
from kvmspec.report.markdown.escape import code, marker, row, sentence
from kvmspec.report.values import clean
from tests.unit.report import plans as p
from tests.unit.report.rendered import ALIVE, RENDERERS, Page, github, rows

BAD = [
    "<script>alert(1)</script>", "a|b", "a\\|b", "\\", "\\|", "|", "`", "``", "` `` ```", "`a", "a`", "a``b`c",
    "</details>", "</table>", "<!--", "-->", "--!>", "--", "<![CDATA[", "<?php", "&lt;b&gt;", "&#64;me", "&",
    "@admins", "@org/team", "#12", "GH-12", "org/repo#12", "org/repo@deadbeef", "deadbeef", "defaced",
    "0123456789abcdef0123456789abcdef01234567", "http://evil.example/x", "https://evil.example", "www.evil.example",
    "www.", "http://", "me@evil.example", "mailto:me@evil.example", "xmpp:me@evil.example", "ftp://evil.example",
    "<http://evil.example>", "[a](http://evil.example)", "![a](http://evil.example/a.png)", "[a]: http://evil.example",
    "[^1]", "[x]", "[ ]", "$a$", "$$a$$", "$`a`$", ":tada:", ": tada :", "*a*", "**a**", "_a_", "__a__", "~a~", "~~a~~",
    "# a", "===", "---", "***", "- a", "+ a", "* a", "1. a", "1) a", "    a", "> a", "> [!NOTE]", "```", "~~~",
    "a\nb", "\n\n# a", "a\r\n\r\n<b>", "\x00", "\x1b[31m", "\u202eabc", "\u2066a\u2069", "\u2028", "\x85", "\x0b",
    "\ud800", " a ", "`a `", "  ", "\u00a0", "e\u0301", "名前", "😀", "\u05d0", "\ufeff", "(`a`)", "`a`b`", '"`a`"', "`a``b`",
    "a1`b`", "`b`a1", "see `uuid: x`, or @me.", "word word", "it's", "kvmspec-secret-0123456789abcdef",
]  # fmt: skip

parts = st.sampled_from([*BAD, " ", "x"])
hostile = st.one_of(
    st.lists(parts, min_size=1, max_size=6).map("".join),
    st.text(alphabet="`|\\<>&@#$:*_~[]()!-=+.1a \n", min_size=1, max_size=40),
    st.text(min_size=1, max_size=60),
).filter(lambda text: bool(text.strip()))


def plan_of(text: str) -> Plan:
    """A plan in which everything that can be text is this text."""
    changes = tuple(
        p.change(text, text, [text, {text: text}], impact, text, avoid=text, drift=True) for impact in Impact
    )
    differences = (
        Difference(Address(text, "vm", text), Verb.UPDATE, changes, label=text, notes=(text,)),
        Difference(Address(text, "volume", text), Verb.DELETE, label=text, impact_floor=Impact.DATA_LOSS),
        Difference(Address(text, "vm", text + "2"), Verb.UPDATE, changes[:4], pending=changes),
        Difference(Address(text, "vm", text + "3"), Verb.UPDATE, changes[:3], label=text, unmanaged=(text,)),
        Difference(Address(text, "pool", text), Verb.CREATE, label=text),
        Difference(Address(text, "vm", text + "4"), Verb.NO_OP, notes=(text,), unmanaged=(text,)),
    )
    problem = Problem(text, Where(text, 1, 2, text), "vms.web", text)
    base = p.plan(
        *differences,
        project=text,
        created_at=text,
        hosts=(HostSummary(text, text), HostSummary("hv2", text, text, text)),
        refusals=(problem,),
        warnings=(replace(problem, warning=True),),
        required=frozenset(p.P),
    )
    return replace(base, steps=tuple(replace(step, text=text) for step in base.steps))


HARMLESS = {name: render(markdown(plan_of("x y"))) for name, render in RENDERERS.items()}


@pytest.mark.parametrize("text", BAD)
def test_whatever_the_text_the_page_is_the_same(text: str) -> None:
    if text.strip():
        check_page(text)


@settings(deadline=None, max_examples=60)
@given(hostile)
def test_any_text_leaves_the_page_the_same(text: str) -> None:
    check_page(text)


def check_page(text: str) -> None:
    comment = markdown(plan_of(text))
    for name, render in RENDERERS.items():
        html = render(comment)
        page, wanted = Page(html), Page(HARMLESS[name])
        assert page.tags == wanted.tags, name
        assert rows(html) == rows(HARMLESS[name])
        assert not ALIVE.search(" ".join(page.plain)), [t for t in page.plain if ALIVE.search(t)]
        assert len(page.comments) == 1 and page.comments[0].startswith(" kvmspec plan: ")
        assert "0123456789abcdef0123" in text or "secret-0123456789abcdef" not in comment


@settings(deadline=None, max_examples=150)
@given(hostile)
@example("`" * 90)
@example("".join("`" * length + "a" for length in range(1, 28)))
def test_code_shows_the_text_and_nothing_else(text: str) -> None:
    shown = clean(text) if len(clean(text)) <= 400 else clean(text)[:399] + "…"
    span = code(text)
    for render in RENDERERS.values():
        for around in (f"x {span} y", f"- x {span} y", f"> - {span}", f"## {span}", f"{span} {span}"):
            page = Page(render(around))
            assert set(page.code) == {shown}, around
            assert not ALIVE.search("".join(page.plain))
        page = Page(render("\n".join([row(["a", "b"]), row(["---", "---"]), row([span, span])])))
        assert page.code == [shown, shown]


@settings(deadline=None, max_examples=150)
@given(hostile)
def test_a_sentence_keeps_its_words_and_loses_its_powers(text: str) -> None:
    for render in RENDERERS.values():
        page = Page(render(sentence(text)))
        assert [tag for tag, _ in page.tags] == ["p", "/p"]
        assert not ALIVE.search("".join(page.plain))


def test_a_sentence_reads_as_one() -> None:
    assert sentence("adopt it by stating `uuid: 12`, or rename vm/web (4GiB).") == (
        "adopt it by stating `uuid: 12`, or rename `vm/web` (`4GiB`)."
    )
    assert sentence("the guest's CPU model is fixed at boot") == "the guest's CPU model is fixed at boot"


def test_a_pipe_in_a_table_is_a_pipe() -> None:
    html = github("\n".join([row(["a"]), row(["---"]), row([code("a|b\\|c")])]))
    assert rows(html) == [1, 1] and Page(html).code == ["a|b\\|c"]


@pytest.mark.parametrize("project", ["--", "--->", "a-->", "-", "a--b---c", "<!--", "a b", "ü"])
def test_the_marker_ends_where_it_should(project: str) -> None:
    line = marker(project)
    assert line.startswith("<!-- kvmspec plan: ") and line.index("--", 4) == len(line) - 3


def test_the_marker_of_a_usual_project_is_legible() -> None:
    assert marker("shop_2.x-y") == "<!-- kvmspec plan: shop_2.x-y -->"


def test_a_secret_is_not_in_it() -> None:
    assert "hunter" not in markdown(p.plan(p.SECRET))
    assert p.TOKEN not in markdown(p.plan(replace(p.DELETE, notes=(p.TOKEN,)), created_at=p.TOKEN))


def test_steps_are_told() -> None:
    steps = (Step(1, p.STEPS.steps[0].action, text="<b>create"),)
    assert "| 1 | `pool/vms` | `<b>create` |  |" in markdown(replace(p.STEPS, steps=steps))
