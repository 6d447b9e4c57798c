"""Every example validates, renders to what libvirt's schema allows, and applies."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import libvirt
import pytest

from kvmspec.canon import rng
from tests.support.guest import TOP, TinyGuest, wait_for, wait_for_lease
from tests.support.images import checksum, installer_iso, tiny_image
from tests.support.private_libvirt import PrivateLibvirt

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
Run = Callable[..., CompletedProcess[str]]


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_validates_and_renders(run_kvmspec: Run, tmp_path: Path, name: str) -> None:
    run_kvmspec("validate", EXAMPLES / name, expect=0)
    run_kvmspec("render", EXAMPLES / name, "-o", tmp_path / "out", expect=0)
    rendered = list((tmp_path / "out").rglob("*.xml"))
    assert rendered
    assert {path.name: rng.errors(path.read_text()) for path in rendered} == {
        path.name: [] for path in rendered
    }


@pytest.mark.parametrize("form", ["mermaid", "dot"])
@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir()))
def test_an_example_is_drawn(run_kvmspec: Run, name: str, form: str) -> None:
    drawn = run_kvmspec("graph", EXAMPLES / name, "--format", form, expect=0).stdout
    assert drawn.startswith({"mermaid": "flowchart", "dot": "digraph"}[form])


@pytest.mark.live
def test_quickstart(run_kvmspec: Run, clean_host: PrivateLibvirt, tiny_guest: TinyGuest) -> None:
    folder = clean_host.images / "quickstart"
    folder.mkdir()
    shutil.copy(tiny_guest.kernel, folder / "vmlinuz")
    shutil.copy(tiny_guest.initrd, folder / "initrd")
    given = (EXAMPLES / "quickstart", "--var", f"guest={folder}")
    run_kvmspec("apply", *given, "--yes", connect=clean_host, expect=0)
    run_kvmspec("plan", *given, "--detailed-exitcode", connect=clean_host, expect=0)
    with_connection = clean_host.connect()
    mac = re.search(r"<mac address='(.*?)'", with_connection.lookupByName("hello").XMLDesc())
    assert mac is not None
    wait_for_lease(with_connection, "quick", mac[1])
    with_connection.close()
    assert "192.168.157." in run_kvmspec("status", *given, connect=clean_host, expect=0).stdout
    run_kvmspec("apply", *given, "--var", "cpus=2", "--yes", connect=clean_host, expect=0)
    run_kvmspec("destroy", *given, "--yes", "--allow", "data-loss", connect=clean_host, expect=0)


@pytest.mark.libvirtd
def test_two_hosts(run_kvmspec: Run, clean_host: PrivateLibvirt, clean_second_host: PrivateLibvirt) -> None:
    store = Path("/var/lib/libvirt/images/two-hosts")  # each host has its own below this path
    hosts = {"rack_a": clean_host.uri, "rack_b": clean_second_host.uri, "store": str(store)}
    given = [
        EXAMPLES / "two-hosts",
        *(part for key, value in hosts.items() for part in ("--var", f"{key}={value}")),
    ]
    run_kvmspec("apply", *given, "--yes", expect=0)
    run_kvmspec("plan", *given, "--detailed-exitcode", expect=0)
    assert _names(clean_host) == {"web-1", "web-2"}
    assert _names(clean_second_host) == {"db"}
    refused = run_kvmspec("destroy", *given, "--yes", "--allow", "data-loss", expect=4)
    assert "prevent_destroy" in refused.stdout + refused.stderr
    assert _names(clean_second_host) == {"db"}


class Stage:
    """An example with small images in the place of large ones, and kvmspec inside a host, where its guests
    can be reached; the image is served there, too."""

    def __init__(self, host: PrivateLibvirt, home: Path, name: str, **variables: str) -> None:
        self.host, self.home, self.folder = host, home, EXAMPLES / name
        self.store = host.images / name
        self.variables = {"store": str(self.store), "accel": "tcg"} | variables

    def __call__(self, name: str, *argv: str) -> str:
        given = [word for key, value in self.variables.items() for word in ("--var", f"{key}={value}")]
        environment = [f"HOME={self.home}", f"PYTHONPATH={TOP}", "NO_COLOR=1"]
        command = ["env", *environment, sys.executable, "-m", "kvmspec", name, *argv]
        done = subprocess.run(
            self.host.inside([*command, "-f", str(self.folder), *given, "--connect", self.host.uri]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        told = f"$ kvmspec {name} {' '.join(argv)}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in told and done.returncode == 0, told
        return done.stdout

    def settle(self) -> None:
        self("apply", "--yes")
        self("plan", "--detailed-exitcode")

    def page(self, address: str, path: str = "") -> str:
        """What the guest there serves on port 80, seen from its host; waits until it does."""
        command = ["busybox", "wget", "-q", "-O-", f"http://{address}/{path}"]

        def fetched() -> str:
            done = self.host.run(command, check=False)
            return done.stdout.strip() if done.returncode == 0 else ""

        return wait_for(fetched, 60, what=f"a page of {address}")

    def files(self) -> list[str]:
        return sorted(path.name for path in self.store.iterdir())

    def destroy(self, image: str) -> None:
        """All of it, with its disks; the base stays for the next VM."""
        self("destroy", "--yes", "--allow", "data-loss")
        assert [name.rpartition("-")[0] for name in self.files()] == [image]
        assert _names(self.host) == set()


@pytest.fixture
def stage(clean_host: PrivateLibvirt, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """``stage("bridged", image=…, prefix="iso", bridge="br9")``: with that image served on the host."""
    running = []

    def make(name: str, image: Path, prefix: str = "image", **variables: str) -> Stage:
        server = _serve(clean_host, image.parent)
        running.append(server)
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/{image.name}"
        told = {f"{prefix}_url": url, f"{prefix}_checksum": checksum(image)}
        return Stage(clean_host, tmp_path, name, **told, **variables)

    yield make
    for server in running:
        server.communicate("", timeout=10)


def _serve(host: PrivateLibvirt, folder: Path) -> subprocess.Popen[str]:
    words = "\n".join(
        (
            "import sys",
            "from pathlib import Path",
            "from tests.support.serving import serve",
            "with serve(Path(sys.argv[1])) as served:",
            "    print(served.port, flush=True)",
            "    sys.stdin.read()",
        )
    )
    command = host.inside(["env", f"PYTHONPATH={TOP}", sys.executable, "-c", words, str(folder)])
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.live
def test_isolated_apps(stage: Callable[..., Stage]) -> None:
    """The small image takes its hostname from the seed, and serves that on port 80."""
    play = stage("isolated-apps", tiny_image().qcow2, memory="128MiB")
    play.settle()
    assert play.page("192.168.159.11") == "billing"
    assert play.page("192.168.159.12") == "reports"
    status = play("status")
    assert "192.168.159.11" in status and "192.168.159.12" in status
    play.destroy("debian")


@pytest.mark.live
def test_bridged(stage: Callable[..., Stage], conn: libvirt.virConnect) -> None:
    """The small image takes no address from a seed, as cloud-init would: it asks for one, as the other does."""
    site = {"bridge": "br9", "address": "10.99.0.20/24", "gateway": "10.99.0.1"}
    play = stage("bridged", tiny_image().qcow2, memory="128MiB", **site)
    with _office(play.host):
        play.settle()
        for name in ("leased", "fixed"):
            address = wait_for(partial(_leased, play.host, _mac(conn, name)), 60, what="a lease")
            assert play.page(address) == name
        assert "- 10.99.0.20/24\n" in _network_config(play, "fixed")
        play.destroy("debian")


@contextmanager
def _office(host: PrivateLibvirt) -> Iterator[None]:
    """A bridge of the host with a DHCP server in its network that is not libvirt's."""
    host.run(["ip", "link", "add", "br9", "type", "bridge"])
    host.run(["ip", "address", "add", "10.99.0.1/24", "dev", "br9"])
    host.run(["ip", "link", "set", "br9", "up"])
    server = [
        "dnsmasq",
        "--conf-file=/dev/null",
        "--port=0",
        "--interface=br9",
        "--bind-interfaces",
        "--no-ping",
    ]
    server += ["--dhcp-range=10.99.0.100,10.99.0.150", f"--dhcp-leasefile={host.directory}/leases"]
    host.run([*server, f"--pid-file={host.directory}/dhcp.pid"])
    try:
        yield
    finally:
        host.run(["kill", (host.directory / "dhcp.pid").read_text().strip()])
        host.run(["ip", "link", "delete", "br9"])


