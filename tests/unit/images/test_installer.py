"""Kernel and initrd out of ISOs as distributions lay them out, and the answers put in."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import pycdlib
import pytest

from kvmspec.images.installer import LAYOUTS, Answers, BootFiles, InstallerError, boot_files

PRESEED, KICKSTART = Answers("preseed", b"d-i x\n"), Answers("kickstart", b"text\n")


def written(
    path: Path, files: dict[str, bytes], *, long_names: str = "rock_ridge", label: str = "CD"
) -> Path:
    """An ISO with these files, their names in one of three ways."""
    disc = pycdlib.PyCdlib()
    more: dict[str, Any] = {"rock_ridge": {"rock_ridge": "1.09"}, "joliet": {"joliet": 3}, "plain": {}}[
        long_names
    ]
    disc.new(interchange_level=4 if long_names == "plain" else 3, vol_ident=label, **more)
    shorts: dict[str, str] = {"": ""}
    for number, name in enumerate(files):
        folders = name.strip("/").split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = "/" + "/".join(folders[:depth])
            if folder not in shorts:
                above = shorts[folder.rpartition("/")[0]]
                plain = folders[depth - 1].upper() if long_names == "plain" else f"D{len(shorts)}"
                shorts[folder] = f"{above}/{plain}"
                disc.add_directory(shorts[folder], **_named(long_names, folder))
        above, last = shorts[name.rpartition("/")[0]], name.rpartition("/")[2]
        short = (last if "." in last else f"{last}.").upper() if long_names == "plain" else f"F{number}."
        disc.add_fp(
            io.BytesIO(files[name]), len(files[name]), f"{above}/{short};1", **_named(long_names, name)
        )
    disc.write(str(path))
    disc.close()
    return path


def _named(long_names: str, path: str) -> dict[str, str]:
    return {
        "rock_ridge": {"rr_name": path.rpartition("/")[2]},
        "joliet": {"joliet_path": path},
        "plain": {},
    }[long_names]


def answers_in(made: BootFiles, folder: Path, initrd: bytes) -> dict[str, bytes]:
    rest = made.initrd[made.initrd.index(b"070701") :]
    assert made.initrd.startswith(initrd)
    subprocess.run(["cpio", "-id", "--quiet"], input=rest, cwd=folder, check=True)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout[0])
def test_every_layout(layout: tuple[str, str], tmp_path: Path) -> None:
    iso = written(tmp_path / "a.iso", {layout[0]: b"kernel", layout[1]: b"initrd"})
    assert boot_files(iso, None, "console=ttyS0") == BootFiles(b"kernel", b"initrd", "console=ttyS0")


@pytest.mark.parametrize("long_names", ["rock_ridge", "joliet", "plain"])
def test_names_however_they_are_kept(long_names: str, tmp_path: Path) -> None:
    files = {"/casper/vmlinuz": b"kernel", "/casper/initrd": b"initrd"}
    iso = written(tmp_path / "a.iso", files, long_names=long_names)
    assert boot_files(iso, None)[:2] == (b"kernel", b"initrd")


@pytest.mark.parametrize(
    "menu",
    [
        "label a\n  kernel /odd/linux26\n  append initrd=/odd/rd.gz quiet\n",
        "LABEL a\n  LINUX ../odd/linux26\n  INITRD ../odd/rd.gz\n",
    ],
)
def test_else_the_boot_menu_says(menu: str, tmp_path: Path) -> None:
    files = {"/isolinux/isolinux.cfg": menu.encode(), "/odd/linux26": b"kernel", "/odd/rd.gz": b"initrd"}
    made = boot_files(written(tmp_path / "a.iso", files), None)
    assert made[:2] == (b"kernel", b"initrd")


def test_preseed(tmp_path: Path) -> None:
    iso = written(tmp_path / "a.iso", {LAYOUTS[0][0]: b"kernel", LAYOUTS[0][1]: b"initrd"})
    made = boot_files(iso, PRESEED, "priority=high console=ttyS0")
    assert answers_in(made, tmp_path / ".", b"initrd")["preseed.cfg"] == PRESEED.content
    assert made.cmdline == "auto=true priority=high console=ttyS0"
    assert made.seed is None


def test_kickstart(tmp_path: Path) -> None:
    files = {"/images/pxeboot/vmlinuz": b"kernel", "/images/pxeboot/initrd.img": b"initrd"}
    made = boot_files(written(tmp_path / "a.iso", files, label="Fedora S 39"), KICKSTART)
    assert answers_in(made, tmp_path, b"initrd")["ks.cfg"] == KICKSTART.content
    assert made.cmdline == r"inst.ks=file:/ks.cfg inst.stage2=hd:LABEL=Fedora\x20S\x2039"
    mirror = boot_files(tmp_path / "a.iso", KICKSTART, "inst.repo=http://mirror.lan/")
    assert mirror.cmdline == "inst.ks=file:/ks.cfg inst.repo=http://mirror.lan/"


def test_autoinstall(tmp_path: Path) -> None:
    iso = written(tmp_path / "a.iso", {"/casper/vmlinuz": b"kernel", "/casper/initrd": b"initrd"})
    made = boot_files(iso, Answers("autoinstall", b"#cloud-config\nautoinstall: {version: 1}\n"))
    assert made.initrd == b"initrd" and made.cmdline == "autoinstall ds=nocloud"
    assert made.seed is not None
    disc, out = pycdlib.PyCdlib(), io.BytesIO()
    disc.open_fp(io.BytesIO(made.seed))
    disc.get_file_from_iso_fp(out, rr_path="/user-data")
    assert out.getvalue() == b"#cloud-config\nautoinstall: {version: 1}\n"
    assert disc.pvd.volume_identifier.strip() == b"cidata"


@pytest.mark.parametrize("content", [b"", b"x" * 4096, bytes(1 << 16)])
def test_no_iso(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.iso").write_bytes(content)
    with pytest.raises(InstallerError, match=r"a\.iso cannot be read as an ISO"):
        boot_files(tmp_path / "a.iso", None)


def test_an_iso_without_an_installer(tmp_path: Path) -> None:
    with pytest.raises(InstallerError, match="no kernel and initrd") as told:
        boot_files(written(tmp_path / "a.iso", {"/readme": b"x"}), PRESEED)
    assert "from the CD itself" in told.value.hint


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InstallerError, match=r"none\.iso cannot be read"):
        boot_files(tmp_path / "none.iso", None)
