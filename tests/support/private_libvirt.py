"""A libvirtd of one's own: a host for tests that nothing on this machine can be confused with.

It runs in mount, process, network and cgroup namespaces of its own, with its own state below one folder.
All of it ends with :meth:`PrivateLibvirt.stop`, and also when the test process is killed: its first process
reads a pipe that only the test process holds open.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from types import TracebackType

import libvirt

INIT = Path(__file__).with_name("private-init")
NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--root")
FOLDERS = ("run", "lib", "cache", "etc", "log", "images")
_numbers = count(1)

LIBVIRTD_CONF = """\
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
"""

QEMU_CONF = """\
namespaces = []
security_driver = "none"
"""

DEFAULT_NETWORK = """\
<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>default</name>
  <uuid>3d2f4ac4-7a3c-4b63-9a2b-6b9f4a1c0de1</uuid>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='off' delay='0'/>
  <mac address='52:54:00:aa:bb:01'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>
"""  # no-ping: else the first lease of an address waits 3 s for an echo


class StartError(RuntimeError):
    """A private libvirtd did not come up; the text holds what it and its log said."""


class PrivateLibvirt:
    """One private libvirtd, a host of its own; several may run side by side.

    ``directory`` needs a short path (a socket's path has at most 107 bytes) of folders that others may
    enter, because QEMU runs as its own user. Without it, one is made below /tmp and removed by ``stop``.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._own_directory = directory is None
        self.name = f"kvmspec-{os.getpid()}-{next(_numbers)}"
        self.directory = directory or Path(tempfile.gettempdir()) / self.name
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """What to connect to, from any process of this machine."""
        return f"qemu+unix:///system?socket={self.socket}"

    @property
    def socket(self) -> Path:
        return self.directory / "run" / "libvirt-sock"

    @property
    def images(self) -> Path:
        """A folder that this host knows by the same path as the test does; for pools and disks."""
        return self.directory / "images"

    def start(self, timeout: float = 60) -> PrivateLibvirt:
        """Start it and wait until it answers and its default network is up."""
        self._write_files()
        with (self.directory / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [INIT, "enter", self.directory, self.name],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_up(time.monotonic() + timeout)
        except BaseException:
            self._end_process()
            raise
        return self

    def stop(self) -> None:
        """End everything that runs in it, guests included, and remove its folder if it made one."""
        self._end_process()
        _remove_cgroups(self.name)
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def restart_daemon(self, timeout: float = 30) -> None:
        """Kill libvirtd with signal 9 and start it again beside its guests, which go on running."""
        self.kill_daemon()
        self.start_daemon(timeout)

    def kill_daemon(self) -> None:
        """Kill libvirtd with signal 9; the guests go on running."""
        pid_file = self.directory / "run" / "libvirtd.pid"
        if not pid_file.exists():
            return
        pid = pid_file.read_text().strip()
        self.run(["kill", "-9", pid], check=False)
        while self.run(["kill", "-0", pid], check=False).returncode == 0:
            time.sleep(0.01)
        pid_file.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def start_daemon(self, timeout: float = 30) -> None:
        """Start libvirtd after :meth:`kill_daemon`."""
        self.run([str(INIT), "libvirtd", str(self.directory), self.name])
        self._wait_until_up(time.monotonic() + timeout)

    def ensure_daemon(self) -> None:
        """Start libvirtd again if a test left it killed."""
        if not self._is_up():
            self.restart_daemon()

    def run(self, command: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command inside this host: ``ip``, ``virsh``, ``kill`` and the like."""
        result = subprocess.run(
            self.inside(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"},
            check=False,
        )
        if check and result.returncode != 0:
            raise RuntimeError(
                f"{' '.join(command)} exited with {result.returncode}: {result.stderr.strip()}"
            )
        return result

    def inside(self, command: list[str]) -> list[str]:
        """The command that runs another one inside this host, to be started in another way than by run.

        nsenter stays between: it has to ignore the signals that the command is to get."""
        return ["nsenter", f"--target={self._init_pid}", *NAMESPACES, "--", *command]

    def in_network(self, command: list[str]) -> list[str]:
        """The command that runs another one on this machine, but in this host's network."""
        return ["nsenter", f"--target={self._init_pid}", "--net", "--", *command]

    def connect(self) -> libvirt.virConnect:
        """A new connection to it."""
        return libvirt.open(self.uri)

    def log(self) -> str:
        """What it printed and logged so far, for a failure's message."""
        files = (self.directory / "out", self.directory / "log" / "libvirtd.log")
        return "\n".join(file.read_text(errors="replace").strip() for file in files if file.exists())

    def __enter__(self) -> PrivateLibvirt:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _init_pid(self) -> str:
        return (self.directory / "init.pid").read_text().strip()

    def _write_files(self) -> None:
        if self._own_directory:
            sweep()
        for folder in (self.directory, *(self.directory / name for name in FOLDERS)):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        (self.directory / "etc/qemu/networks/autostart").mkdir(parents=True, exist_ok=True)
        etc = self.directory / "etc"
        (etc / "libvirtd.conf").write_text(LIBVIRTD_CONF)
        (etc / "qemu.conf").write_text(QEMU_CONF)
        (etc / "qemu/networks/default.xml").write_text(DEFAULT_NETWORK)
        link = etc / "qemu/networks/autostart/default.xml"
        if not link.is_symlink():
            link.symlink_to("/etc/libvirt/qemu/networks/default.xml")
        filters = Path("/etc/libvirt/nwfilter")
        if filters.is_dir() and not (etc / "nwfilter").exists():
            shutil.copytree(filters, etc / "nwfilter")

    def _wait_until_up(self, deadline: float) -> None:
        while not self._is_up():
            if self._process is not None and self._process.poll() is not None:
                raise StartError(f"private libvirtd exited with {self._process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise StartError(f"private libvirtd did not come up:\n{self.log()}")
            time.sleep(0.02)

    def _is_up(self) -> bool:
        if not (self.directory / "init.pid").exists() or not self.socket.exists():
            return False
        try:
            connection = libvirt.open(self.uri)
        except libvirt.libvirtError:
            return False
        try:
            return any(network.isActive() for network in connection.listAllNetworks())
        finally:
            connection.close()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def sweep() -> None:
    """Remove what private libvirtds of test processes that are gone left behind: folders and cgroups."""
    leftovers = [
        *Path(tempfile.gettempdir()).glob("kvmspec-*-*"),
        *Path("/sys/fs/cgroup").glob("kvmspec-*-*"),
    ]
    leftovers += Path("/sys/fs/cgroup").glob("*/kvmspec-*-*")
    for name in {path.name for path in leftovers}:
        pid = name.split("-")[1]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _remove_cgroups(name)
            shutil.rmtree(Path(tempfile.gettempdir()) / name, ignore_errors=True)


def _remove_cgroups(name: str) -> None:
    top = Path("/sys/fs/cgroup")
    for group in (*top.glob(name), *top.glob(f"*/{name}")):
        for folder, _, _ in os.walk(group, topdown=False):  # passes over what another test process removes
            _remove_cgroup(Path(folder))


def _remove_cgroup(folder: Path) -> None:
    for _ in range(50):  # the kernel counts a process for a moment after it ended
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
