"""`kvmspec graph` as a command: streams, exit codes, what --plan says of hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvmspec.cli.main import run

HERE = "kvmspec: 1\nproject: shop\nvms: {web: {memory: 64MiB, networks: [default]}}\n"


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    (tmp_path / "kvmspec.yaml").write_text(HERE)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--format mermaid", 0, "flowchart LR\n"),
        ("--format dot", 0, "digraph"),
        ("--plan --connect test:///default", 0, "+ create"),
        ("--plan --connect test:///nowhere/at/all", 5, "could not be read"),
        ("--format svg", 64, ""),
        ("--fold -1", 64, ""),
        ("--target vm/none", 64, ""),
        ("--host none", 64, ""),
    ],
)
def test_exit_codes(
    manifest: str, capsys: pytest.CaptureFixture[str], words: str, code: int, says: str
) -> None:
    assert run(["graph", manifest, *words.split()]) == code
    out, err = capsys.readouterr()
    assert says in out and bool(err) == (code != 0) and "Traceback" not in err


def test_an_invalid_manifest_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kvmspec.yaml").write_text("kvmspec: 1\nproject: shop\nvms: {web: {}}\n")
    assert run(["graph", str(tmp_path)]) == 3
    assert not capsys.readouterr().out


def test_many_are_folded_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kvmspec.yaml").write_text(HERE.replace("64MiB,", "64MiB, count: 40,"))
    assert run(["graph", str(tmp_path), "--format", "dot"]) == 0
    out, err = capsys.readouterr()
    assert "vm/web-1 … web-40 (40)" in out and "40 objects that are alike are drawn as 1" in err
    assert run(["graph", str(tmp_path), "--fold", "0"]) == 0
    assert capsys.readouterr().out.count("vm/web-") == 40
