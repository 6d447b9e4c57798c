"""Machines at random, as XML: devices of all kinds that take a place, some of which state one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

HEAD = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features><devices>"""

_MODELS = ("virtio", "virtio-transitional", "virtio-non-transitional")


class Chance:
    """Devices of one machine, drawn by a number."""

    def __init__(self, number: int) -> None:
        self._random = random.Random(number)
        self.q35 = self._random.random() < 0.5
        self._shown = False
        self._letters = {"vd": 0, "sd": 0, "hd": 0, "fd": 0}

    def xml(self, name: str) -> str:
        """The machine."""
        machine = "pc-q35-7.2" if self.q35 else "pc-i440fx-7.2"
        parts = [*self._controllers(), *self._devices()]
        return HEAD.format(name=name, machine=machine) + "".join(parts) + "</devices></domain>"

    def _one(self, *values: str) -> str:
        return self._random.choice(values)

    def _often(self, odds: float) -> bool:
        return self._random.random() < odds

    def _pci(self) -> str:
        """An address now and then: on the first bus, or on one behind a port."""
        if not self._often(0.15):
            return ""
        bus, slot = (0, self._random.randint(3, 25)) if self._often(0.5) else (self._random.randint(1, 4), 0)
        if not self.q35 and bus:
            slot = self._random.randint(1, 31)
        function = self._random.randint(0, 3) if self._often(0.2) else 0
        at = f"domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x{function}'"
        return f"<address type='pci' {at}/>"

    def _controllers(self) -> Iterator[str]:
        numbers: dict[str, int] = {}
        if self.q35 and self._often(0.3):
            for number in range(1, self._random.randint(2, 8)):
                if self._often(0.8):
                    model = "pcie-root-port" if self._often(0.85) else "pcie-to-pci-bridge"
                    yield f"<controller type='pci' index='{number}' model='{model}'/>"
        elif not self.q35 and self._often(0.3):
            for number in range(1, self._random.randint(2, 4)):
                yield f"<controller type='pci' index='{number}' model='{self._one('pci-bridge', 'pci-expander-bus')}'/>"
        if self._often(0.2):
            yield from self._usb2()
            numbers["usb"] = 1
        for _ in range(self._random.randint(0, 3)):
            kind, models = self._random.choice(_KINDS)
            number = numbers.get(kind, 0)
            numbers[kind] = number + 1
            model = f" model='{self._one(*models)}'" if models else ""
            yield f"<controller type='{kind}' index='{number}'{model}>{self._pci()}</controller>"

    def _usb2(self) -> Iterator[str]:
        parts = ["<controller type='usb' index='0' model='ich9-ehci1'/>"]
        parts += [
            f"<controller type='usb' index='0' model='ich9-uhci{n}'><master startport='{2 * n - 2}'/></controller>"
            for n in (1, 2, 3)
        ]
        self._random.shuffle(parts)
        yield from parts

    def _devices(self) -> Iterator[str]:
        for _ in range(self._random.randint(0, 14)):
            yield self._random.choice(_DEVICES)(self)
        for make in _SINGLE:
            if self._often(0.3):
                yield make(self)

    def disk(self) -> str:
        bus, prefix = self._random.choice(
            (("virtio", "vd"), ("virtio", "vd"), ("sata", "sd"), ("scsi", "sd"), ("usb", "sd"), ("fdc", "fd"))
        )
        if not self.q35 and bus in ("virtio", "fdc") and self._often(0.3):
            bus, prefix = "ide", "hd"
        nth = self._letters[prefix]
        self._letters[prefix] += 1 + (self._random.randint(0, 4) if self._often(0.2) else 0)
        if nth > 24 or (bus == "ide" and nth > 3) or (bus == "fdc" and nth > 1):
            return ""
        device = "floppy" if bus == "fdc" else "disk"
        place = self._pci() if bus == "virtio" else ""
        target = f"{prefix}{chr(ord('a') + nth)}"
        return (
            f"<disk type='file' device='{device}'><source file='/srv/{target}'/>"
            f"<target dev='{target}' bus='{bus}'/>{place}</disk>"
        )

    def nic(self) -> str:
        model = self._one("virtio", "e1000e", "e1000", "rtl8139", "virtio-transitional", "vmxnet3")
        return f"<interface type='user'><model type='{model}'/>{self._pci()}</interface>"

    def rng(self) -> str:
        model = self._one(*_MODELS)
        return f"<rng model='{model}'><backend model='random'>/dev/urandom</backend>{self._pci()}</rng>"

    def sound(self) -> str:
        return f"<sound model='{self._one('ich6', 'ich9', 'ac97', 'usb', 'es1370')}'/>"

    def video(self) -> str:
        first, self._shown = not self._shown, True
        kinds = ("vga", "cirrus", "bochs", "none", "ramfb", "qxl", "virtio") if first else ("qxl", "virtio")
        return f"<video><model type='{self._one(*kinds)}'/></video>"

    def shmem(self) -> str:
        name = f"m{self._random.randint(0, 10**6)}"
        return (
            f"<shmem name='{name}'><model type='ivshmem-plain'/><size unit='M'>4</size>{self._pci()}</shmem>"
        )

    def input(self) -> str:
        return (
            f"<input type='{self._one('tablet', 'mouse', 'keyboard')}' bus='{self._one('usb', 'virtio')}'/>"
        )

    def channel(self) -> str:
        name = f"n.{self._random.randint(0, 10**6)}"
        address = (
            "<address type='virtio-serial' controller='0' bus='0' port='5'/>" if self._often(0.1) else ""
        )
        return f"<channel type='pty'><target type='virtio' name='{name}'/>{address}</channel>"

    def hostdev(self) -> str:
        number = self._random.randint(1, 200)
        match self._one("usb", "scsi", "mdev", "scsi_host", "pci", "interface"):
            case "usb":
                source = f"<vendor id='0x{number:04x}'/><product id='0x0001'/>"
                return f"<hostdev mode='subsystem' type='usb'><source>{source}</source></hostdev>"
            case "scsi_host":
                source = f"<source protocol='vhost' wwpn='naa.5123456789ab{number:04x}'/>"
                return f"<hostdev mode='subsystem' type='scsi_host'>{source}</hostdev>"
            case "pci":
                source = f"<address domain='0x0000' bus='0x80' slot='0x{number % 32:02x}' function='0x{number % 7}'/>"
                return (
                    f"<hostdev mode='subsystem' type='pci'><source>{source}</source>{self._pci()}</hostdev>"
                )
            case "interface":
                source = f"<address type='pci' domain='0x0000' bus='0x90' slot='0x{number % 32:02x}' function='0x0'/>"
                return f"<interface type='hostdev'><source>{source}</source>{self._pci()}</interface>"
            case "scsi":
                source = f"<adapter name='scsi_host{number}'/><address bus='0' target='0' unit='0'/>"
                return f"<hostdev mode='subsystem' type='scsi'><source>{source}</source></hostdev>"
        source = f"<address uuid='c2177883-f1bb-47f0-914d-{number:012d}'/>"
        return f"<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>{source}</source></hostdev>"

    def console(self) -> str:
        return "<console type='pty'><target type='virtio'/></console>"

    def redirdev(self) -> str:
        return "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/></redirdev>"

    def iommu(self) -> str:
        return f"<iommu model='{self._one('virtio', 'intel')}'/>" if self.q35 else ""

    def panic(self) -> str:
        return f"<panic model='{self._one('isa', 'hyperv')}'/>"

    def hub(self) -> str:
        return "<hub type='usb'/>"

    def vsock(self) -> str:
        return f"<vsock model='virtio'><cid auto='yes'/>{self._pci()}</vsock>"

    def watchdog(self) -> str:
        return f"<watchdog model='{self._one('i6300esb', 'ib700')}'/>"

    def balloon(self) -> str:
        return f"<memballoon model='{self._one(*_MODELS, 'none')}'/>"

    def smartcard(self) -> str:
        return "<smartcard mode='host'/>"

    def serial(self) -> str:
        return f"<serial type='pty'><target type='{self._one('pci-serial', 'usb-serial', 'isa-serial')}'/></serial>"

    def folder(self) -> str:
        return f"<filesystem type='mount'><source dir='/srv'/><target dir='t{self._random.randint(0, 999)}'/></filesystem>"


_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("usb", ("qemu-xhci", "nec-xhci", "piix3-uhci", "ehci", "pci-ohci", "piix4-uhci")),
    ("scsi", ("virtio-scsi", "lsilogic", "virtio-transitional", "lsisas1078")),
    ("virtio-serial", _MODELS),
    ("sata", ()),
)
_DEVICES: tuple[Callable[[Chance], str], ...] = (
    Chance.disk, Chance.disk, Chance.nic, Chance.rng, Chance.sound, Chance.video, Chance.shmem, Chance.input,
    Chance.channel, Chance.hostdev, Chance.hostdev, Chance.folder, Chance.redirdev,
)  # fmt: skip
_SINGLE: tuple[Callable[[Chance], str], ...] = (
    Chance.vsock, Chance.watchdog, Chance.balloon, Chance.smartcard, Chance.serial, Chance.hub,
    Chance.iommu, Chance.console, Chance.panic,
)  # fmt: skip
