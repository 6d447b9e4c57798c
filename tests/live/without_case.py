"""Fields that no table of cases has, and why. A field stands for what is in it as well."""

from __future__ import annotations

_OURS = """accel arch autostart cloud_init count depends_on disks.backing disks.clone disks.image disks.pool disks.size
disks.volume host hotplug_ports install lifecycle networks.gateway networks.ip networks.nameservers pool profile state
strict uuid wait_for xml"""
_OTHER_MACHINES = """controllers.target_index devices.nvram disks.address.ccw disks.address.spapr_vio
disks.address.virtio_mmio disks.address.zpci disks.loadparm features.ccf_assist features.cfpc features.gic
features.htm features.ibs features.nested_hv features.sbbc memory.devices.uuid networks.loadparm tpm.address"""
_OTHER_DRIVERS = """controllers.max_event_channels controllers.max_grant_frames devices.hostdevs.write_filtering
features.hap features.privnet features.viridian"""
_LATER = """devices.crypto devices.smartcard.alias devices.sound.multichannel devices.video.blob
disks.blockio.discard_granularity disks.discard_no_unref disks.encryption.secrets disks.iothreads
features.hyperv.emsr_bitmap features.hyperv.xmm_input features.ps2 firmware.nvram_source.identity.agentsock
firmware.nvram_source.identity.keyfile firmware.nvram_source.known_hosts firmware.nvram_source.vhostvdpa"""
_NOT_ON_PCI = """channels consoles hubs panic parallels redirdevs serials smartcard"""

WITHOUT: dict[str, tuple[str, ...]] = {
    "kvmspec's own, or what a VM is made from: tests/live/test_lifecycle.py and others": tuple(_OURS.split()),
    "of machines whose QEMU is not here (S/390, POWER, Arm)": tuple(_OTHER_MACHINES.split()),
    "of Xen, or of containers": tuple(_OTHER_DRIVERS.split()),
    "libvirt 9.0 does not know it": tuple(_LATER.split()),
    "libvirt takes it of domains under KVM only": ("cpus.cachetune", "cpus.memorytune"),
    "libvirt takes it where the host has it only": ("launch_security",),
    "libvirt knows passt where it was built with it only": (
        *("networks.user.backend", "networks.user.dev", "networks.user.forwards", "networks.user.log"),
    ),
    "libvirt takes it of volumes only": ("disks.encryption.cipher", "disks.encryption.ivgen"),
    "QEMU shows no RDP here": ("graphics.multi_user", "graphics.replace_user"),
    "libvirt takes it where qemu.conf turns TLS on only": ("graphics.tls_port",),
    "refused by libvirt: a number in ACPI is of PCI": (
        *(f"devices.{name}.acpi_index" for name in _NOT_ON_PCI.split()),
        *("guest_agent.acpi_index", "memory.devices.acpi_index", "memory.dimms.acpi_index", "tpm.acpi_index"),
    ),
}
