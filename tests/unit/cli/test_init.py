"""`kvmspec init`: what it writes is a manifest, and nothing is lost by it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kvmspec.cli.main import run
from kvmspec.starter import project_name, starter

Captured = pytest.CaptureFixture[str]
_EXAMPLE = re.compile(r"^( *)#(?=[^ \n])", re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder called shop, the working directory."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_init(here: Path, capsys: Captured) -> None:
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    assert out == "kvmspec.yaml\nkvmspec.schema.json\n.gitignore\n"
    assert "  kvmspec validate\n  kvmspec plan\n  kvmspec apply\n" in err
    assert names(here) == set(out.split())
    assert "\nproject: shop\n" in (here / "kvmspec.yaml").read_text()


def test_what_it_writes_is_valid_and_in_order(here: Path, capsys: Captured) -> None:
    run(["init"])
    assert run(["validate"]) == 0
    assert "OK: 3 objects (1 network, 1 pool, 1 VM)" in capsys.readouterr().out
    assert run(["fmt", "--check"]) == 0
    assert run(["render"]) == 0


def examples(text: str) -> list[str]:
    """The starter with each of its commented-out examples, one at a time, and with all of them."""
    blocks = re.findall(r"(?:^ *#[^ \n][^\n]*\n)+", text, re.MULTILINE)
    each = [text.replace(block, _EXAMPLE.sub(r"\1", block)) for block in blocks]
    return [*each, _EXAMPLE.sub(r"\1", text)]


STARTER = next(iter(starter(Path("/nowhere"), "shop").files.values()))
EXAMPLES = examples(STARTER)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 8 and all(text != STARTER for text in EXAMPLES)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_is_valid_where_it_stands(here: Path, number: int, capsys: Captured) -> None:
    (here / "kvmspec.yaml").write_text(EXAMPLES[number])
    assert run(["validate"]) == 0, capsys.readouterr().err
    assert run(["fmt", "--check"]) == 0, capsys.readouterr().out


def test_two_projects_differ(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        assert run(["init", str(tmp_path / name), "--project", "same"]) == 0
        ids.add(re.search(r"^id: (\S+)$", (tmp_path / name / "kvmspec.yaml").read_text(), re.MULTILINE)[1])  # type: ignore[index]
    assert len(ids) == 2


@pytest.mark.parametrize("name", ["kvmspec.yaml", "kvmspec.schema.json", ".github/workflows/kvmspec.yml"])
def test_nothing_is_overwritten(here: Path, capsys: Captured, name: str) -> None:
    (here / name).parent.mkdir(parents=True, exist_ok=True)
    (here / name).write_text("mine")
    assert run(["init", "--ci", "github"]) == 4
    err = capsys.readouterr().err
    assert f"{name} is already there" in err and "--force" in err and "Nothing was done." in err
    assert names(here) == {name}
    assert (here / name).read_text() == "mine"
    assert run(["init", "--ci", "github", "--force"]) == 0
    assert (here / name).read_text() != "mine"


@pytest.mark.parametrize("before", ["build/\n", "build/", "*.kvmplan.json\n"])
def test_gitignore_is_added_to(here: Path, before: str) -> None:
    (here / ".gitignore").write_text(before)
    assert run(["init"]) == 0
    once = (here / ".gitignore").read_text()
    assert once.startswith(before.strip() + "\n")
    assert once.count("*.kvmplan.json") == once.count(".env.*") == 1
    run(["init", "--force"])
    assert (here / ".gitignore").read_text() == once


@pytest.mark.parametrize(
    ("folder", "project"),
    [("shop", "shop"), ("My Shop!", "my-shop"), ("123", "site-123"), ("true", "site-true"), ("ümläut", "ml-ut"),
     ("x" * 80, "x" * 63), ("---", "site"), ("a.b_c+d", "a.b_c+d"), ("1e5", "site-1e5")],
)  # fmt: skip
def test_the_folder_names_the_project(tmp_path: Path, folder: str, project: str) -> None:
    assert project_name(tmp_path / folder) == project
    assert run(["init", str(tmp_path / folder)]) == 0
    assert run(["validate", str(tmp_path / folder)]) == 0


@pytest.mark.parametrize("name", ["", "a b", "-x", "123", "null", "x" * 64])
def test_a_project_that_is_no_name(here: Path, name: str, capsys: Captured) -> None:
    assert run(["init", "--project", name]) == 64
    assert names(here) == set()


@pytest.mark.parametrize("arguments", [["--ci", "jenkins"], ["--ci-only"]])
def test_usage(here: Path, arguments: list[str]) -> None:
    assert run(["init", *arguments]) == 64
    assert names(here) == set()


def test_a_workflow_goes_to_the_top_of_the_repository(here: Path, capsys: Captured) -> None:
    (here / ".git").mkdir()
    assert run(["init", "infra/site", "--ci", "gitlab"]) == 0
    assert names(here) == {
        ".gitlab-ci.yml", "infra/site/kvmspec.yaml", "infra/site/kvmspec.schema.json", "infra/site/.gitignore",
    }  # fmt: skip
    assert "FOLDER: infra/site\n" in (here / ".gitlab-ci.yml").read_text()
    assert ".gitlab-ci.yml says what to set up" in capsys.readouterr().err


def test_a_workflow_for_a_manifest_that_is_there(here: Path) -> None:
    (here / "kvmspec.yaml").write_text("mine")
    assert run(["init", "--ci", "github", "--ci-only"]) == 0
    assert (here / "kvmspec.yaml").read_text() == "mine"
    assert names(here) == {"kvmspec.yaml", ".github/workflows/kvmspec.yml", ".gitignore"}


def test_it_tells_of_other_files_that_would_be_read(here: Path, capsys: Captured) -> None:
    (here / "compose.yml").write_text("services: {}")
    assert run(["init"]) == 0
    assert "there is also compose.yml" in capsys.readouterr().err


def test_where_it_cannot_write(here: Path, capsys: Captured) -> None:
    (here / "file").touch()
    assert run(["init", "file/below"]) == 1
    assert "cannot write" in capsys.readouterr().err
