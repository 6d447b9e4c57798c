"""Random, valid, successive manifests for one running guest, none of which needs a restart.

The generator keeps its own books of what the guest can take: PCI ports, the ceilings it booted with, and
that a vCPU never goes. What it gives is a plain manifest; test_soak.py brings each about.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.live.matrix import MAC
from tests.live.scene import NETWORK, Scene, guest_vm
from tests.support.guest import TinyGuest

Vm = dict[str, Any]
SPARE = 4
"""PCI ports that kvmspec gives to a new VM beyond what it has."""
USB_PORTS = 3
"""Of the four of a q35 machine's USB controller; the tablet of the display has one."""
NETWORKS = ("front", "back", "default")
BUSES = ("virtio", "virtio", "scsi", "usb")
MOST = {"disks": 9, "networks": 6, "cpus": 4}
LEAST_MEMORY, MOST_MEMORY = 100, 192  # MiB; under 100 the kernel of the tiny guest is short of it


class Life:
    """One guest's life, as manifests."""

    def __init__(self, scene: Scene, guest: TinyGuest, seed: int) -> None:
        self.random, self.scene = random.Random(seed), scene
        self.isos = [str(scene.host.images / f"{name}.iso") for name in "abc"]
        self.bus_of_cd = self.random.choice(["sata", "scsi"])
        self.manifest = scene.manifest(
            {"web": self._vm(guest)},
            volumes={f"v{n}": {"pool": "vms", "size": "1MiB", "format": "raw"} for n in range(3)},
        )
        self.manifest["networks"]["back"] = {**NETWORK, "subnet": "10.82.0.0/24", "dhcp": None}
        del self.manifest["networks"]["back"]["dhcp"]
        self.scsi = self.bus_of_cd == "scsi"
        self.ports = self.used() + SPARE
        self.made = 1
        self.gone: set[str] = set()

    def _vm(self, guest: TinyGuest) -> Vm:
        disks = [
            {"name": "first", "size": "1MiB", "format": "raw"},
            {"name": "cd", "cdrom": self.isos[0], "bus": self.bus_of_cd},
        ]
        return guest_vm(
            guest,
            disks=disks,
            networks=[{"network": "front", "mac": MAC, "name": "main"}],
            graphics=[{"type": "vnc", "password": "first"}],
            cpus={"count": 1, "max": MOST["cpus"]},
            memory={"size": "128MiB", "max": f"{MOST_MEMORY}MiB"},
            devices={"rng": True},
        )

    @property
    def vm(self) -> Vm:
        return self.manifest["vms"]["web"]

    def used(self) -> int:
        """PCI ports that the devices of the manifest take; what never goes does not count."""
        virtio = [d for d in self.vm["disks"] if "cdrom" not in d and d.get("bus", "virtio") == "virtio"]
        return len(virtio) + len(self.vm["networks"]) + self.vm["devices"]["rng"] + self.scsi

    def free(self) -> bool:
        return self.used() < self.ports

    def step(self) -> list[str]:
        """Change the manifest in one to four ways, and say in which."""
        wanted = self.random.choice([1, 1, 2, 2, 3, 4])
        told: list[str] = []
        self.gone = set()
        while len(told) < wanted:
            told += self.random.choice(CHANGES)(self)
        return told

    def own_disks(self) -> list[Vm]:
        return [disk for disk in self.vm["disks"] if "size" in disk]

    def leaving_disks(self) -> list[Vm]:
        return [disk for disk in self.vm["disks"] if "cdrom" not in disk]


Change = Callable[[Life], Iterator[str]]


def _plugged(life: Life, disk: Vm) -> Iterator[str]:
    """Put a disk into the manifest, anywhere in the list, on a bus that has room."""
    bus = life.random.choice(BUSES)
    if bus == "usb" and sum(d.get("bus") == "usb" for d in life.vm["disks"]) == USB_PORTS:
        return
    needs_port = bus == "virtio" or (bus == "scsi" and not life.scsi)
    if len(life.vm["disks"]) >= MOST["disks"] or (needs_port and not life.free()):
        return
    life.scsi = life.scsi or bus == "scsi"
    life.vm["disks"].insert(life.random.randint(0, len(life.vm["disks"])), disk | {"bus": bus})
    yield f"disk {disk.get('name') or disk['volume']} on {bus} comes"


def a_disk_comes(life: Life) -> Iterator[str]:
    made = {"name": f"d{life.made}", "size": f"{life.random.randint(1, 3)}MiB"}
    life.made += 1
    yield from _plugged(life, made | {"format": life.random.choice(["raw", "raw", "qcow2"])})


def a_disk_comes_back(life: Life) -> Iterator[str]:
    """One that was there before, with its volume and its data."""
    there = {disk.get("name") for disk in life.vm["disks"]} | life.gone
    gone = sorted(
        path.stem.removeprefix("web-")
        for path in life.scene.pool.glob("web-d*.raw")
        if path.stem.removeprefix("web-") not in there
    )
    if gone:
        name = life.random.choice(gone)
        size = life.scene.volume(f"web-{name}.raw").stat().st_size
        yield from _plugged(life, {"name": name, "size": f"{size >> 10}KiB", "format": "raw"})


