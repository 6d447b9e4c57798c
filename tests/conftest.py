"""Fixtures that every suite shares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import libvirt
import pytest
from hypothesis import settings

from tests.support.guest import TinyGuest, build_tiny_guest
from tests.support.hosts import empty, required, why_no_libvirtd
from tests.support.private_libvirt import PrivateLibvirt

TOP = Path(__file__).resolve().parents[1]
RunKvmspec = Callable[..., subprocess.CompletedProcess[str]]
StartKvmspec = Callable[..., subprocess.Popen[str]]

settings.register_profile("kvmspec", deadline=None)  # a busy machine is no failure
settings.load_profile("kvmspec")
libvirt.registerErrorHandler(lambda _context, _error: None, None)  # else it writes each one to stderr


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what this machine cannot do; where it has to, let it fail in the fixture."""
    reason = why_no_libvirtd()
    if reason is None or required():
        return
    for item in items:
        if item.get_closest_marker("libvirtd") or item.get_closest_marker("live"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the private libvirtd had to say."""
    report = yield
    host = getattr(item, "funcargs", {}).get("libvirtd")
    if report.failed and isinstance(host, PrivateLibvirt):
        report.sections.append(("private libvirtd", host.log()[-4000:]))
    return report


def _running_libvirtd() -> Iterator[PrivateLibvirt]:
    reason = why_no_libvirtd()
    if reason is not None:
        pytest.fail(reason, pytrace=False)
    with PrivateLibvirt() as host:
        yield host


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[PrivateLibvirt]:
    """A private libvirtd, started by the first test of a worker that asks for it."""
    yield from _running_libvirtd()


@pytest.fixture(scope="session")
def second_libvirtd() -> Iterator[PrivateLibvirt]:
    """A second host beside ``libvirtd``."""
    yield from _running_libvirtd()


@pytest.fixture
def clean_host(libvirtd: PrivateLibvirt) -> Iterator[PrivateLibvirt]:
    """The private libvirtd with nothing on it but its default network, before and after the test."""
    yield from _cleaned(libvirtd)


@pytest.fixture
def clean_second_host(second_libvirtd: PrivateLibvirt) -> Iterator[PrivateLibvirt]:
    """The second host, emptied likewise."""
    yield from _cleaned(second_libvirtd)


def _cleaned(host: PrivateLibvirt) -> Iterator[PrivateLibvirt]:
    _clean(host)
    yield host
    _clean(host)


def _clean(host: PrivateLibvirt) -> None:
    host.ensure_daemon()
    connection = host.connect()
    try:
        empty(connection)
    finally:
        connection.close()
    for entry in host.images.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@pytest.fixture
def conn(clean_host: PrivateLibvirt) -> Iterator[libvirt.virConnect]:
    """A connection to the emptied private libvirtd."""
    connection = clean_host.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def tiny_guest() -> Iterator[TinyGuest]:
    """The tiny guest's kernel and initrd, in a folder that QEMU's user can read."""
    folder = Path(tempfile.gettempdir()) / f"kvmspec-{os.getpid()}-guest"  # a name that sweep() knows
    yield build_tiny_guest(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run_kvmspec(tmp_path: Path) -> RunKvmspec:
    """Run the command line in a process of its own.

    ``run_kvmspec("plan", path, connect=libvirtd, expect=0, cwd=…, env={…}, input="yes\\n", timeout=120)``
    gives a CompletedProcess with text. ``connect`` is a host or a URI and becomes ``--connect``; ``expect``
    is the exit code to insist on. A traceback in the output fails the test, whatever else it looks at.
    """

    def run(
        *args: str | Path,
        connect: PrivateLibvirt | str | None = None,
        expect: int | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        input: str = "",  # noqa: A002 - named as subprocess.run names it
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        command = cli_command(args, connect)
        result = subprocess.run(
            command,
            cwd=cwd or tmp_path,
            env=cli_environment(tmp_path) | (env or {}),
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        told = f"$ {' '.join(command[2:])}\nexit {result.returncode}\n{result.stdout}{result.stderr}"
        assert "Traceback" not in result.stdout + result.stderr, told
        assert expect is None or result.returncode == expect, told
        return result

    return run


@pytest.fixture
def start_kvmspec(tmp_path: Path) -> Iterator[StartKvmspec]:
    """Start the command line and go on, to interrupt or kill it: ``start_kvmspec("apply", …, connect=…)``.

    Gives a Popen with text pipes for stdout and stderr; what still runs at the end of the test is killed.
    """
    running: list[subprocess.Popen[str]] = []

    def start(
        *args: str | Path,
        connect: PrivateLibvirt | str | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            cli_command(args, connect),
            cwd=cwd or tmp_path,
            env=cli_environment(tmp_path) | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def cli_command(args: tuple[str | Path, ...], connect: PrivateLibvirt | str | None) -> list[str]:
    """The command that runs this checkout's kvmspec, on a host or URI if one is given."""
    command = [sys.executable, "-m", "kvmspec", *map(str, args)]
    if connect is not None:
        command += ["--connect", connect if isinstance(connect, str) else connect.uri]
    return command


def cli_environment(home: Path) -> dict[str, str]:
    """An environment in which this checkout's kvmspec runs and nothing of the caller's own shows."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "LC_ALL", "TMPDIR")}
    return kept | {"HOME": str(home), "PYTHONPATH": str(TOP), "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Write a manifest: ``manifest(text)`` or ``manifest(text, "site/net.yaml")``; gives its path."""

    def write(text: str, name: str = "kvmspec.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write
