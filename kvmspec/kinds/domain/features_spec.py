"""Hypervisor features, as the manifest writes them.

Facts: https://libvirt.org/formatdomain.html#hypervisor-features and libvirt 9.0's schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.words import MARKS
from kvmspec.manifest.model import Model
from kvmspec.manifest.types import Size


class ApicSpec(Model):
    """The local APIC."""

    examples: ClassVar[Sequence[Any]] = ({"eoi": True},)

    eoi: bool | None = Field(None, examples=[True])
    """Whether the guest can tell of the end of an interrupt without leaving it to the host (KVM)."""


class StimerSpec(Model):
    """Hyper-V's timers."""

    examples: ClassVar[Sequence[Any]] = ({"direct": True},)
    least: ClassVar[frozenset[str]] = frozenset({"direct"})

    direct: bool
    """Whether they reach the guest as interrupts of their own."""


class HypervSpec(Model):
    """What a Windows guest is told that Hyper-V would tell it."""

    short: ClassVar[str | None] = "mode"

    examples: ClassVar[Sequence[Any]] = (
        "passthrough",
        {"relaxed": True, "vapic": True, "spinlocks": 8191, "vpindex": True, "synic": True, "stimer": True},
        {"vendor_id": "KVM Hv", "stimer": {"direct": True}},
        {"mode": "passthrough"},
    )

    mode: Literal["custom", "passthrough"] | None = Field(None, examples=["passthrough"])
    """`passthrough`: all that the host offers, and then nothing else is stated."""
    relaxed: bool | None = Field(None, examples=[True])
    """No watchdog on timers."""
    vapic: bool | None = Field(None, examples=[True])
    """A paravirtual APIC."""
    spinlocks: Annotated[int, Field(ge=4095, lt=2**32, strict=True)] | Literal[False] | None = Field(
        None, examples=[8191]
    )
    """How often a lock is tried before the host is told."""
    vpindex: bool | None = Field(None, examples=[True])
    """The number of a vCPU."""
    runtime: bool | None = Field(None, examples=[True])
    """The time a vCPU has run."""
    synic: bool | None = Field(None, examples=[True])
    """Synthetic interrupts; they need `vpindex`."""
    stimer: bool | StimerSpec | None = Field(None, examples=[True])
    """Synthetic timers; they need `synic`."""
    reset: bool | None = Field(None, examples=[False])
    """A reset by the hypervisor."""
    vendor_id: Annotated[str, Field(pattern=r"^[^,]{0,12}$")] | Literal[False] | None = Field(
        None, examples=["KVM Hv"]
    )
    """The vendor the guest sees, of at most 12 characters."""
    frequencies: bool | None = Field(None, examples=[True])
    """The frequencies of TSC and APIC."""
    reenlightenment: bool | None = Field(None, examples=[True])
    """Word of a migration."""
    tlbflush: bool | None = Field(None, examples=[True])
    """Flushing other vCPUs' TLB by the host."""
    ipi: bool | None = Field(None, examples=[True])
    """Interrupts between vCPUs by the host."""
    evmcs: bool | None = Field(None, examples=[True])
    """The enlightened VMCS, for Hyper-V in the guest (Intel)."""
    avic: bool | None = Field(None, examples=[True])
    """The host's virtual APIC beside Hyper-V's."""
    emsr_bitmap: bool | None = Field(None, examples=[True])
    """Hyper-V in the guest tells which registers it watches. Takes libvirt 10.7."""
    xmm_input: bool | None = Field(None, examples=[True])
    """Parameters of calls in XMM registers. Takes libvirt 10.7."""

    @model_validator(mode="after")
    def _fits(self) -> HypervSpec:
        if self.mode == "passthrough" and self.model_fields_set - {"mode"}:
            raise PydanticCustomError("hyperv", "with `mode: passthrough` nothing else is stated of `hyperv`")
        return self


class KvmSpec(Model):
    """What a guest is told of KVM."""

    examples: ClassVar[Sequence[Any]] = ({"hidden": True}, {"hint_dedicated": True, "dirty_ring": 4096})

    hidden: bool | None = Field(None, examples=[True])
    """Whether KVM hides from the guest."""
    hint_dedicated: bool | None = Field(None, examples=[True])
    """Whether the guest may take it that its vCPUs have CPUs of their own."""
    poll_control: bool | None = Field(None, examples=[True])
    """Whether the guest may control how the host waits."""
    pv_ipi: bool | None = Field(None, examples=[True])
    """Paravirtual interrupts between vCPUs."""
    dirty_ring: Literal[False, 1024, 2048, 4096, 8192, 16384, 32768, 65536] | None = Field(
        None, examples=[4096]
    )
    """The size of the ring by which KVM tells of pages that were written."""


