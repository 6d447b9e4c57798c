"""Headless Chromium: is it there, and how it is started."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.support.hosts import required

DRIVER, BROWSERS = "chromedriver", ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # the tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-device-scale-factor=1",
)


def why_no_browser() -> str | None:
    """What keeps the browser tests from running here; None if nothing does."""
    driver, browser = shutil.which(DRIVER), _browser()
    if driver is None or browser is None:
        return "not installed: chromium, chromium-driver (scripts/test installs them on Debian)"
    if _is_snap(Path(driver)) or _is_snap(Path(browser)):
        return "Chromium is a snap here, as on Ubuntu: it cannot be driven from a test"
    return None


def browser_required() -> bool:
    """Whether these tests have to fail, and not to be skipped, without a browser: where scripts/test
    can install one that is no snap."""
    return required() and _distribution() == "debian"


def start_browser() -> webdriver.Chrome:
    """A headless Chromium that records its console and its requests."""
    options = webdriver.ChromeOptions()
    options.binary_location = _browser() or ""
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which(DRIVER)))


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _is_snap(program: Path) -> bool:
    """Ubuntu's packages are scripts that call a snap, or links to one."""
    if "snap" in program.resolve().parts or program.resolve().name == "snap":
        return True
    with program.open("rb") as file:
        return b"/snap/" in file.read(4096)


def _distribution() -> str:
    release = Path("/etc/os-release")
    lines = release.read_text(encoding="utf-8").splitlines() if release.exists() else []
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("ID=")), "")
