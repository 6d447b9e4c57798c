"""One browser for the session, and a page in it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from kvmspec.core.plan import Plan
from kvmspec.report.html import page
from tests.support.browser import browser_required, start_browser, why_no_browser

SCREENSHOTS = "KVMSPEC_SCREENSHOTS"
"""Names a folder for the pictures that somebody is to look at."""


class Page:
    """A page in the browser, and what a reader does with it."""

    def __init__(self, driver: webdriver.Chrome, file: Path) -> None:
        self.driver, self.file = driver, file

    def open(self, fragment: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(f"{self.file.as_uri()}{fragment}")

    def js(self, script: str, *values: Any) -> Any:
        return self.driver.execute_script(script, *values)

    def cdp(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        """Type at whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def search(self, text: str) -> None:
        """Replace what is searched, and wait until that has been done."""
        field = self.find("#search")
        field.send_keys(Keys.CONTROL, "a", Keys.NULL)
        field.send_keys(Keys.DELETE, text)
        self.driver.execute_async_script("setTimeout(arguments[0], 100)")

    def shown(self) -> list[str]:
        """The objects that match, be they in a fold or not."""
        return list(self.js("return [...document.querySelectorAll('.object:not([hidden])')].map(e => e.id)"))

    def focused(self) -> str:
        """The object, or else the id, that has the focus."""
        return str(
            self.js(
                "const e = document.activeElement; return e.closest('.object, .quiet')?.id || e.id || e.tagName"
            )
        )

    def fragment(self) -> str:
        return str(self.js("return location.hash"))

    def size(self, width: int, height: int = 900) -> None:
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, scheme: str, media: str = "") -> None:
        """`light` or `dark`, as the reader's system prefers."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", media=media, features=features)

    def requests(self) -> set[str]:
        """The addresses asked for since this was last called; not those that the page's policy stopped."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        stopped = {
            event["params"]["requestId"]
            for event in events
            if event["method"] == "Network.loadingFailed" and event["params"].get("blockedReason") == "csp"
        }
        return {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent" and event["params"]["requestId"] not in stopped
        }

    def console(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def screenshot(self, name: str) -> None:
        """A picture of the whole page, where a folder for pictures is named."""
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            width, height = self.js("return [innerWidth, document.documentElement.scrollHeight]")
            self.size(width, min(height, 8000))  # what is far below the window is not drawn
            data = self.cdp("Page.captureScreenshot")["data"]
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(data))


@pytest.fixture(scope="session")
def driver() -> Iterator[webdriver.Chrome]:
    reason = why_no_browser()
    if reason and browser_required():
        pytest.fail(reason, pytrace=False)
    if reason:
        pytest.skip(reason)
    browser = start_browser()
    yield browser
    browser.quit()


@pytest.fixture
def show(driver: webdriver.Chrome, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``show(plan)`` opens its page in a light window of 1280 × 900; ``show(plan, "#?kind=vm")`` with a fragment."""

    def show(plan: Plan, fragment: str = "") -> Page:
        file = tmp_path / "plan.html"
        file.write_text(page(plan), encoding="utf-8")
        shown = Page(driver, file)
        shown.size(1280)
        shown.scheme("light")
        shown.console(), shown.requests()  # forget those of the test before
        shown.open(fragment)
        return shown

    yield show
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    driver.execute_script("try { localStorage.clear() } catch {}")
