"""Hosts with the fleet on them: a private libvirtd with real QEMU, and libvirt's own test driver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import fleet
import libvirt
from process import kvmspec, run

from tests.support.hosts import empty
from tests.support.private_libvirt import PrivateLibvirt


class Fleet(NamedTuple):
    """What a host has: the manifest that matches it, and one in which every VM has changed."""

    size: int
    uri: str
    same: str
    other: str


@contextmanager
def stopped(host: PrivateLibvirt, size: int, *, disks: bool = False) -> Iterator[Fleet]:
    """`size` VMs that kvmspec created on a private libvirtd."""
    folder = host.images / "vms" if disks else None
    with _written(host.uri, size, pool=folder) as made:
        run(kvmspec("apply", made.same, "--yes", "--connect", host.uri))
        try:
            yield made
        finally:
            clear(host)
            for file in folder.iterdir() if folder else ():
                file.unlink()


@contextmanager
def paused(host: PrivateLibvirt, size: int) -> Iterator[Fleet]:
    """The same, each with a QEMU of its own that is paused before its first instruction: to libvirt
    and to kvmspec it runs, and it needs no processor."""
    with _written(host.uri, size, state="any") as made:
        run(kvmspec("apply", made.same, "--yes", "--connect", host.uri))
        connection = host.connect()
        try:
            for domain in connection.listAllDomains():
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
            yield made
        finally:
            connection.close()
            clear(host)


@contextmanager
def on_test_driver(size: int, *, running: bool) -> Iterator[Fleet]:
    """`size` VMs in libvirt's test driver, which reads them from a file at each connection."""
    state = "running" if running else "stopped"
    with _written("", size, state=state, autostart=False) as made:
        folder = Path(made.same).parent
        run(kvmspec("render", made.same, "-o", str(folder / "xml")))
        node = folder / "node.xml"
        node.write_text(_NODE.format(objects="".join(_objects(folder / "xml", running))))
        yield made._replace(uri=f"test://{node}")


def clear(host: PrivateLibvirt) -> None:
    """Take away everything that is on a private libvirtd."""
    connection = host.connect()
    empty(connection)
    connection.close()


_NODE = """\
<node>
<cpu><model>x86_64</model><active>16</active><nodes>1</nodes><sockets>4</sockets><cores>4</cores><threads>1</threads></cpu>
<memory>4000000000</memory>
{objects}</node>
"""
_SHUT_OFF = (
    f"<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>{libvirt.VIR_DOMAIN_SHUTOFF}"
    "</test:runstate>\n</domain>"
)


def _objects(folder: Path, running: bool) -> Iterator[str]:
    for file in sorted(folder.glob("*/*.xml")):
        text = file.read_text()
        yield text if running else text.replace("</domain>", _SHUT_OFF)


@contextmanager
def _written(
    uri: str, size: int, *, state: str = "stopped", pool: Path | None = None, autostart: bool = True
) -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory(prefix="kvmspec-benchmark-") as place:
        same, other = Path(place, "same.yaml"), Path(place, "other.yaml")
        for file, words in ((same, fleet.SAME), (other, fleet.OTHER)):
            file.write_text(fleet.manifest(size, words, state=state, pool=pool, autostart=autostart))
        yield Fleet(size, uri, str(same), str(other))
