"""XML that both drivers take."""

from __future__ import annotations

from pathlib import Path

from kvmspec.adapters.libvirt import Host

UUID = "5b0b3c1e-6d0b-4c52-8a75-0d6f3b0a1c{:02x}"
MAC = "52:54:00:00:00:0a"


def network(name: str = "lan", number: int = 1, extra: str = "") -> str:
    return f"""<network><name>{name}</name><uuid>{UUID.format(number)}</uuid>{extra}
  <ip address='10.9.{number}.1' netmask='255.255.255.0'>
    <dhcp><range start='10.9.{number}.100' end='10.9.{number}.199'/></dhcp>
  </ip>
</network>"""


def pool(folder: Path, name: str = "vms") -> str:
    return f"""<pool type='dir'><name>{name}</name><uuid>{UUID.format(2)}</uuid>
  <target><path>{folder}</path></target>
</pool>"""


def volume(name: str = "root.qcow2", mib: int = 64, form: str = "qcow2", backing: str = "") -> str:
    below = f"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>" if backing else ""
    return f"""<volume><name>{name}</name><capacity unit='MiB'>{mib}</capacity>
  <target><format type='{form}'/></target>{below}
</volume>"""


def domain(host: Host, name: str = "web", number: int = 3, devices: str = "", extra: str = "") -> str:
    """Two of at most four vCPUs, 32 of at most 64 MiB; nothing to boot from."""
    kind = "test" if host.uri.startswith("test:") else "qemu"
    return f"""<domain type='{kind}'><name>{name}</name><uuid>{UUID.format(number)}</uuid>{extra}
  <memory unit='MiB'>64</memory>
  <currentMemory unit='MiB'>32</currentMemory>
  <vcpu current='2'>4</vcpu>
  <os><type arch='{host.facts().arch}'>hvm</type></os>
  <features><acpi/></features>
  <devices>{devices}<memballoon model='virtio'/></devices>
</domain>"""
