"""Every block of every page: written, validated or run, in the order of the page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvmspec import pipeline
from tests.docs.pages import Command, Snippet, commands, fits, pages, snippets
from tests.support.manifests import as_yaml
from tests.support.private_libvirt import PrivateLibvirt

TOP = Path(__file__).resolve().parents[2]
REGENERATE = bool(os.environ.get("KVMSPEC_REGENERATE"))
POOL = "/srv/vms"
"""The folder of pools in pages; the test's own in what is run."""
AROUND: dict[str, Any] = {
    "kvmspec": 1,
    "project": "shop",
    "hosts": {"hv1": {"uri": "test:///default"}},
    "defaults": {"host": "hv1"},
    "networks": {"front": {"subnet": "192.168.150.0/24"}},
    "pools": {"vms": {"path": POOL}},
    "profiles": {"base": {"memory": "1GiB"}},
}
"""What a fragment of a manifest is a part of, where it lacks it."""
SHOWN_ONLY = {
    "sh": "installs on the reader's machine",
    "text": "no input of ours",
    "hcl": "another tool's own",
    "ini": "another tool's own",
    "rego": "checked by reading; no evaluator is packaged for Debian",
    "jq": "run by tests/docs/test_plan_json.py",
}
_VOLATILE = (
    (re.compile(r"\b\d+\.\d+s"), "0.1s"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "2026-11-22T20:00:00+00:00"),
)
PAGES = pages(TOP)


def _id(page: Path) -> str:
    return str(page.relative_to(TOP))


class Reader:
    """Somebody who does what a page says, in a folder of their own, on a host of their own."""

    def __init__(self, folder: Path, host: PrivateLibvirt) -> None:
        self.folder, self.host = folder, host
        self.secrets = {"PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}"}
        shim = folder.parent / "bin" / "kvmspec"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nPYTHONPATH={TOP} exec {sys.executable} -m kvmspec "$@"\n')
        shim.chmod(0o755)
        self.write("tcg.yaml", as_yaml({"defaults": {"vms": {"accel": "tcg"}}}))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(POOL, str(self.host.images)))

    def run(self, command: str) -> tuple[int, str]:
        """The exit code, and what is printed as a page shows it."""
        command = command.replace(POOL, str(self.host.images))
        more = {
            "LIBVIRT_DEFAULT_URI": self.host.uri,
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "HOME": str(self.folder),
        }
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env={"LANG": "C.UTF-8", **self.secrets, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        told = done.stdout + (done.stderr if done.returncode else "")
        assert "Traceback" not in done.stdout + done.stderr, told
        return done.returncode, self._as_shown(told).rstrip("\n")

    def _as_shown(self, text: str) -> str:
        text = text.replace(self.host.uri, "qemu:///system").replace(str(self.host.images), POOL)
        text = text.replace(f"{self.folder}/", "")
        for pattern, word in _VOLATILE:
            text = pattern.sub(word, text)
        return "\n".join(line.rstrip() for line in text.split("\n"))


@pytest.fixture
def reader(tmp_path: Path, clean_host: PrivateLibvirt) -> Iterator[Reader]:
    folder = tmp_path / "site"
    folder.mkdir()
    yield Reader(folder, clean_host)


def is_run(snippet: Snippet) -> bool:
    return snippet.kind in ("console", "run") or bool(snippet.file)


RUN = [page for page in PAGES if any(map(is_run, snippets(page.read_text())))]


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    known = {"yaml", "console", "json", "run", *SHOWN_ONLY}
    for snippet in snippets(page.read_text()):
        assert snippet.kind in known, f"{page.name}:{snippet.line}: what is a block `{snippet.kind}`?"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_is_data_is_valid(page: Path, tmp_path: Path) -> None:
    for number, snippet in enumerate(snippets(page.read_text())):
        if snippet.kind == "json":
            json.loads(snippet.text)
        elif snippet.kind == "yaml" and not snippet.file:
            _validate(snippet, tmp_path / str(number), page)


def _validate(snippet: Snippet, folder: Path, page: Path) -> None:
    data = yaml.safe_load(snippet.text)
    if not isinstance(data, dict) or not set(data) & {
        *AROUND,
        "vms",
        "volumes",
        "variables",
        "moved",
        "released",
        "removed",
    }:
        return  # a workflow, a hook: tests/unit/ci has them
    rest = {
        key: value if key not in data else {n: e for n, e in value.items() if n not in data[key]}
        for key, value in AROUND.items()
        if key not in data or isinstance(value, dict)
    }
    folder.mkdir()
    (folder / "snippet.yaml").write_text(snippet.text)
    (folder / "rest.yaml").write_text(as_yaml(rest))
    environ = {"HOME": str(folder), "DB_PASSWORD": "12345678", "VNC_PASSWORD": "12345678"}
    try:
        pipeline.load(pipeline.Request((folder,), environ=environ))
    except Exception as error:
        raise AssertionError(f"{page.name}:{snippet.line}: {getattr(error, 'problems', error)}") from error


@pytest.mark.libvirtd
@pytest.mark.parametrize("page", RUN, ids=_id)
def test_what_a_page_says_is_what_happens(page: Path, reader: Reader) -> None:
    text = page.read_text()
    changed: list[tuple[Snippet, str]] = []
    for snippet in snippets(text):
        if snippet.kind == "run":
            code, told = reader.run(snippet.text)
            assert code == 0, f"{page.name}:{snippet.line}: {told}"
        elif snippet.file:
            reader.write(snippet.file, snippet.text)
        elif snippet.kind == "console":
            changed.append((snippet, _console(snippet, reader, page)))
    if REGENERATE:
        page.write_text(_rewritten(text, changed))


def _console(snippet: Snippet, reader: Reader, page: Path) -> str:
    """Runs a block; gives it back as it should be."""
    lines: list[str] = []
    for command in commands(snippet.text):
        code, printed = reader.run(command.command)
        assert code == command.code, (
            f"{page.name}:{snippet.line}: $ {command.command}\nexit {code}\n{printed}"
        )
        if not REGENERATE:
            assert fits(_normal(command), printed), (
                f"{page.name}:{snippet.line}: $ {command.command}\n{printed}"
            )
        shown = command.shown if fits(_normal(command), printed) else printed
        lines += [command.line, *([shown] if shown else [])]
    return "\n".join(lines) + "\n"


def _normal(command: Command) -> str:
    shown = command.shown
    for pattern, word in _VOLATILE:
        shown = pattern.sub(word, shown)
    return shown


def _rewritten(text: str, changed: list[tuple[Snippet, str]]) -> str:
    for snippet, new in reversed(changed):
        text = text[: snippet.start] + new + text[snippet.start + len(snippet.text) :]
    return text


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


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


def test_commands() -> None:
    first, second = commands("$ a \\\n  b  # exit 4\nout\n\nmore\n$ c\n")
    assert (first.command, first.code, first.shown) == ("a    b", 4, "out\n\nmore")
    assert (second.command, second.code, second.shown) == ("c", 0, "")
