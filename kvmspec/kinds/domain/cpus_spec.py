"""Virtual CPUs, as the manifest writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, LiteralString

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_model_spec import AddressBitsSpec, CacheSpec
from kvmspec.kinds.domain.cpu_set import ByNumber, CpuSet, numbers
from kvmspec.manifest.deferred import deferred
from kvmspec.manifest.model import Model

if TYPE_CHECKING:
    from kvmspec.kinds.domain.cputune_spec import (
        CacheTuneSpec,
        MemoryTuneSpec,
        SchedulerSpec,
        VcpuSchedulerSpec,
        VcpuSpec,
    )
else:
    _TUNING = "kvmspec.kinds.domain.cputune_spec"
    CacheTuneSpec = deferred(_TUNING, "CacheTuneSpec")
    MemoryTuneSpec = deferred(_TUNING, "MemoryTuneSpec")
    SchedulerSpec = deferred(_TUNING, "SchedulerSpec")
    VcpuSchedulerSpec = deferred(_TUNING, "VcpuSchedulerSpec")
    VcpuSpec = deferred(_TUNING, "VcpuSpec")

Number = Annotated[int, Field(ge=0, le=1023, strict=False)]
Count = Annotated[int, Field(ge=1, le=1024, strict=True)]
Shares = Annotated[int, Field(ge=0, le=262144, strict=True)]
Period = Annotated[int, Field(ge=1000, le=1_000_000, strict=True)]  # what libvirt takes
Quota = Annotated[int, Field(ge=-1, le=17_592_186_044_415, strict=True)]
CpuName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

SCHEDULING: Mapping[str, str] = {
    "shares": "cpu_shares",
    "period": "vcpu_period",
    "quota": "vcpu_quota",
    "global_period": "global_period",
    "global_quota": "global_quota",
    "emulator_period": "emulator_period",
    "emulator_quota": "emulator_quota",
    "iothread_period": "iothread_period",
    "iothread_quota": "iothread_quota",
}
"""<cputune>'s elements, and what virDomainSetSchedulerParametersFlags calls them."""


class TopologySpec(Model):
    """How the guest sees its vCPUs arranged; what is not given is 1. The product is `max`."""

    examples: ClassVar[Sequence[Any]] = ({"sockets": 1, "cores": 4, "threads": 2},)
    least: ClassVar[frozenset[str]] = frozenset({"cores", "threads"})

    sockets: Count = Field(1, examples=[1])
    """CPU sockets."""
    dies: Count = Field(1, examples=[1])
    """Dies in a socket."""
    cores: Count = Field(1, examples=[4])
    """Cores in a die."""
    threads: Count = Field(1, examples=[2])
    """Threads of a core."""

    @property
    def vcpus(self) -> int:
        return self.sockets * self.dies * self.cores * self.threads


_DESCRIBING = frozenset({"features", "topology", "cache", "address_bits"})


