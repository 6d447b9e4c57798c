"""Places, names and ends of every device that can have them: what it is first, and what then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]
ROOM = {"size": "32MiB", "max": "64MiB", "slots": 4, "ceiling": "2GiB"}
FILE = {"name": "a", "path": "/srv/a.qcow2"}


def devices(**fields: Any) -> Fields:
    return {"devices": fields}


def disk(**fields: Any) -> Fields:
    return {"disks": [FILE | fields]}


def nic(**fields: Any) -> Fields:
    return {"networks": [{"name": "lan", "bridge": "br0"} | fields]}


# --- places and names of every device
ON_PCI: dict[str, Callable[[Fields], Fields]] = {
    "a balloon": lambda place: devices(balloon={"model": "virtio"} | place),
    "a pci device": lambda place: devices(hostdevs=[{"pci": "0000:41:00.0"} | place]),
    "an input": lambda place: devices(inputs=[{"type": "tablet", "bus": "virtio"} | place]),
    "an iommu": lambda place: devices(iommu={"model": "virtio"} | place),
    "a generator": lambda place: devices(rng=[{"source": "builtin"} | place]),
    "shared memory": lambda place: devices(shmem=[{"name": "ring", "size": "4MiB"} | place]),
    "a sound card": lambda place: devices(sound={"model": "ich9"} | place),
    "a video card": lambda place: {"graphics": ["vnc"]} | devices(video={"model": "virtio"} | place),
    "a vsock": lambda place: devices(vsock={"cid": 7} | place),
    "a watchdog": lambda place: devices(watchdog={"model": "i6300esb"} | place),
    "a disk": lambda place: disk(**place),
    "a folder": lambda place: {"filesystems": [{"source": "/srv", "target": "a", "driver": "9p"} | place]},
    "a controller": lambda place: {"controllers": [{"type": "scsi", "model": "virtio-scsi"} | place]},
    "an interface": lambda place: nic(**place),
}
ELSEWHERE: dict[str, tuple[Callable[[Fields], Fields], Any]] = {
    "a channel": (lambda place: devices(channels=[{"name": "a"} | place]), {"virtio_serial": "0:0:3"}),
    "an agent": (lambda place: {"guest_agent": place or True}, {"virtio_serial": "0:0:3"}),
    "a console": (lambda place: devices(consoles=[{"type": "pty"} | place]), {"virtio_serial": "0:0:3"}),
    "a hub": (lambda place: devices(hubs=[{"type": "usb"} | place]), {"usb": "0:3"}),
    "a usb device": (lambda place: devices(redirdevs=[{"type": "tcp", "host": "::1", "port": 1} | place]), {"usb": "0:3"}),
    "a serial port": (
        lambda place: devices(serials=[{"type": "pty"} | place]),
        {"isa": {"iobase": "0x2f8", "irq": "0x3"}},
    ),
    "a parallel port": (
        lambda place: devices(parallels=[{"type": "dev", "path": "/dev/parport0"} | place]),
        {"isa": {"iobase": "0x378", "irq": "0x7"}},
    ),
    "a panic device": (lambda place: devices(panic={"model": "isa"} | place), {"isa": {"iobase": "0x506"}}),
    "a tpm": (lambda place: {"tpm": {"version": "2.0", "model": "tpm-tis"} | place}, None),
    "a dimm": (
        lambda place: {"memory": ROOM | {"dimms": [{"size": "128MiB"} | place]}},
        {"dimm": {"slot": 2, "base": "0x100000000"}},
    ),
    "memory": (
        lambda place: {"memory": ROOM | {"devices": [{"model": "nvdimm", "size": "128MiB", "path": "/srv/n"} | place]}},
        {"dimm": 3},
    ),
    "a disk on scsi": (lambda place: disk(bus="scsi", **place), {"drive": "0:0:1:5"}),
    "a device that the guest does not get": (
        lambda place: devices(hostdevs=[{"pci": "0000:41:00.0"} | place]),
        {"unassigned": True},
    ),
}  # fmt: skip
NAME = {"alias": "ua-named"}
PLACED: dict[str, tuple[Fields, Fields]] = {
    **{
        case: (make(NAME), make({"address": "00:15.0"})) for case, make in ON_PCI.items()
    },
    **{
        f"{case} with a number": (make({"acpi_index": 3}), make({"acpi_index": 4})) for case, make in ON_PCI.items()
    },
    **{case: (make(NAME), make({"address": place} if place else {})) for case, (make, place) in ELSEWHERE.items()},
}  # fmt: skip

# --- ends of lines
ENDS: tuple[Fields, ...] = (
    {"type": "tcp", "host": "::1", "port": 4555, "mode": "bind", "protocol": "telnet", "tls": False},
    {"type": "tcp", "host": "::1", "port": 4555, "mode": "connect", "protocol": "raw", "reconnect": 5},
    {"type": "udp", "host": "::1", "port": 4556, "bind_host": "::1", "bind_port": 4557},
    {"type": "spiceport", "channel": "org.example.0"},
    {"type": "unix", "path": "/tmp/end.sock", "mode": "bind"},
)
LOGGED = {"type": "file", "path": "/tmp/end", "append": True, "log": {"file": "/tmp/log", "append": True}}
LABELLED = {
    "type": "file",
    "path": "/tmp/end",
    "append": False,
    "labels": [{"model": "dac", "relabel": False}],
}
LINES: dict[str, Callable[[Fields], Fields]] = {
    "serials": lambda end: devices(serials=[end]),
    "parallels": lambda end: devices(parallels=[end]),
    "consoles": lambda end: devices(consoles=[end]),
    "channels": lambda end: devices(channels=[{"name": "a"} | end]),
}
INNER: dict[str, Callable[[Fields], Fields]] = {
    "redirdevs": lambda end: devices(redirdevs=[end]),
    "rng": lambda end: devices(rng=[{"egd": end}]),
    "smartcard": lambda end: devices(smartcard={"mode": "passthrough", "end": end}),
}
ENDED: dict[str, tuple[Fields, Fields]] = {
    f"{line} {number}": (
        {"graphics": ["spice"]} | make(end),
        {"graphics": ["spice"]} | make(ENDS[number - 1]),
    )
    for line, make in (LINES | INNER).items()
    for number, end in enumerate(ENDS)
}
ENDED |= {f"{line} with labels": (make(LOGGED), make(LABELLED)) for line, make in LINES.items()}
