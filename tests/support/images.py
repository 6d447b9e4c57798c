"""Images for tests, built once per machine from the distribution's packages, and a web server that has them.

Each is built by a script of the same name (scripts/debian-image …) into .cache/, under a lock, so that workers
that want the same one wait for the first. Copies of a few hundred MB are not made: kvmspec reads an image here
and uploads it; what QEMU itself shall read has to be copied to where its user can (``host.images``).
"""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from functools import cache
from pathlib import Path

from tests.support.guest import TOP


@dataclass(frozen=True)
class DebianImage:
    """A cloud image of this distribution: cloud-init, netplan, sshd, guest agent, sudo; 1.2 GiB, it grows.

    ``disk`` boots by itself; ``kernel``, ``initrd`` and ``cmdline`` boot it directly. With cloud-init done
    50 s after its start under TCG; see scripts/debian-image.
    """

    disk: Path
    kernel: Path
    initrd: Path
    cmdline: str


@dataclass(frozen=True)
class TinyImage:
    """The tiny guest on a disk that boots by itself in 5 s with 128 MiB, the same in two formats.

    It serves its hostname on port 80, and says ``started NAME`` on its console; see scripts/tiny-image.
    """

    qcow2: Path
    raw: Path


@cache
def debian_image() -> DebianImage:
    """Needs root: its files belong to root. Takes about 40 s the first time."""
    folder = _built("debian-image")
    cmdline = (folder / "cmdline").read_text().strip()
    return DebianImage(folder / "root.qcow2", folder / "vmlinuz", folder / "initrd.img", cmdline)


@cache
def tiny_image() -> TinyImage:
    """Takes about 7 s the first time."""
    folder = _built("tiny-image")
    return TinyImage(folder / "tiny.qcow2", folder / "tiny.raw")


@cache
def installer_iso() -> Path:
    """A CD that installs the tiny image, laid out like Debian's; see scripts/installer-iso. Takes about 15 s."""
    return _built("installer-iso") / "installer.iso"


@cache
def checksum(path: Path, algorithm: str = "sha256") -> str:
    """``sha256:…`` of a file, as a manifest wants it."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def _built(name: str) -> Path:
    folder = TOP / ".cache" / name
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        made = subprocess.run(
            [TOP / "scripts" / name, folder],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode != 0:
        raise RuntimeError(f"scripts/{name} failed:\n{made.stdout}{made.stderr}")
    return folder