class CpusSpec(Model):
    """Virtual CPUs."""

    short: ClassVar[str | None] = "count"

    examples: ClassVar[Sequence[Any]] = (
        2,
        {"count": 2, "max": 8},
        {"count": 2, "mode": "host-model", "features": {"svm": "disable"}},
        {
            "count": 2,
            "model": "Nehalem",
            "match": "exact",
            "check": "partial",
            "fallback": "forbid",
            "vendor": "Intel",
            "vendor_id": "GenuineIntel",
        },
        {"count": 2, "mode": "host-passthrough", "migratable": False, "cache": "passthrough"},
        {"count": 2, "pin": {0: "2", 1: "3"}, "emulator_pin": "0-1"},
        {"count": 2, "max": 4, "vcpus": {0: {}, 2: {"hotpluggable": True, "order": 2}}},
        {"count": 4, "schedulers": [{"vcpus": "0-1", "scheduler": "fifo", "priority": 1}]},
        {"count": 8, "topology": {"sockets": 1, "cores": 4, "threads": 2}},
    )
    least: ClassVar[frozenset[str]] = frozenset({"count", "max"})
    along: ClassVar[Mapping[str, Sequence[str]]] = {
        "vcpus": ["count", "max"],
        **{f"vcpus.{name}": () for name in ("hotpluggable", "order")},
        "features": ["mode"],
        "migratable": ["mode"],
        **{name: ["model"] for name in ("match", "check", "fallback", "vendor", "vendor_id")},
    }

    count: Count | None = None
    """vCPUs the guest has now."""
    max: Count | None = None
    """Ceiling up to which `count` can grow while the guest runs."""
    mode: Literal["host-passthrough", "host-model", "maximum"] | None = None
    """Which CPU the guest sees: the host's own, one much like it that other hosts can have, too, or all
    that QEMU can show."""
    model: CpuName | None = Field(None, examples=["EPYC"])
    """A CPU model by name, instead of `mode`; `virsh cpu-models x86_64` lists them."""
    features: dict[CpuName, Literal["force", "require", "optional", "disable", "forbid"]] = Field(
        default_factory=dict, examples=[{"svm": "disable"}]
    )
    """Features of the CPU that are otherwise than in its `mode` or `model`."""
    match: Literal["minimum", "exact", "strict"] | None = Field(None, examples=["exact"])
    """How much the guest's CPU has to be as `model` and `features` say."""
    check: Literal["none", "partial", "full"] | None = Field(None, examples=["partial"])
    """What libvirt checks of the CPU before the guest starts."""
    migratable: bool | None = Field(None, examples=[False])
    """Whether features with which the guest cannot move to another host are left out."""
    fallback: Literal["allow", "forbid"] | None = Field(None, examples=["forbid"])
    """Whether another model does where the host has not this one. libvirt 9.0 drops it of `host-model`."""
    vendor: CpuName | None = Field(None, examples=["Intel"])
    """The vendor of a host's CPU without which the guest does not start."""
    vendor_id: Annotated[str, Field(pattern=r"^[^,]{12}$")] | None = Field(None, examples=["GenuineIntel"])
    """The vendor the guest sees, of 12 characters."""
    cache: CacheSpec | None = None
    """The CPU's cache, as the guest sees it."""
    address_bits: AddressBitsSpec | None = None
    """How wide the guest's physical addresses are."""
    topology: TopologySpec | None = None
    """How the guest sees its vCPUs arranged."""
    vcpus: Annotated[dict[Number, VcpuSpec], ByNumber()] = Field(
        default_factory=dict, examples=[{0: {"order": 1}, 2: {"order": 2}}]
    )
    """Which vCPUs are there, by their number, `count` in all; the others can be added. Without it the first
    ones are."""
    placement: Literal["auto"] | None = Field(None, examples=["auto"])
    """Runs the VM on the CPUs that numad advises."""
    cpuset: CpuSet | None = Field(None, examples=["2-3"])
    """CPUs of the host on which the VM runs, but for what is pinned by itself."""
    pin: dict[Number, CpuSet] = Field(default_factory=dict, examples=[{0: "2", 1: "3"}])
    """CPUs of the host on which a vCPU runs, by the vCPU's number."""
    emulator_pin: CpuSet | None = Field(None, examples=["0-1"])
    """CPUs of the host on which QEMU's own threads run."""
    shares: Shares | None = Field(None, examples=[2048])
    """Weight among VMs that want the same CPU: 2 to 262144 with 1024 for a usual one, 1 to 10000 with 100
    on a host with cgroup v2."""
    period: Period | None = Field(None, examples=[100000])
    """The time for which `quota` is, in µs; 100000 when not given."""
    quota: Quota | None = Field(None, examples=[50000])
    """CPU time in µs that each vCPU may have in a `period`; -1 is no limit."""
    global_period: Period | None = Field(None, examples=[100000])
    """The time for which `global_quota` is, in µs."""
    global_quota: Quota | None = Field(None, examples=[150000])
    """CPU time in µs that the whole VM may have in a `global_period`; -1 is no limit."""
    emulator_period: Period | None = Field(None, examples=[100000])
    """The time for which `emulator_quota` is, in µs."""
    emulator_quota: Quota | None = Field(None, examples=[50000])
    """CPU time in µs that QEMU's own threads may have in an `emulator_period`; -1 is no limit."""
    iothread_period: Period | None = Field(None, examples=[100000])
    """The time for which `iothread_quota` is, in µs."""
    iothread_quota: Quota | None = Field(None, examples=[50000])
    """CPU time in µs that each I/O thread may have in an `iothread_period`; -1 is no limit."""

    schedulers: tuple[VcpuSchedulerSpec, ...] = Field(
        (), examples=[[{"vcpus": "0-1", "scheduler": "fifo", "priority": 1}]]
    )
    """How the host's kernel schedules vCPUs."""
    emulator_scheduler: SchedulerSpec | None = Field(None, examples=["idle"])
    """How it schedules QEMU's own threads."""
    cachetune: tuple[CacheTuneSpec, ...] = Field(
        (), examples=[[{"vcpus": "0-1", "caches": [{"id": 0, "size": "3MiB"}]}]]
    )
    """What vCPUs have of the host's caches."""
    memorytune: tuple[MemoryTuneSpec, ...] = Field(
        (), examples=[[{"vcpus": "0-1", "nodes": [{"id": 0, "bandwidth": 60}]}]]
    )
    """What vCPUs have of the host's memory bandwidth."""

    @property
    def tuned(self) -> bool:
        """Whether anything is stated of <cputune>."""
        stated = (self.pin, self.emulator_pin, self.schedulers, self.emulator_scheduler)
        return any((*stated, self.cachetune, self.memorytune, self.scheduling))

    @property
    def scheduled(self) -> Mapping[int, VcpuSchedulerSpec]:
        """How each vCPU is scheduled: libvirt writes one element for each (9.0)."""
        found = {vcpu: one for one in self.schedulers for vcpu in numbers(one.vcpus)}
        return dict(sorted(found.items()))

    @property
    def individually(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each vCPU, and its attributes in <vcpus>."""
        for vcpu in range(self.max or self.count or max(self.vcpus, default=-1) + 1) if self.vcpus else ():
            one = self.vcpus.get(vcpu)
            plugs = one.hotpluggable if one and one.hotpluggable is not None else vcpu > 0
            order = {"order": one.order} if one and one.order else {}
            states = {"enabled": "yes" if one else "no", "hotpluggable": "yes" if plugs else "no"}
            yield vcpu, states | order

    @property
    def scheduling(self) -> dict[str, int]:
        """<cputune>'s elements that are stated."""
        return {name: value for name in SCHEDULING if (value := getattr(self, name)) is not None}

    @property
    def described(self) -> bool:
        """Whether there is something to say of the CPU itself."""
        return not _DESCRIBING.isdisjoint(self.model_fields_set) or bool(self.mode or self.model)

    @property
    def attributes(self) -> Iterator[tuple[str, str]]:
        """<cpu>'s attributes."""
        if mode := "custom" if self.model else self.mode:
            yield "mode", mode
        for name in ("match", "check"):
            if value := getattr(self, name):
                yield name, value
        if self.migratable is not None:
            yield "migratable", "on" if self.migratable else "off"

    @model_validator(mode="after")
    def _possible(self) -> CpusSpec:
        if self.count is not None and self.max is not None and self.count > self.max:
            raise PydanticCustomError("over_max", "`count` is above `max`")
        if problem := self._contradiction():
            raise PydanticCustomError("cpus", problem)
        return self

    def _contradiction(self) -> LiteralString | None:
        most = self.max or self.count
        if self.mode is not None and self.model is not None:
            return "give either `mode` or `model`: a model is a mode of its own"
        if self.model is None and (self.match or self.fallback or self.vendor):
            return "`match`, `fallback` and `vendor` go with a `model`"
        if self.check and self.model is None and self.mode != "host-model":
            return "`check` goes with a `model`, or with `mode: host-model`"
        if self.migratable is not None and self.mode not in ("host-passthrough", "maximum"):
            return "`migratable` goes with `mode: host-passthrough` or `maximum`"
        if self.vendor_id and self.model is None and self.mode != "host-model":
            return "`vendor_id` goes with a `model`, or with `mode: host-model`"
        if self.features and self.mode is None and self.model is None:
            return "`features` need a `mode` or a `model` from which they differ"
        if most and self.topology is not None and self.topology.vcpus != most:
            return "`topology` is of other vCPUs: sockets times dies times cores times threads is to be `max`"
        if most and any(vcpu >= most for vcpu in self.pin):
            return "`pin` names a vCPU that there is not: the first is 0, the last is `max` - 1"
        if self.vcpus and self.count not in (None, len(self.vcpus)):
            return "`vcpus` names those that are there, so there are to be `count` of them"
        if self.vcpus and (0 not in self.vcpus or self.vcpus[0].hotpluggable):
            return "the first of `vcpus`, 0, is always there, and not `hotpluggable`"
        if self.placement is not None and self.cpuset is not None:
            return "give either `cpuset`, or `placement: auto`"
        if most and any(vcpu >= most for vcpu in self.vcpus):
            return "`vcpus` names one that there is not: the first is 0, the last is `max` - 1"
        for entries in (self.schedulers, self.cachetune, self.memorytune):
            if entries and (problem := _misnamed(entries, most)):
                return problem
        if any(0 <= value < 1000 for name, value in self.scheduling.items() if "quota" in name):
            return "a quota is at least 1000 µs, or -1 for no limit"
        return None


def _misnamed(entries: Sequence[Any], most: int | None) -> LiteralString | None:
    """Why entries of `vcpus` cannot stand beside each other; None where they can."""
    named = [number for entry in entries for number in numbers(entry.vcpus)]
    if len(set(named)) != len(named):
        return "two entries of `schedulers`, `cachetune` or `memorytune` name the same vCPU"
    if most is not None and any(number >= most for number in named):
        return "`schedulers`, `cachetune` or `memorytune` name a vCPU beyond `max` - 1"
    return None
