"""`kvmspec fmt`: files, standard input, exit codes."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kvmspec.cli.main import run
from kvmspec.manifest.layout import formatting

UGLY = "project: shop\nkvmspec: 1   # the format\n"
NICE = "kvmspec: 1   # the format\nproject: shop\n"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ugly and a nice manifest, the working directory."""
    (tmp_path / "a.yaml").write_text(UGLY)
    (tmp_path / "b.yml").write_text(NICE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder(site: Path, capsys: Captured) -> None:
    (site / ".hidden.yaml").write_text(UGLY)
    (site / "notes.txt").write_text(UGLY)
    assert run(["fmt"]) == 0
    assert capsys.readouterr() == ("a.yaml\n", "1 of 2 files changed.\n")
    assert {file.name: file.read_text() == NICE for file in site.iterdir()} == {
        "a.yaml": True, "b.yml": True, ".hidden.yaml": False, "notes.txt": False,
    }  # fmt: skip
    assert run(["fmt"]) == 0
    assert capsys.readouterr() == ("", "0 of 2 files changed.\n")


def test_check_writes_nothing_and_exits_2(site: Path, capsys: Captured) -> None:
    assert run(["fmt", "--check", "."]) == 2
    assert capsys.readouterr() == ("a.yaml\n", "1 of 2 files would change.\n")
    assert (site / "a.yaml").read_text() == UGLY
    assert run(["fmt", "--check", "b.yml"]) == 0


def test_diff(site: Path, capsys: Captured) -> None:
    assert run(["fmt", "--diff", "a.yaml"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["--- a.yaml", "+++ a.yaml"] and {line[0] for line in out[3:]} == {"-", "+", " "}
    assert (site / "a.yaml").read_text() == UGLY
    assert run(["fmt", "--diff", "--check", "a.yaml"]) == 2


def test_diff_shows_no_secret(site: Path, capsys: Captured) -> None:
    vm = "vms:\n  a:\n    memory: 1GiB\n    cpus: 1\n    graphics: [{password: hunter2, type: vnc}]\n"
    (site / "a.yaml").write_text(UGLY + vm)
    run(["fmt", "--diff"])
    captured = capsys.readouterr()
    assert "(secret)" in captured.out and "hunter2" not in captured.out + captured.err


def test_mode_and_links_stay(site: Path, tmp_path: Path) -> None:
    (site / "a.yaml").chmod(0o640)
    (site / "link.yaml").symlink_to("a.yaml")
    assert run(["fmt", "link.yaml"]) == 0
    assert (site / "link.yaml").is_symlink()
    assert (site / "a.yaml").read_text() == NICE
    assert (site / "a.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in site.iterdir()) == ["a.yaml", "b.yml", "link.yaml"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("vms: [\n", "bad.yaml:1:7"),
        ("- a\n", "bad.yaml:1:1"),
        ("services:\n    web: {}\n", "bad.yaml:1:1"),
        ("", "bad.yaml:1:1"),
    ],
)
def test_what_cannot_be_read_is_left(site: Path, capsys: Captured, text: str, place: str) -> None:
    (site / "bad.yaml").write_text(text)
    assert run(["fmt"]) == 3
    out, err = capsys.readouterr()
    assert place in err and "1 error." in err
    assert (site / "bad.yaml").read_text() == text
    assert out == "a.yaml\n", "the others are formatted all the same"


@pytest.mark.parametrize(("arguments", "code"), [(["nowhere.yaml"], 3), (["-", "a.yaml"], 64)])
def test_wrong_names(site: Path, arguments: list[str], code: int) -> None:
    assert run(["fmt", *arguments]) == code
    assert (site / "a.yaml").read_text() == UGLY


def test_a_fault_of_ours_leaves_the_file(
    site: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "tidied", lambda text, shape: ["kvmspec: 1"])
    assert run(["fmt"]) == 1
    err = capsys.readouterr().err
    assert "internal error: a.yaml: formatting would change what it says" in err and "left as it is" in err
    assert (site / "a.yaml").read_text() == UGLY


@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [([], 0, NICE), (["--check"], 2, "<stdin>\n"), (["--diff", "--check"], 2, None)],
)
def test_stdin(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, arguments: list[str], code: int, out: str | None
) -> None:
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(UGLY.encode()), isatty=lambda: False, closed=False)
    )
    assert run(["fmt", "-", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.startswith("--- <stdin>\n") if out is None else captured.out == out


def test_stdin_that_is_no_yaml(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(
        sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a: ["), isatty=lambda: False, closed=False)
    )
    assert run(["fmt", "-"]) == 3
    assert "<stdin>:1:5" in capsys.readouterr().err


def test_a_full_or_read_only_place_keeps_the_file(
    site: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run(["fmt"]) == 1
    assert "cannot write a.yaml: No space left on device" in capsys.readouterr().err
    assert (site / "a.yaml").read_text() == UGLY
    assert len(list(site.iterdir())) == 2, "no temporary file stays"
