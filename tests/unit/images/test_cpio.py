"""The archive is one: the tool cpio reads back what went in."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvmspec.images.cpio import archive, behind

pytestmark = pytest.mark.skipif(shutil.which("cpio") is None, reason="no cpio here")
NAME = st.text("abcXYZ0-_.é", min_size=1, max_size=12).filter(lambda name: name.strip(".") != "")
FILES = st.dictionaries(
    st.lists(NAME, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), max_size=4
).filter(lambda files: not any(other.startswith(f"{name}/") for name in files for other in files))


def unpacked(data: bytes, folder: Path) -> dict[str, bytes]:
    subprocess.run(["cpio", "-idm", "--quiet"], input=data, cwd=folder, check=True, capture_output=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=40, deadline=None)
@given(FILES)
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert unpacked(archive(files), Path(folder)) == files


def test_only_root_reads_it(tmp_path: Path) -> None:
    unpacked(archive({"a/preseed.cfg": b"x"}), tmp_path)
    assert (tmp_path / "a/preseed.cfg").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("size", range(5))
def test_it_stands_behind_an_initrd_of_any_length(size: int, tmp_path: Path) -> None:
    initrd = b"i" * size
    made = behind(initrd, {"ks.cfg": b"text"})
    start = made.index(b"070701")
    assert made.startswith(initrd) and start % 4 == 0 and start - size < 4
    assert unpacked(made[start:], tmp_path) == {"ks.cfg": b"text"}


def test_nothing_is_an_archive_too(tmp_path: Path) -> None:
    assert unpacked(archive({}), tmp_path) == {}
