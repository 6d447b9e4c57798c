"""The wheel, installed outside the checkout, is all that kvmspec needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

TOP = Path(__file__).resolve().parents[2]
DATA_FOLDERS = ("templates", "schemas")


def _run(command: list[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(  # type: ignore[call-overload]
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120, **options
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as built from a copy of what a checkout holds, so that nothing is written into it."""
    source = tmp_path_factory.mktemp("source") / "kvmspec"
    skipped = shutil.ignore_patterns(".*", "__pycache__", "tests", "dist", "build", "*.egg-info")
    shutil.copytree(TOP, source, ignore=skipped)
    out = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--outdir", out, source])
    (built,) = out.glob("kvmspec-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel and nothing else; dependencies come from this interpreter."""
    target = tmp_path_factory.mktemp("installed")
    _run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", target, wheel])
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A working directory with a copy of the quickstart, far from the checkout."""
    shutil.copytree(TOP / "examples" / "quickstart", tmp_path / "quickstart")
    return tmp_path


def _kvmspec(installed: Path, elsewhere: Path, *args: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(elsewhere), "PYTHONPATH": str(installed)}
    command: list[str | Path] = [sys.executable, "-P", installed / "bin" / "kvmspec", *args]
    result = _run(command, cwd=elsewhere, env=environment)
    assert "Traceback" not in result.stdout + result.stderr
    return result.stdout


def _files(folder: Path) -> set[str]:
    return {str(file.relative_to(TOP)) for file in folder.rglob("*") if file.is_file()}


def test_the_wheel_holds_all_templates_and_schemas(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder in DATA_FOLDERS:
        wanted = {f"kvmspec/{name}" for name in _files(TOP / folder)}
        assert wanted, f"{folder}/ is empty"
        assert not wanted - held


def test_the_wheel_holds_the_licence_and_no_tests(wheel: Path) -> None:
    held = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("/LICENSE") for name in held)
    assert not [name for name in held if name.startswith(("tests", "kvmspec/tests", "scripts", ".c"))]


def test_it_runs_from_where_it_is_installed(installed: Path, elsewhere: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    code = "import kvmspec; print(kvmspec.__file__)"
    found = _run([sys.executable, "-P", "-c", code], cwd=elsewhere, env=environment).stdout
    assert Path(found.strip()).is_relative_to(installed)


def test_it_tells_its_version(installed: Path, elsewhere: Path) -> None:
    version = (
        next(installed.glob("kvmspec-*.dist-info")).name.removeprefix("kvmspec-").removesuffix(".dist-info")
    )
    assert version in _kvmspec(installed, elsewhere, "--version")


def test_it_validates_and_renders_the_quickstart(installed: Path, elsewhere: Path) -> None:
    _kvmspec(installed, elsewhere, "validate", "quickstart")
    assert "<name>hello</name>" in _kvmspec(installed, elsewhere, "render", "quickstart")