def a_volume_comes(life: Life) -> Iterator[str]:
    there = {disk.get("volume") for disk in life.vm["disks"]} | life.gone
    if rest := sorted({*life.manifest["volumes"]} - there):
        yield from _plugged(life, {"volume": life.random.choice(rest)})


def a_disk_goes(life: Life) -> Iterator[str]:
    if disks := life.leaving_disks():
        disk = life.random.choice(disks)
        life.vm["disks"].remove(disk)
        name = disk.get("name") or disk["volume"]
        life.gone.add(name)  # back in the same manifest it would have changed its bus
        yield f"disk {name} on {disk.get('bus')} goes"


def a_disk_grows(life: Life) -> Iterator[str]:
    if disks := life.own_disks():
        disk = life.random.choice(disks)
        unit = {"MiB": 1024, "KiB": 1}[disk["size"][-3:]]
        disk["size"] = f"{int(disk['size'][:-3]) * unit + 1024 * life.random.randint(1, 2)}KiB"
        yield f"disk {disk['name']} grows to {disk['size']}"


def a_volume_grows(life: Life) -> Iterator[str]:
    name = life.random.choice(sorted(life.manifest["volumes"]))
    volume = life.manifest["volumes"][name]
    volume["size"] = f"{int(volume['size'][:-3]) + 1}MiB"
    yield f"volume {name} grows"


def the_disks_are_listed_otherwise(life: Life) -> Iterator[str]:
    life.random.shuffle(life.vm["disks"])
    life.random.shuffle(life.vm["networks"])
    yield "disks and interfaces in another order"


def an_interface_comes(life: Life) -> Iterator[str]:
    if life.free() and len(life.vm["networks"]) < MOST["networks"]:
        name = f"n{life.made}"
        life.made += 1
        network = life.random.choice(NETWORKS)
        life.vm["networks"].append({"name": name, "network": network})
        yield f"interface {name} on {network} comes"


def an_interface_goes(life: Life) -> Iterator[str]:
    if len(life.vm["networks"]) > 1:
        gone = life.vm["networks"].pop(life.random.randrange(len(life.vm["networks"])))
        yield f"interface {gone['name']} goes"


def an_interface_moves(life: Life) -> Iterator[str]:
    nic = life.random.choice(life.vm["networks"])
    nic["network"] = life.random.choice([name for name in NETWORKS if name != nic["network"]])
    yield f"interface {nic['name']} moves to {nic['network']}"


def another_cd(life: Life) -> Iterator[str]:
    drive = next(disk for disk in life.vm["disks"] if "cdrom" in disk)
    drive["cdrom"] = life.random.choice([m for m in ("empty", *life.isos) if m != drive["cdrom"]])
    yield f"cd {drive['cdrom'].rpartition('/')[2]}"


def more_vcpus(life: Life) -> Iterator[str]:
    if life.vm["cpus"]["count"] < MOST["cpus"]:
        life.vm["cpus"]["count"] += 1
        yield f"{life.vm['cpus']['count']} vCPUs"


def other_memory(life: Life) -> Iterator[str]:
    size = life.random.randint(LEAST_MEMORY, MOST_MEMORY)
    life.vm["memory"]["size"] = f"{size}MiB"
    yield f"memory {size}MiB"


def a_text(life: Life) -> Iterator[str]:
    field = life.random.choice(["title", "description"])
    if life.vm.pop(field, None) is None or life.random.random() < 0.7:
        life.vm[field] = f"{field} <&> \u00e9 {life.random.randint(0, 99)}"
    yield field


def autostart(life: Life) -> Iterator[str]:
    life.vm["autostart"] = not life.vm.get("autostart", False)
    yield "autostart"


def rng(life: Life) -> Iterator[str]:
    if life.vm["devices"]["rng"] or life.free():
        life.vm["devices"]["rng"] = not life.vm["devices"]["rng"]
        yield f"rng {life.vm['devices']['rng']}"


def the_agents_channel(life: Life) -> Iterator[str]:
    life.vm["guest_agent"] = not life.vm.get("guest_agent", True)
    yield f"channel {life.vm['guest_agent']}"


def a_password(life: Life) -> Iterator[str]:
    life.vm["graphics"][0]["password"] = f"p{life.random.randint(0, 9999)}"
    yield "password"


def reservations(life: Life) -> Iterator[str]:
    dhcp = life.manifest["networks"]["front"]["dhcp"]
    numbers = life.random.sample(range(2, 40), life.random.randint(0, 3))
    dhcp["hosts"] = [{"mac": f"52:54:00:99:00:{n:02x}", "ip": f"10.81.0.{n}"} for n in numbers]
    yield f"{len(numbers)} reservations"


CHANGES: tuple[Change, ...] = (
    *(a_disk_comes, a_disk_comes, a_disk_comes_back, a_disk_comes_back, a_volume_comes),
    *(a_disk_goes, a_disk_goes, a_disk_grows, a_volume_grows, the_disks_are_listed_otherwise),
    *(an_interface_comes, an_interface_comes, an_interface_goes, an_interface_goes, an_interface_moves),
    *(another_cd, more_vcpus, other_memory, a_text, autostart, rng, the_agents_channel, a_password),
    reservations,
)