class SmmSpec(Model):
    """System management mode."""

    examples: ClassVar[Sequence[Any]] = ({"tseg": "48MiB"},)
    least: ClassVar[frozenset[str]] = frozenset({"tseg"})

    tseg: Size = Field(examples=["48MiB"])
    """The memory that it has for itself; q35's own choice when not given."""


class TcgSpec(Model):
    """Options of the emulation."""

    examples: ClassVar[Sequence[Any]] = ({"tb_cache": "128MiB"},)
    least: ClassVar[frozenset[str]] = frozenset({"tb_cache"})

    tb_cache: Size = Field(examples=["128MiB"])
    """Memory for translated code, with `accel: tcg`."""


class FeaturesSpec(Model):
    """Hypervisor features; false takes one away."""

    examples: ClassVar[Sequence[Any]] = (
        {"acpi": True, "apic": True},
        {"hyperv": {"relaxed": True, "vapic": True, "spinlocks": 8191}, "kvm": {"hidden": True}},
        {"smm": True, "ioapic": "kvm", "pmu": False, "vmport": False},
    )

    acpi: bool | None = None
    """ACPI tables; without them a guest cannot be asked to shut down."""
    apic: bool | ApicSpec | None = Field(None, examples=[True])
    """The local APIC."""
    pae: bool | None = None
    """Physical address extension for 32-bit guests."""
    hyperv: HypervSpec | Literal[False] | None = None
    """What a Windows guest is told that Hyper-V would tell it; false takes all of it away."""
    kvm: KvmSpec | Literal[False] | None = None
    """What a guest is told of KVM; false takes all of it away."""
    smm: bool | SmmSpec | None = Field(None, examples=[True])
    """System management mode, which secure boot needs."""
    ioapic: Literal["kvm", "qemu"] | None = Field(None, examples=["qemu"])
    """Who has the I/O APIC: `qemu` goes with an Intel IOMMU."""
    vmport: bool | None = Field(None, examples=[False])
    """VMware's I/O port."""
    pmu: bool | None = Field(None, examples=[False])
    """Performance counters."""
    pvspinlock: bool | None = Field(None, examples=[True])
    """Paravirtual locks."""
    ps2: bool | None = Field(None, examples=[False])
    """The PS/2 controller. Takes libvirt 10.7."""
    vmcoreinfo: bool | None = Field(None, examples=[True])
    """Lets a dump of the guest find its kernel."""
    hap: bool | None = Field(None, examples=[True])
    """Paging by hardware (Xen)."""
    viridian: bool | None = Field(None, examples=[True])
    """Hyper-V's extensions (Xen)."""
    privnet: bool | None = Field(None, examples=[True])
    """A network namespace of its own (LXC)."""
    msrs: Literal["ignore", "fault"] | None = Field(None, examples=["ignore"])
    """What happens when the guest reads a register that there is not."""
    tcg: TcgSpec | None = None
    """Options of the emulation."""
    gic: Literal["host", 2, 3] | None = Field(None, examples=[3])
    """The interrupt controller's version (Arm)."""
    htm: bool | None = Field(None, examples=[True])
    """Transactional memory (POWER)."""
    nested_hv: bool | None = Field(None, examples=[True])
    """Guests of the guest (POWER)."""
    ccf_assist: bool | None = Field(None, examples=[True])
    """Help with flushing the count cache (POWER)."""
    cfpc: Literal["broken", "workaround", "fixed"] | None = Field(None, examples=["workaround"])
    """How cache flushes on privilege changes are dealt with (POWER)."""
    sbbc: Literal["broken", "workaround", "fixed"] | None = Field(None, examples=["workaround"])
    """How speculation barriers are dealt with (POWER)."""
    ibs: Literal["broken", "workaround", "fixed-ibs", "fixed-ccd", "fixed-na"] | None = Field(
        None, examples=["fixed-na"]
    )
    """How indirect branches are dealt with (POWER)."""

    @property
    def refused(self) -> Iterator[str]:
        """Elements that must not be there."""
        for name in (*MARKS, "apic", "hyperv", "kvm"):
            if getattr(self, name) is False:
                yield name
