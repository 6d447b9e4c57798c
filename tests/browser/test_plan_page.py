"""The HTML page of a plan in a real browser."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from kvmspec.core.plan import Plan
from tests.browser.conftest import Page
from tests.unit.report import plans as p
from tests.unit.report.sites import CALM, SITE, big

pytestmark = pytest.mark.browser
Show = Callable[..., Page]

PLANS = {"site": SITE, "calm": CALM, "big": big(1000), "empty": p.plan()}
every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
WEBS = ["hv1/vm/web-1", "hv1/vm/web-2", "hv1/vm/web-3"]


# --- it loads
@every_plan
def test_it_loads_without_a_word_and_asks_for_nothing(show: Show, plan: Plan) -> None:
    shown = show(plan)
    assert shown.console() == []
    assert {url for url in shown.requests() if url != "about:blank"} == {shown.file.as_uri()}


def test_hostile_text_does_nothing(show: Show) -> None:
    shown = show(SITE)
    assert shown.js("return document.scripts.length") == 1
    assert shown.js("return document.querySelectorAll('[onload], [onclick], [onerror]').length") == 0
    assert shown.js("return document.title").startswith("shop: Refused")


def test_a_script_that_got_into_the_page_would_not_run(show: Show) -> None:
    shown = show(SITE)
    shown.js(
        "const script = document.createElement('script');"
        "script.textContent = 'window.harm = true'; document.body.append(script);"
        "const image = document.createElement('img'); image.setAttribute('onerror', 'window.harm = true');"
        "image.src = 'https://example.org/x.png'; document.body.append(image);"
    )
    assert shown.js("return window.harm") is None
    assert "Content Security Policy" in " ".join(shown.console())
    assert not {url for url in shown.requests() if url.startswith("http")}


# --- search and filters
def test_search(show: Show) -> None:
    shown = show(SITE)
    shown.search("vm/web")
    assert shown.shown() == WEBS
    assert shown.find("#shown").text == "3 of 28 objects"
    shown.search("host-passthrough")  # a value
    assert shown.shown() == ["hv1/vm/db"]
    shown.search("WEB-1 logs")  # all words; in what is folded, too; not in the names of what it uses
    assert shown.shown() == ["hv1/volume/vms/web-1-logs.qcow2"]
    assert shown.js("return document.querySelector('.host[data-host=hv1] .quiet').open") is True
    shown.search("")
    assert len(shown.shown()) == 28
    assert shown.js("return document.querySelector('.quiet').open") is False


def test_nothing_matches(show: Show) -> None:
    shown = show(SITE)
    assert not shown.find("#nothing").is_displayed()
    shown.search("no such thing")
    assert shown.shown() == []
    assert shown.find("#nothing").is_displayed()
    shown.find("#clear-too").click()
    assert len(shown.shown()) == 28
    assert shown.find("#search").get_attribute("value") == ""


def test_filters(show: Show) -> None:
    shown = show(SITE)
    restart, kind = shown.find("button[value=restart]"), shown.find("[data-filter=kind] button[value=vm]")
    assert restart.get_attribute("aria-pressed") == "false"
    restart.click()
    assert restart.get_attribute("aria-pressed") == "true"
    assert shown.shown() == ["hv1/network/front", "hv1/vm/db"]
    assert not shown.find(".host[data-host=hv2]").is_displayed()
    kind.click()
    assert shown.shown() == ["hv1/vm/db"]
    shown.find("button[value=delete]").click()  # within a group one or the other
    assert shown.shown() == ["hv1/vm/db", "hv2/vm/retired"]
    for button in shown.driver.find_elements("css selector", "[aria-pressed=true]"):
        button.click()
    assert len(shown.shown()) == 28
    assert shown.fragment() == ""


def test_counts_follow(show: Show) -> None:
    shown = show(SITE)
    count = "return Object.fromEntries([...document.querySelectorAll('[data-filter=impact] button')]"
    count += ".map(b => [b.value, Number(b.querySelector('.number').textContent)]))"
    assert shown.js(count)["create"] == 5
    shown.find("[data-filter=kind] button[value=vm]").click()
    assert shown.js(count)["create"] == 1
    shown.find("button[value=create]").click()
    assert shown.js(count)["restart"] == 1  # what it would show in its place
    assert shown.find("[data-filter=kind] button[value=volume] .number").text == "3"


def test_what_needs_nothing_is_shown_when_asked_for(show: Show) -> None:
    shown = show(SITE)
    back = shown.js("return document.getElementById('hv1/network/back')")
    assert not back.is_displayed()
    shown.find("button[value=no-op]").click()
    assert back.is_displayed()
    assert not shown.js("return document.getElementById('hv1/vm/db')").is_displayed()
    assert len(shown.shown()) == 11


def test_a_link_to_what_one_sees_can_be_sent(show: Show) -> None:
    shown = show(SITE)
    shown.find("button[value=live]").click()
    shown.find("button[value=restart]").click()
    shown.find("[data-filter=host] button[value=hv1]").click()
    shown.search("a & b=c,d#é")
    fragment = shown.fragment()
    assert fragment.startswith("#?impact=live,restart&host=hv1&q=")
    other = show(SITE, fragment)
    assert other.find("#search").get_attribute("value") == "a & b=c,d#é"
    pressed = other.js("return [...document.querySelectorAll('[aria-pressed=true]')].map(b => b.value)")
    assert pressed == ["restart", "live", "hv1"]
    assert other.js("return document.getElementById('objects').getBoundingClientRect().top < innerHeight")
    assert other.shown() == []


def test_a_fragment_that_makes_no_sense_is_ignored(show: Show) -> None:
    for fragment in ("#?impact=nonsense&x=y&q", "#?%", "#%", "#nowhere", "#?"):
        shown = show(SITE, fragment)
        assert len(shown.shown()) == 28, fragment
        assert shown.console() == []


def test_a_link_to_an_object_shows_it_whatever_is_filtered(show: Show) -> None:
    shown = show(SITE, "#hv1/network/back")  # folded away at first
    assert shown.js("return document.getElementById('hv1/network/back').open") is True
    assert shown.focused() == "hv1/network/back"
    shown.search("monitor")
    shown.find(".danger a[href='#hv1/vm/db']").click()
    db = shown.js("return document.getElementById('hv1/vm/db')")
    assert db.is_displayed()
    assert shown.focused() == "hv1/vm/db"


def test_an_object_with_a_hostile_name_can_be_linked_to(show: Show) -> None:
    shown = show(SITE)
    anchor = shown.js(
        "return [...document.querySelectorAll('.object')].find(e => e.id.includes('script')).id"
    )
    assert show(SITE, f"#{anchor}").focused() == anchor


def test_a_fold_of_the_picture_leads_to_the_list(show: Show) -> None:
    shown = show(big(200, hosts=1))
    shown.js("document.querySelector('.node.folded').parentElement.dispatchEvent(new MouseEvent('click'))")
    assert shown.fragment() == "#?kind=vm"
    assert len(shown.shown()) == 200


# --- keys
def test_the_keyboard_walks_through_the_objects(show: Show) -> None:
    shown = show(CALM, "#?impact=")
    shown.press("j")
    quiet = shown.js("return document.activeElement.parentElement.className")
    assert quiet == "quiet"
    shown = show(SITE)
    shown.press("j")
    assert shown.focused() == "hv1/vm/old-ci"
    shown.press("j", "j")
    assert shown.focused() == "hv1/vm/db"
    shown.press("k")
    assert shown.focused() == "hv1/network/front"
    shown.press(Keys.ARROW_DOWN)
    assert shown.focused() == "hv1/vm/db"
    shown.press(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP)
    assert shown.focused() == "hv1/vm/old-ci"
    outline = shown.js("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_enter_unfolds(show: Show) -> None:
    shown = show(SITE)
    shown.press("j", Keys.ENTER)
    assert shown.js("return document.getElementById('hv1/vm/old-ci').open") is True
    shown.press(Keys.ENTER)
    assert shown.js("return document.getElementById('hv1/vm/old-ci').open") is False
    shown.press("e")
    assert shown.js("return document.querySelectorAll('.object[open]').length") == 28
    shown.press("c")
    assert shown.js("return document.querySelectorAll('.object[open]').length") == 0


def test_the_slash_searches_and_escape_leaves(show: Show) -> None:
    shown = show(SITE)
    shown.press("/")
    assert shown.focused() == "search"
    shown.press("j/k?")  # just letters here
    shown.driver.execute_async_script("setTimeout(arguments[0], 100)")
    assert shown.find("#search").get_attribute("value") == "j/k?"
    assert shown.shown() == []
    shown.press(Keys.ESCAPE)
    assert shown.focused() == "BODY"
    shown.press(Keys.ESCAPE)
    assert len(shown.shown()) == 28
    shown.press("/", "web", Keys.ARROW_DOWN)
    assert shown.focused().startswith("hv1/")


def test_the_keys_are_told(show: Show) -> None:
    shown = show(SITE)
    shown.press("?")
    assert shown.find("#keys").is_displayed()
    shown.press("j")  # does nothing behind it
    shown.press(Keys.ESCAPE)
    assert not shown.find("#keys").is_displayed()
    assert shown.focused() == "BODY"
    shown.find("#show-keys").click()
    shown.find("#keys button").click()
    assert not shown.find("#keys").is_displayed()


# --- how it looks
BACKGROUND = "return getComputedStyle(document.body).backgroundColor"


def test_light_and_dark(show: Show) -> None:
    shown = show(SITE)
    light = shown.js(BACKGROUND)
    shown.scheme("dark")
    dark = shown.js(BACKGROUND)
    assert light != dark
    toggle = shown.find("#theme")
    toggle.click()
    assert (toggle.text, shown.js(BACKGROUND)) == ("Theme: light", light)
    shown.open()  # it is remembered
    assert shown.js(BACKGROUND) == light
    shown.find("#theme").click()
    shown.scheme("light")
    assert (shown.find("#theme").text, shown.js(BACKGROUND)) == ("Theme: dark", dark)
    shown.find("#theme").click()
    assert (shown.find("#theme").text, shown.js(BACKGROUND)) == ("Theme: auto", light)


CONTRASTS = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return canvas.getImageData(0, 0, 1, 1).data;
};
const light = (colour) => {
  const [r, g, b] = [...rgba(colour)].slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const shape = element.closest('.node')?.querySelector('.shape');
  if (shape) return getComputedStyle(shape).fill;
  if (element.closest('svg')) return getComputedStyle(document.querySelector('rect.host')).fill;
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (rgba(colour)[3] === 255) return colour;
  }
};
const found = new Map();
document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest('script, title, dialog:not([open]), [hidden]')) continue;
  const style = getComputedStyle(element);
  const ink = element.closest('svg') ? style.fill : style.color, paper = behind(element);
  const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
  found.set(`${element.className.baseVal ?? element.className} ${ink} on ${paper}`, (a + 0.05) / (b + 0.05));
}
return [...found];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_that_of_wcag_aa(show: Show, scheme: str) -> None:
    shown = show(SITE)
    shown.scheme(scheme)
    found = shown.js(CONTRASTS)
    shown.find("[value=hv3]").click()  # matches nothing
    shown.js("document.getElementById('keys').showModal()")
    found += shown.js(CONTRASTS)
    assert len(found) > 60
    assert not [(what, ratio) for what, ratio in found if ratio < 4.5]


@every_plan
@pytest.mark.parametrize("width", [1280, 420, 400])
def test_nothing_makes_the_page_scroll_sideways(show: Show, plan: Plan, width: int) -> None:
    shown = show(plan)
    shown.size(width)
    shown.js("[...document.querySelectorAll('details')].slice(0, 200).forEach(e => { e.open = true })")
    assert shown.js("return document.documentElement.scrollWidth") == width


def test_on_a_narrow_window_the_picture_scrolls_in_its_own_box(show: Show) -> None:
    shown = show(SITE)
    shown.size(420)
    assert shown.js("const b = document.querySelector('.picture'); return b.scrollWidth > b.clientWidth")
    assert shown.js("return document.querySelector('.topology').getBoundingClientRect().width") > 800


def test_the_text_of_the_picture_stays_in_its_nodes(show: Show) -> None:
    shown = show(SITE)
    outside = shown.js(
        "return [...document.querySelectorAll('.node')].filter((node) => {"
        "const shape = node.querySelector('.shape').getBBox(), text = node.querySelector('.name').getBBox();"
        "return text.x + text.width > shape.x + shape.width || text.y < shape.y; })"
        ".map((node) => node.textContent)"
    )
    assert outside == []


def test_the_picture_shows_what_a_node_is_joined_to(show: Show) -> None:
    shown = show(SITE)
    lit = shown.js(
        "const node = [...document.querySelectorAll('.node')].find(n => n.textContent.includes('vm/mail'));"
        "node.dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));"
        "return [...document.querySelectorAll('.node.lit .name')].map(n => n.textContent)"
    )
    assert lit == ["front", "mail", "mail.qcow2"]


# --- print, and without a script
def test_it_prints(show: Show) -> None:
    shown = show(SITE)
    shown.scheme("dark")
    printed = base64.b64decode(shown.cdp("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    folds = "return document.querySelectorAll('details:not([open], .quiet, .quiet *)').length"
    before = shown.js(folds)
    assert before > 0
    shown.js("dispatchEvent(new Event('beforeprint'))")
    assert shown.js(folds) == 0
    shown.scheme("dark", media="print")
    assert not shown.find(".toolbar").is_displayed()
    assert not shown.find(".tools").is_displayed()
    assert shown.js(BACKGROUND) == "rgb(255, 255, 255)"
    shown.js("dispatchEvent(new Event('afterprint'))")
    assert shown.js(folds) == before


def test_it_can_be_read_without_a_script(show: Show) -> None:
    shown = show(SITE)
    shown.cdp("Emulation.setScriptExecutionDisabled", value=True)
    shown.open()
    assert not shown.find(".toolbar").is_displayed()
    assert "5 to create, 1 to adopt, 7 to change, 3 to delete" in shown.find("h1").text
    db = shown.driver.find_element("xpath", "//details[@id='hv1/vm/db']")
    assert "the CPU model is fixed at boot" not in db.text
    db.find_element("css selector", "summary").click()
    assert "the CPU model is fixed at boot" in db.text


# --- a big one
def test_a_thousand_vms_stay_usable(show: Show) -> None:
    shown = show(PLANS["big"])
    took = shown.js(
        "const start = performance.now();"
        "document.querySelector('[data-filter=kind] button[value=vm]').click();"
        "document.body.offsetHeight; return performance.now() - start"
    )
    assert took < 2000, f"a filter took {took:.0f} ms"
    assert len(shown.shown()) == 1000
    shown.search("app-0500")
    assert shown.shown() == ["hv0/vm/app-0500"]


# --- pictures for people
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
@every_plan
def test_screenshots(show: Show, plan: Plan, width: int, scheme: str) -> None:
    shown = show(plan)
    shown.size(width)
    shown.scheme(scheme)
    name = next(name for name, each in PLANS.items() if each is plan)
    shown.screenshot(f"{name}-{width}-{scheme}")
    assert shown.find("h1").is_displayed()