def _leased(host: PrivateLibvirt, mac: str) -> str:
    file = host.directory / "leases"
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.split()[2] for line in lines if mac in line), "")


def _mac(conn: libvirt.virConnect, name: str) -> str:
    found = re.search(r"<mac address='(.*?)'", conn.lookupByName(name).XMLDesc())
    assert found is not None
    return found[1]


def _network_config(play: Stage, vm: str) -> str:
    """What cloud-init would read of the network."""
    import pycdlib

    (seed,) = play.store.glob(f"{vm}-seed-*.iso")
    disc, found = pycdlib.PyCdlib(), io.BytesIO()
    disc.open(str(seed))
    disc.get_file_from_iso_fp(found, rr_path="/network-config")
    disc.close()
    return found.getvalue().decode()


@pytest.mark.live
def test_iso_install(stage: Callable[..., Stage], conn: libvirt.virConnect) -> None:
    play = stage("iso-install", installer_iso(), prefix="iso", memory="256MiB", disk="64MiB")
    text = play("plan")
    assert "is installed from installer, then starts from its disk" in text
    play.settle()
    address = wait_for_lease(conn, "lab", _mac(conn, "server"))
    answers = (play.folder / "preseed.cfg").read_text().strip()
    assert play.page(address, "preseed.cfg") == answers, "the installer had them, and left them on the disk"
    assert "preseed" not in play.page(address, "cmdline"), "it is the disk that is booted"
    number = conn.lookupByName("server").ID()
    play.settle()
    assert conn.lookupByName("server").ID() == number, "it is not installed again"
    play.destroy("installer")


def _names(host: PrivateLibvirt) -> set[str]:
    connection = host.connect()
    try:
        return {domain.name() for domain in connection.listAllDomains()}
    finally:
        connection.close()
