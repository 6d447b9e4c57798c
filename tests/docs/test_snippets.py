"""Every block of every page: written, validated or run, in the order of the page."""

from __future__ import annotations

import importlib.util
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
from kvmspec.cli.main import COMMANDS, names
from kvmspec.cli.main import command as built
from tests.docs.pages import Command, Snippet, anchors, commands, fits, pages, snippets, without_blocks
from tests.support.images import tiny_image
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
    ("README.md", "./scripts/demo     # installs what is missing, builds a tiny guest, and runs plan → apply → lease →"): "installs on the reader's machine",
    ("README.md", "sudo apt install libvirt-daemon-system qemu-system-x86 libvirt-dev pkg-config gcc python3-dev python3-venv"): "installs on the reader's machine",
    ("README.md", "kvmspec plan --out change.kvmplan.json              # 0600, no secrets; a digest and fingerprints of all it rests on"): "docs/tour.md runs these three",
    ("README.md", "kvmspec apply              # fetches and verifies the image, makes the VM, and waits until nginx answers"): "needs the internet; tests/live/test_debian.py does it with an image of its own",
    ("README.md", "# yaml-language-server: $schema=./kvmspec.schema.json"): "a comment for editors",
    ("docs/benchmarks.md", "sudo .venv/bin/python benchmarks/run.py        # every table below, about 5 minutes"): "takes minutes, and an idle machine",
    ("docs/ci.md", "jobs:"): "a workflow; tests/unit/ci runs the action",
    ("docs/ci.md", "repos:"): "pre-commit's own; tests/unit/ci runs the hooks",
    ("docs/coming-from/ansible.md", "- ansible.builtin.command: kvmspec apply --yes site/"): "a playbook, Ansible's own",
    ("docs/decisions/fmt.md", "cpus: {count: 4, max: 8,   # four for now"): "a part of a VM, broken over lines on purpose",
    ("docs/reaching.md", "kvmspec ssh web                        # a shell, as the first user of cloud_init"): "needs a guest with an SSH server; tests/live/test_debian.py has one",
    ("docs/tour.md", "sudo apt install libvirt-daemon-system qemu-system-x86 libvirt-dev pkg-config gcc python3-dev python3-venv"): "installs on the reader's machine",
}  # fmt: skip
"""The blocks that are neither run nor validated, by page and first line, and why."""
_VOLATILE = (
    (re.compile(r"\b\d+\.\d+s"), "0.1s"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "2026-11-22T20:00:00+00:00"),
)


def _generated() -> list[str]:
    """What scripts/generate.py writes, by its own list."""
    spec = importlib.util.spec_from_file_location("generate", TOP / "scripts" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.GENERATED)


PAGES = pages(TOP, _generated())


def _id(page: Path) -> str:
    return str(page.relative_to(TOP))


class Reader:
    """Somebody who does what a page says, in a folder of their own, on a host of their own.

    They are in that host's network, so its guests can be reached. `$TINY_IMAGE` is an image that boots in
    seconds, for hidden commands that put it where a page has a cloud image.
    """

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
            "XDG_CACHE_HOME": str(self.folder.parent / "cache"),
        }
        if "TINY_IMAGE" in command:
            more["TINY_IMAGE"] = str(tiny_image().qcow2)
        done = subprocess.run(
            self.host.in_network(["bash", "-c", command]),
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
        text = text.replace(f"{self.folder}/", "").replace(str(self.folder.parent / "cache"), "~/.cache")
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


def is_shown_only(page: Path, snippet: Snippet) -> bool:
    return (_id(page), snippet.first) in SHOWN_ONLY


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_every_block_is_run_or_validated(page: Path) -> None:
    for snippet in snippets(page.read_text()):
        known = is_run(snippet) or snippet.kind in ("yaml", "json") or is_shown_only(page, snippet)
        assert known, f"{page.name}:{snippet.line}: what is a block `{snippet.kind}`?"


def test_every_exception_is_in_use() -> None:
    there = {(_id(page), snippet.first) for page in PAGES for snippet in snippets(page.read_text())}
    assert set(SHOWN_ONLY) <= there


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_is_data_is_valid(page: Path, tmp_path: Path) -> None:
    for number, snippet in enumerate(snippets(page.read_text())):
        if is_shown_only(page, snippet):
            continue
        if snippet.kind == "json":
            json.loads(snippet.text)
        elif snippet.kind == "yaml" and not snippet.file:
            _validate(snippet, tmp_path / str(number), page)


def _validate(snippet: Snippet, folder: Path, page: Path) -> None:
    """By kvmspec's own loader, with the rest of a manifest around it: a key it does not know is an error."""
    data = yaml.safe_load(snippet.text)
    assert isinstance(data, dict), f"{page.name}:{snippet.line}: no part of a manifest"
    rest = {
        key: value if key not in data else {n: e for n, e in value.items() if n not in data[key]}
        for key, value in AROUND.items()
        if key not in data or isinstance(value, dict)
    }
    folder.mkdir()
    (folder / "snippet.yaml").write_text(snippet.text)
    (folder / "rest.yaml").write_text(as_yaml(rest))
    (folder / ".ssh").mkdir()
    (folder / ".ssh" / "id_ed25519.pub").write_text(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKlWaB2y8q9m0gZZbbyCN3BJzq1rDjpUo3gk7zHcMEIv me@desk\n"
    )
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


_MENTIONED = re.compile(r"^.*?\bkvmspec ([a-z-]+(?: [^`#\n]*)?)", re.M)
_PROSE_MENTIONED = re.compile(r"(?:`|^ {4})kvmspec ([a-z-]+(?: [^`#\n]*)?)", re.M)


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_what_is_only_mentioned_exists(page: Path) -> None:
    """Commands in prose and in blocks that are not run: the command is there, and its long options."""
    for words in map(str.split, _mentioned(page)):
        assert words[0] in COMMANDS, f"{page.name}: kvmspec {words[0]}"
        name = " ".join(words[:2]) if " ".join(words[:2]) in names() else words[0]
        options = {option for parameter in built(name).params for option in parameter.opts}
        named = {word.partition("=")[0] for word in words[1:] if word.startswith("--") and word != "--"}
        assert named <= options | {"--help"}, f"{page.name}: kvmspec {' '.join(words)}"


def _mentioned(page: Path) -> Iterator[str]:
    text = page.read_text()
    yield from _PROSE_MENTIONED.findall(without_blocks(text))
    for snippet in snippets(text):
        if is_shown_only(page, snippet):
            yield from _MENTIONED.findall(snippet.text)


@pytest.mark.parametrize("page", [*sorted((TOP / "docs").rglob("*.md")), TOP / "README.md"], ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", page.read_text()):
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in anchors(target.read_text()), f"{page.name}: {path}#{anchor}"
