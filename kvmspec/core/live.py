"""How a running guest is changed: libvirt's calls by name."""

from __future__ import annotations

from enum import StrEnum


class Call(StrEnum):
    """The libvirt function that makes a live change (https://libvirt.org/html/libvirt-libvirt-domain.html)."""

    NONE = ""
    METADATA = "virDomainSetMetadata"
    AUTOSTART = "virDomainSetAutostart"
    VCPUS = "virDomainSetVcpusFlags"
    MEMORY = "virDomainSetMemoryFlags"
    PLUG = "virDomainAttachDeviceFlags, virDomainDetachDeviceAlias"
    UPDATE = "virDomainUpdateDeviceFlags"
    BLOCK_TUNE = "virDomainSetBlockIoTune"
    VCPU_PIN = "virDomainPinVcpuFlags"
    EMULATOR_PIN = "virDomainPinEmulator"
    IOTHREAD_PIN = "virDomainPinIOThread"
    IOTHREAD = "virDomainAddIOThread, virDomainDelIOThread"
    SCHEDULER = "virDomainSetSchedulerParametersFlags"
    MEMORY_LIMITS = "virDomainSetMemoryParameters"
    BLKIO = "virDomainSetBlkioParameters"
    NUMA = "virDomainSetNumaParameters"
    LIFECYCLE = "virDomainSetLifecycleAction"
    BALLOON_PERIOD = "virDomainSetMemoryStatsPeriod"
