"""Where there is no browser that can be driven, that is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import browser

STUB = '#!/bin/sh\nexec /snap/bin/chromium.chromedriver "$@"\n'


def _install(folder: Path, text: str) -> None:
    for name in ("chromium", "chromedriver"):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def test_no_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed" in (browser.why_no_browser() or "")


def test_the_stubs_of_a_snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _install(tmp_path, STUB)
    assert "snap" in (browser.why_no_browser() or "")


def test_a_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _install(tmp_path, "#!/bin/sh\n")
    assert browser.why_no_browser() is None


@pytest.mark.parametrize(
    ("asked", "distribution", "needed"),
    [("1", "debian", True), ("1", "ubuntu", False), ("", "debian", False)],
)
def test_only_where_it_can_be_installed_it_has_to_be_there(
    monkeypatch: pytest.MonkeyPatch, asked: str, distribution: str, needed: bool
) -> None:
    monkeypatch.setenv("KVMSPEC_REQUIRE_LIBVIRT", asked)
    monkeypatch.setattr(browser, "_distribution", lambda: distribution)
    assert browser.browser_required() is needed
