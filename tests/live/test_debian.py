"""From nothing to a login: the example web-and-db with a Debian image, fetched over loopback.

It takes two minutes under TCG, so it is one walk: what it proves is told by the asserts in their order.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.live.harbour import Terminal
from tests.support.guest import TOP
from tests.support.hosts import why_no_libvirtd
from tests.support.images import checksum, debian_image
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = [pytest.mark.libvirtd, pytest.mark.live]

SERVER = """
import sys
from pathlib import Path
from tests.support.serving import serve
with serve(Path(sys.argv[1])) as served:
    print(served.port, flush=True)
    sys.stdin.read()
print(len(served.requests))
"""
SECRET = "correct horse battery"


@contextmanager
def served(host: PrivateLibvirt, folder: Path) -> Iterator[int]:
    """A web server inside the host, where kvmspec and the guests are, too; its port."""
    command = host.inside(["env", f"PYTHONPATH={TOP}", sys.executable, "-c", SERVER, str(folder)])
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield int(server.stdout.readline())
    server.communicate("", timeout=10)


class Walk:
    """kvmspec inside the host, with the variables of the example."""

    def __init__(self, host: PrivateLibvirt, home: Path) -> None:
        self.host, self.home = host, home
        self.told: list[str] = []

    def command(self, name: str, *argv: str) -> list[str]:
        environment = {"HOME": str(self.home), "PYTHONPATH": str(TOP), "NO_COLOR": "1", "OPS": SECRET}
        environment |= {"LIBVIRT_DEFAULT_URI": self.host.uri}
        assigned = [f"{key}={value}" for key, value in environment.items()]
        on = ["-f", str(self.home / "site"), "--var-file", str(self.home / "variables.yaml")]
        return self.host.inside(["env", *assigned, sys.executable, "-m", "kvmspec", name, *on, *argv])

    def __call__(self, name: str, *argv: str, expect: int = 0) -> str:
        command = self.command(name, *argv)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400, check=False
        )
        told = f"$ kvmspec {name} {' '.join(argv)}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        self.told.append(told)
        assert "Traceback" not in told and done.returncode == expect, told
        return done.stdout


@pytest.fixture
def host() -> Iterator[PrivateLibvirt]:
    if reason := why_no_libvirtd():
        pytest.fail(reason, pytrace=False)
    with PrivateLibvirt() as started:
        yield started


@pytest.fixture
def walk(host: PrivateLibvirt, tmp_path: Path) -> Iterator[Walk]:
    image = debian_image()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    site = tmp_path / "site"
    site.mkdir()
    example = (TOP / "examples/web-and-db/kvmspec.yaml").read_text()
    example = example.replace('ssh_keys: "${ssh_keys}"}', 'ssh_keys: "${ssh_keys}", password: "${ops}"}')
    example = example.replace("variables:\n", "variables:\n  ops: {env: OPS, secret: true}\n", 1)
    (site / "kvmspec.yaml").write_text(example)
    with served(host, image.disk.parent) as port:
        variables = {
            "image_url": f"http://127.0.0.1:{port}/{image.disk.name}",
            "image_checksum": checksum(image.disk),
            "store": "/var/lib/libvirt/images/web-and-db",
            "accel": "tcg",
            "memory": "640MiB",
            "ssh_keys": (tmp_path / "key.pub").read_text(),
            "packages": [],
        }
        (tmp_path / "variables.yaml").write_text(yaml.safe_dump(variables))
        yield Walk(host, tmp_path)


def inside(host: PrivateLibvirt, *command: str) -> str:
    return host.run(list(command)).stdout.strip()


def pool(host: PrivateLibvirt) -> list[str]:
    return inside(host, "ls", "/var/lib/libvirt/images/web-and-db").split()


def test_from_an_image_to_a_login(walk: Walk, host: PrivateLibvirt) -> None:
    walk("apply", "--yes")
    walk("plan", "--detailed-exitcode")
    login = ("-i", str(walk.home / "key"), "--")
    assert walk("ssh", "web", *login, "hostname").strip() == "web"
    assert walk("ssh", "db", *login, "sudo id -u; findmnt -no SOURCE /srv/data").split() == ["0", "/dev/vdb"]
    assert "192.168.158.10" in walk("ssh", "web", *login, "ip -4 -br address")
    assert "visit 1 to web" in inside(host, "curl", "-s", "http://192.168.158.10/")
    assert "192.168.158.20 (lease)" in walk("status")
    assert "is ready" in walk("wait", "web")
    _console(walk)
    _no_secret(walk, host)
    assert inside(host, "sh", "-c", "stat -c %a /var/lib/libvirt/images/web-and-db/*-seed-*") == "600\n600"
    before = pool(host)
    assert (
        sum("-root.qcow2" in name for name in before) == 2 and sum("-seed-" in name for name in before) == 2
    )
    walk("destroy", "--yes", "--allow", "data-loss")
    assert [name.rpartition("-")[0] for name in pool(host)] == ["debian"], "the base stays, for the next VM"
    cached = walk.home / ".cache/kvmspec/images/content"
    assert (cached / checksum(debian_image().disk).partition(":")[2]).is_file()


def _console(walk: Walk) -> None:
    terminal = Terminal(walk.command("console", "web"))
    terminal.type("\r")
    terminal.see("web login:")
    terminal.type("\x1d")
    assert terminal.ended() == 0
    terminal.close()


def _no_secret(walk: Walk, host: PrivateLibvirt) -> None:
    told = [*walk.told, walk("plan", "--format", "json"), walk("render", "--expanded")]
    told += [inside(host, "virsh", "dumpxml", name) for name in ("web", "db")]
    assert not [text for text in told if SECRET in text]
    root = walk("ssh", "web", "-i", str(walk.home / "key"), "--", "sudo getent shadow ops")
    assert root.startswith("ops:$6$"), "the guest has its hash"
