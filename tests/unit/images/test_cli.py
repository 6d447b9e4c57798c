"""`kvmspec image`: a real manifest, a real server, a cache of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kvmspec import pipeline
from kvmspec.cli.main import run
from kvmspec.images.source import ImageSource
from kvmspec.kinds.image.source import source_of
from tests.unit.images.samples import MIB, qcow2, raw, sha256
from tests.unit.images.server import Server

Captured = pytest.CaptureFixture[str]
HEAD = "kvmspec: 1\nproject: shop\nimages:\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "kvmspec" / "images"


@pytest.fixture
def site(tmp_path: Path, server: Server, manifest: Callable[..., Path]) -> Path:
    """A folder with a manifest of two images by URL and one file beside it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "golden.raw").write_bytes(raw(seed=9))
    lines = [
        f"  {name}: {{url: '{server.put(f'/{name}', data)}', checksum: '{sha256(data)}'}}\n"
        for name, data in (("debian-12", qcow2()), ("other", raw()))
    ]
    return manifest(HEAD + "".join(lines) + "  golden: {path: ./golden.raw}\n", "site/kvmspec.yaml").parent


def test_pull(site: Path, cache: Path, capsys: Captured) -> None:
    assert run(["image", "pull", str(site)]) == 0
    out, err = capsys.readouterr()
    first, second, third = sorted(out.splitlines())
    assert first.startswith("debian-12: qcow2, 128 KiB, 10 MiB for a guest  ") and err == ""
    assert second == f"golden: raw, 1 MiB  {site}/golden.raw"
    assert Path(third.split("  ")[1]).read_bytes() == raw()
    assert {path.parent.name for path in cache.rglob("*") if path.is_file()} >= {"content", "sources"}


@pytest.mark.parametrize("words", [["site", "other"], ["-f", "site", "other", "other"]])
def test_pull_by_name(site: Path, words: list[str], capsys: Captured) -> None:
    assert run(["image", "pull", *words]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["other"]


@pytest.mark.parametrize("words", [["site", "none"], ["-f", "site", "site"]])
def test_pull_what_is_not_there(site: Path, words: list[str], capsys: Captured) -> None:
    assert run(["image", "pull", *words]) == 64
    assert "hint: it has debian-12, golden, other" in capsys.readouterr().err


def test_pull_tells_every_failure(site: Path, server: Server, capsys: Captured) -> None:
    server.pages["/debian-12"].status = 404
    assert run(["image", "pull", str(site)]) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["golden", "other"]
    assert err.startswith("error: image debian-12: http://127.0.0.1") and "404 Not Found" in err


def test_pull_offline(site: Path, server: Server, capsys: Captured) -> None:
    run(["image", "pull", str(site), "other"])
    requests = len(server.seen)
    assert run(["image", "pull", "--offline", str(site)]) == 1
    assert capsys.readouterr().err.count("not in the cache") == 1 and len(server.seen) == requests


def test_list(site: Path, capsys: Captured) -> None:
    assert run(["image", "list"]) == 0
    assert capsys.readouterr().out == "No images.\n"
    run(["image", "pull", str(site), "other"])
    capsys.readouterr()
    assert run(["image", "list"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["IMAGE", "STATE", "FORMAT", "SIZE", "DIGEST", "LAST", "USED", "SOURCE"]
    assert row.split()[:3] == ["other", "cached", "raw"] and sha256(raw())[7:19] in row
    assert run(["image", "list", str(site)]) == 0
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["debian-12", "absent"], ["golden", "local"], ["other", "cached"]]


def test_list_as_json(site: Path, capsys: Captured) -> None:
    run(["image", "pull", str(site), "other"])
    capsys.readouterr()
    assert run(["image", "list", "--format", "json", str(site)]) == 0
    absent, local, cached = json.loads(capsys.readouterr().out)["images"]
    assert absent["last_used"] is None and local["size"] == MIB
    assert cached["digest"] == sha256(raw()) and cached["capacity"] == MIB and cached["state"] == "cached"


def test_prune(site: Path, capsys: Captured) -> None:
    run(["image", "pull", str(site)])
    file = site / "kvmspec.yaml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if "debian" not in line))
    capsys.readouterr()
    assert run(["image", "prune", str(site)]) == 0
    assert capsys.readouterr().out == "removed debian-12 (128 KiB)\n1 image removed, 128 KiB freed.\n"
    assert run(["image", "prune", str(site)]) == 0
    assert capsys.readouterr().out == "Nothing to remove.\n"
    assert run(["image", "prune", "--all"]) == 0
    assert "removed other" in capsys.readouterr().out
    assert run(["image", "list"]) == 0
    assert capsys.readouterr().out == "No images.\n"


def test_an_invalid_manifest_removes_nothing(site: Path, cache: Path, capsys: Captured) -> None:
    run(["image", "pull", str(site)])
    (site / "kvmspec.yaml").write_text(HEAD + "  a: {}\n")
    assert run(["image", "prune", str(site)]) == 3
    assert len(list((cache / "content").glob("*.json"))) == 2


def test_a_path_is_relative_to_the_file_that_says_it(manifest: Callable[..., Path], tmp_path: Path) -> None:
    manifest("kvmspec: 1\nproject: shop\nimages: {a: {path: a.raw}, c: {path: /c.raw}}\n", "one/a.yaml")
    manifest("images: {b: {path: ../b.raw}}\n", "one/two/b.yaml")
    loaded = pipeline.load(pipeline.Request(paths=(Path("one"),)))
    sources = [source_of(item, loaded) for item in loaded.of("image")]
    assert [source.path.resolve() for source in sources if source.path] == [
        tmp_path / "one/a.raw",
        tmp_path / "one/b.raw",
        Path("/c.raw"),
    ]
    assert all(source.path and source.path.is_absolute() for source in sources)
    assert sources[0] == ImageSource("a", path=tmp_path / "one/a.raw")
