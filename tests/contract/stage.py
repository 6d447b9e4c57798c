"""A host of its own with a tiny guest that runs for many tests: what they give it, they take away again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kvmspec.adapters.libvirt import Host
from tests.support.guest import TinyGuest, wait_for_console
from tests.support.private_libvirt import PrivateLibvirt

NAME = "guest"
MAC = "52:54:00:00:77:01"
PORTS = "<controller type='pci' model='pcie-root-port'/>" * 10
CEILING = "<maxMemory slots='4' unit='MiB'>1024</maxMemory><memory unit='MiB'>256</memory>"
CELL = "<numa><cell id='0' cpus='0-1' memory='256' unit='MiB'/></numa>"
USUAL = """<controller type='scsi' model='virtio-scsi'/><controller type='virtio-serial'/>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
<graphics type='vnc' port='-1' autoport='yes' passwd='first'/>"""


@dataclass(frozen=True)
class Stage:
    """The host, kvmspec's connection to it, and how to put a guest there."""

    libvirtd: PrivateLibvirt
    host: Host
    tiny: TinyGuest

    def log(self, name: str = NAME) -> Path:
        return self.libvirtd.images / f"{name}.log"

    def disk(self, name: str, mib: int = 8) -> Path:
        """An empty raw image."""
        path = self.libvirtd.images / name
        if not path.exists():
            with path.open("wb") as file:
                file.truncate(mib << 20)
            path.chmod(0o666)
        return path

    def start(
        self,
        name: str = NAME,
        mac: str = MAC,
        *,
        boots: bool = True,
        features: str = "<acpi/>",
        devices: str = "",
        cmdline: str = "",
    ) -> str:
        """Start a guest; one that does not boot has nothing to boot from, and stands there forever."""
        boot = (
            f"<kernel>{self.tiny.kernel}</kernel><initrd>{self.tiny.initrd}</initrd>"
            f"<cmdline>{self.tiny.cmdline}{cmdline}</cmdline>"
        )
        self.log(name).unlink(missing_ok=True)
        self.host.domains.define(f"""<domain type='qemu'><name>{name}</name>{CEILING}<vcpu>2</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type>{boot if boots else ""}</os>
<features>{features}<apic/></features><cpu mode='maximum'>{CELL}</cpu>
<devices><controller type='pci' index='0' model='pcie-root'/>{PORTS}
<interface type='network'><mac address='{mac}'/><source network='default'/><model type='virtio'/></interface>
<serial type='pty'><log file='{self.log(name)}'/></serial><memballoon model='virtio'/>{devices}</devices></domain>""")
        self.host.domains.start(name)
        if boots:
            wait_for_console(self.log(name), "ready eth0", 120)
        return name

    def end(self, name: str = NAME) -> None:
        if name in self.host.domains.names():
            self.host.domains.power_off(name)
            self.host.domains.undefine(name)

    def shared(self) -> str:
        """The guest that tests share."""
        if NAME not in self.host.domains.names():
            self.start(devices=USUAL.format(disk=self.disk("root.raw")))
        return NAME

    def xml(self, name: str = NAME) -> str:
        """The active XML on one line."""
        return re.sub(r"\s+", " ", self.host.devices.active_xml(name))

    def device(self, pattern: str, name: str = NAME) -> str:
        """The first element of that name in the active XML that has the words; empty where none has."""
        element, _, words = pattern.partition(" ")
        found = re.findall(rf"<{element}[ >].*?</{element}>|<{element}[^>]*/>", self.xml(name))
        return next((text for text in found if words in text), "")

    def aliases(self, name: str = NAME) -> list[str]:
        return re.findall(r"<alias name='([^']+)'", self.xml(name))

    def number(self, name: str = NAME) -> int:
        """The id of the running domain, which another start changes."""
        return int(self.host.conn.lookupByName(name).ID())

    def master(self, name: str = NAME, nic: int = 0) -> str:
        """The bridge that the tap of a NIC is really on."""
        tap = re.findall(r"<target dev='(vnet\d+)'", self.xml(name))[nic]
        shown = self.libvirtd.run(["ip", "-o", "link", "show", tap]).stdout
        found = re.search(r" master (\S+)", shown)
        return found[1] if found else ""

    def qdisc(self, name: str = NAME) -> str:
        """What shapes the tap of the first NIC."""
        tap = re.findall(r"<target dev='(vnet\d+)'", self.xml(name))[0]
        return self.libvirtd.run(["tc", "qdisc", "show", "dev", tap]).stdout
