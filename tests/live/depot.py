"""Images on a web server, a cache that only one test has, and a command line with both."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path
from typing import Any

from tests.live.scene import MIB, Manifest, Scene
from tests.support.serving import Served


class Depot:
    """Images by name in the folder of a server, and VMs of a scene that are made from them.

    ``home`` is the HOME of each kvmspec, with the cache below it; it is that of ``start_kvmspec`` too.
    """

    def __init__(self, scene: Scene, served: Served, home: Path) -> None:
        self.scene, self.served, self.home = scene, served, home
        self.cache = home / ".cache/kvmspec/images"

    def put(self, name: str, data: bytes) -> Path:
        """A file on the server."""
        path = self.served.folder / name
        path.write_bytes(data)
        return path

    def image(self, name: str, data: bytes, **fields: Any) -> dict[str, Any]:
        """The file, and what a manifest says of it as an image."""
        self.put(name, data)
        return {"url": self.served.url(name), "checksum": sha256(data)} | fields

    def write(self, image: dict[str, Any], **vms: Any) -> Path:
        """A manifest with the image ``os``."""
        return self.scene.write(self.manifest(image, **vms))

    def manifest(self, image: dict[str, Any], **vms: Any) -> Manifest:
        return self.scene.manifest(vms, images={"os": image})

    def cli(self, command: str, *args: str, expect: int, connect: bool = True) -> str:
        """All that it told, on stdout and stderr."""
        env = {"HOME": str(self.home)}
        done = self.scene.cli(command, *args, expect=expect, env=env, connect=connect)
        return str(done.stdout + done.stderr)

    def apply(self, *args: str, expect: int = 0) -> str:
        return self.cli("apply", "--yes", *args, expect=expect)

    def plan(self, *args: str, expect: int) -> str:
        return self.cli("plan", "--detailed-exitcode", *args, expect=expect)

    def pull(self) -> None:
        """``image pull``."""
        env = {"HOME": str(self.home)}
        self.scene.forks.cli("image", "pull", self.scene.path, expect=0, env=env)

    def settle(self, *args: str) -> None:
        """Apply, and find that the next plan is empty and asks the server nothing."""
        self.apply(*args)
        with self.no_requests():
            self.plan(expect=0)

    def no_requests(self) -> NoRequests:
        """Within it, nobody asks the server for anything."""
        return NoRequests(self.served)

    @property
    def downloads(self) -> int:
        """How often a file was fetched from its beginning to its end; a look at its beginning is none."""
        return sum(not seen.range for seen in self.served.requests)

    def base(self, data: bytes) -> Path:
        """Where the image with these bytes, as they are fetched, lies once it is placed."""
        return self.scene.volume(base_name(data))

    def bases(self) -> list[str]:
        return sorted(path.name for path in self.scene.pool.glob("os-*"))

    def kept(self) -> list[str]:
        """What the cache has under a final name."""
        return sorted(path.name for path in self.cache.glob("content/*"))


class NoRequests:
    def __init__(self, served: Served) -> None:
        self._served = served

    def __enter__(self) -> None:
        self._before = list(self._served.requests)

    def __exit__(self, *exc: object) -> None:
        assert self._served.requests == self._before


def made_from(**fields: Any) -> dict[str, Any]:
    """A VM that is off, with a disk from the image ``os``."""
    return {"memory": "32MiB", "state": "stopped", "disks": [{"name": "root", "image": "os"} | fields]}


def base_name(data: bytes) -> str:
    return f"os-{sha256(data).partition(':')[2][:12]}"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest_of(path: Path) -> str:
    """``sha256:…`` of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def raw(size: int = MIB, seed: int = 1) -> bytes:
    """A raw image that does not compress."""
    return random.Random(seed).randbytes(size)


def qcow2(folder: Path, size: int = MIB, seed: int = 1) -> bytes:
    """A qcow2 image of so many bytes, as QEMU's own tool makes it."""
    source, target = folder / "source.raw", folder / "target.qcow2"
    source.write_bytes(raw(64 * 1024, seed))
    with source.open("r+b") as file:
        file.truncate(size)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", source, target], check=True)
    return target.read_bytes()


def iso() -> bytes:
    """A CD as far as its first volume descriptor goes."""
    return bytes(32768) + b"\x01CD001\x01" + raw(65536 - 7)


def backing_of(path: Path) -> str:
    """The file that a qcow2 file says it rests on; empty for none."""
    shown = subprocess.run(
        ["qemu-img", "info", "-U", path], capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in shown.splitlines() if line.startswith("backing file:")]
    return lines[0].partition(":")[2].strip().partition(" (")[0] if lines else ""
