"""Plans of whole sites, for pictures and pages: one with everything in it, and a big one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kvmspec.core.action import (
    Action,
    CreateVolume,
    DefineDomain,
    DeleteVolume,
    EditDomain,
    EditNetwork,
    GrowDisk,
    PowerOffDomain,
    RestartNetwork,
    SetMemory,
    ShutdownDomain,
    StartDomain,
    UndefineDomain,
)
from kvmspec.core.address import Address
from kvmspec.core.change import Difference, Verb
from kvmspec.core.impact import Impact, Permission
from kvmspec.core.plan import HostSummary, Plan, Step
from kvmspec.core.problem import Problem, Where
from tests.unit.report.plans import TOKEN, at, change

HOSTILE = "<script>alert(1)</script>\"'--> & </title> | \u202e`"
HOSTS = (
    HostSummary("hv1", "qemu:///system"),
    HostSummary("hv2", "qemu+ssh://root@hv2.example/system"),
    HostSummary(
        "hv3",
        "qemu+ssh://root@hv3.example/system",
        "cannot connect to hv3: ssh: connect to host hv3.example port 22: No route to host",
        "does `ssh` reach this host without asking, and is libvirt installed there?",
    ),
)
REFUSAL = Problem(
    "vm/legacy on hv2 exists already and was not made by this project",
    Where("site/vms.yaml", 41, 3, "  legacy:"),
    "vms.legacy",
    "choose another name, or adopt it by stating `uuid: 7c1f2e0a-90b6-4d0b-8a58-0d0c7c5f4d11`",
)
WARNING = Problem(
    "52:54:00:00:00:0a is used by db and db-copy",
    Where("site/vms.yaml", 66, 12),
    "vms.db-copy.networks.front.mac",
    "give one of them another, or leave it out",
    warning=True,
)
WEB = {
    "description": "serves the shop",
    "cpus": {"count": 2, "max": 4},
    "memory": {"size": "2GiB", "max": "8GiB"},
    "disks": [
        {"name": "root", "size": "20GiB", "cache": "none"},
        {"name": "logs", "size": "5GiB", "discard": "unmap"},
    ],
    "networks": [{"network": "front"}, {"network": "back", "model": "virtio"}],
    "graphics": [{"type": "vnc", "listen": "127.0.0.1", "password": "(secret)"}],
}
R, L, N, D = Impact.RESTART, Impact.LIVE, Impact.NONE, Impact.DATA_LOSS


def _hv1() -> Iterator[Difference]:
    def volume(name: str, verb: Verb = Verb.NO_OP, label: str = "") -> Difference:
        return Difference(at(f"volume/vms/{name}"), verb, label=label)

    yield Difference(at("pool/vms"), Verb.NO_OP)
    yield Difference(at("pool/fast"), Verb.CREATE, after={"type": "dir", "path": "/srv/fast"})
    yield Difference(
        at("network/front"),
        Verb.UPDATE,
        (
            change("dhcp.range", "192.168.150.100 to 192.168.150.199", "192.168.150.100 to 192.168.150.249"),
            change("mtu", 1500, 9000, R, "the bridge is made with it"),
        ),
    )
    yield Difference(at("network/back"), Verb.NO_OP)
    yield Difference(
        at("vm/web-3"),
        Verb.CREATE,
        after=WEB,
        label="2 vCPUs, 2GiB",
        notes=("its MAC addresses are derived from the project, the VM and the network",),
    )
    for number in (1, 2):
        yield Difference(
            at(f"vm/web-{number}"),
            Verb.UPDATE,
            (
                change("memory.size", "1GiB", "2GiB", L, "max 8GiB", drift=number == 2),
                change("disks.root.size", "20GiB", "40GiB", L, "grow"),
                change("description", "serves the shop", "serves the shop, and the new campaign", L),
            ),
            unmanaged=("has a USB device the manifest does not name; it stays",) if number == 1 else (),
        )
        yield volume(f"web-{number}-root.qcow2")
        yield volume(f"web-{number}-logs.qcow2")
    yield volume("web-3-root.qcow2", Verb.CREATE, "20GiB")
    yield volume("web-3-logs.qcow2", Verb.CREATE, "5GiB")
    yield Difference(
        at("vm/db"),
        Verb.UPDATE,
        (
            change("cpus.mode", "host-model", "host-passthrough", R, "the CPU model is fixed at boot"),
            change("cpus.count", 4, 12, R, "the guest booted with at most 8", avoid="up to 8 it goes live"),
            change("graphics.vnc.password", "hunter1", "hunter2", R, "it is read at boot", sensitive=True),
        ),
        pending=(change("memory.max", "8GiB", "16GiB", R, "the maximum is fixed at boot"),),
        permitted=frozenset({Permission.RESTART}),
    )
    yield volume("db-root.qcow2")
    yield Difference(
        at("volume/fast/pgdata"), Verb.CREATE, label="100GiB", after={"pool": "fast", "size": "100GiB"}
    )
    yield Difference(
        at("vm/old-ci"),
        Verb.DELETE,
        notes=("its volumes are deleted: old-ci-root.qcow2 (10GiB)",),
        impact_floor=D,
        before={"state": "running", "volumes": {"vms/old-ci-root.qcow2": "10GiB"}},
    )
    yield Difference(at("vm/mail"), Verb.ADOPT, (change("autostart", False, True, L),))
    yield Difference(at("vm/batch"), Verb.UPDATE, (change("boot", ["disk"], ["network", "disk"], N, "it is stopped"),))  # fmt: skip


def _hv2() -> Iterator[Difference]:
    yield Difference(at("pool/vms", "hv2"), Verb.NO_OP)
    yield Difference(at("network/front", "hv2"), Verb.NO_OP)
    yield Difference(at("vm/legacy", "hv2"), Verb.NO_OP, refusals=(REFUSAL,))
    yield Difference(
        at("vm/build-long-name-of-a-machine-that-does-not-fit-01", "hv2"),
        Verb.UPDATE,
        (change("machine", "pc-i440fx-7.2", "pc-q35-7.2", Impact.REPLACE, "renames the guest's interfaces"),),
    )
    yield Difference(
        at("vm/retired", "hv2"),
        Verb.DELETE,
        notes=("its volumes stay: retired-root.qcow2 (20GiB)",),
        impact_floor=Impact.DELETE,
        before={"state": "stopped", "volumes": {"vms/retired-root.qcow2": "20GiB"}},
    )
    yield Difference(
        at(f"vm/{HOSTILE}", "hv2"),
        Verb.UPDATE,
        (change(f"x.{HOSTILE}", HOSTILE, f"{HOSTILE} {TOKEN}", L, f"because {HOSTILE}"),),
        notes=(f"note {HOSTILE} {TOKEN}",),
    )
    yield Difference(at("vm/monitor", "hv2"), Verb.NO_OP, pending=(change("cpus.count", 2, 4, R),))
    yield Difference(at("volume/vms/monitor-root.qcow2", "hv2"), Verb.NO_OP)
    yield Difference(
        at("volume/vms/scratch", "hv2"), Verb.DELETE, before={"size": "10GiB"}, label="10GiB", impact_floor=D
    )


def _links() -> Iterator[tuple[Address, Address]]:
    for vm, disks in {"web-1": 2, "web-2": 2, "web-3": 2, "db": 1, "mail": 0, "batch": 0}.items():
        yield at(f"vm/{vm}"), at("network/front")
        if vm.startswith(("web", "db")):
            yield at(f"vm/{vm}"), at("network/back")
        for disk in ("root", "logs")[:disks]:
            yield at(f"vm/{vm}"), at("pool/vms")
            yield at(f"vm/{vm}"), at(f"volume/vms/{vm}-{disk}.qcow2")
    yield at("vm/db"), at("volume/fast/pgdata")
    yield at("vm/web-1"), at("vm/db")
    yield at("vm/mail"), at("volume/images/mail.qcow2")
    yield at("vm/batch"), at("network/default")
    for vm in ("monitor", "build-long-name-of-a-machine-that-does-not-fit-01", HOSTILE):
        yield at(f"vm/{vm}", "hv2"), at("network/front", "hv2")
    yield at("vm/monitor", "hv2"), at("volume/vms/monitor-root.qcow2", "hv2")
    yield at("vm/edge", "hv3"), at("network/front", "hv3")
    yield at("vm/edge", "hv3"), at("volume/vms/edge-root.qcow2", "hv3")


def _steps() -> Iterator[Step]:
    """A few of those that a real plan of this kind has."""
    db, front, old = at("vm/db"), at("network/front"), at("vm/old-ci")
    actions: list[tuple[Action, tuple[int, ...], str, Address | None]] = [
        (EditNetwork(front, ()), (), "redefine", None),
        (RestartNetwork(front, ("web-1", "web-2", "mail")), (1,), "restart", None),
        (CreateVolume(at("volume/fast/pgdata"), "<volume/>", 100 << 30, "raw"), (), "create", None),
        (SetMemory(at("vm/web-1"), 2 << 30), (2,), "set memory to 2GiB", None),
        (GrowDisk(at("vm/web-1"), "vda", 40 << 30), (4,), "grow disk root to 40GiB", None),
        (ShutdownDomain(db, 120), (3,), "shut down", None),
        (EditDomain(db, ()), (6,), "redefine", None),
        (StartDomain(db), (7,), "start", None),
        (DefineDomain(at("vm/web-3"), f"<domain>{TOKEN}</domain>"), (2,), "define", None),
        (StartDomain(at("vm/web-3")), (9,), "start", None),
        (PowerOffDomain(old), (), "power off", None),
        (DeleteVolume(at("volume/vms/old-ci-root.qcow2")), (11,), "delete volume old-ci-root.qcow2", old),
        (UndefineDomain(old), (12,), "undefine", None),
        (DeleteVolume(at("volume/vms/scratch", "hv2")), (), "delete", None),
    ]
    for number, (action, after, text, owner) in enumerate(actions, 1):
        yield Step(number, action, frozenset(after), text, owner)


SITE = Plan(
    project="shop",
    created_at="2026-11-22T20:00:00+00:00",
    hosts=HOSTS,
    differences=(*_hv1(), *_hv2()),
    steps=tuple(_steps()),
    required=frozenset(Permission),
    granted=frozenset({Permission.RESTART, Permission.DELETE}),
    refusals=(REFUSAL,),
    warnings=(WARNING,),
    links=tuple(_links()),
)
"""Every impact, drift, pending restarts, secrets, hostile names, a host that is unknown, a refusal."""

CALM = replace(
    SITE,
    hosts=HOSTS[:1],
    differences=tuple(
        replace(item, verb=Verb.NO_OP, changes=(), notes=(), impact_floor=N, pending=(), unmanaged=())
        for item in _hv1()
        if item.verb in (Verb.NO_OP, Verb.UPDATE)
    ),
    steps=(),
    required=frozenset(),
    granted=frozenset(),
    refusals=(),
    warnings=(),
    links=tuple(link for link in _links() if link[0].host == "hv1" and link[0].name not in ("web-3", "mail")),
)
"""Nothing to do."""


def big(vms: int = 1000, hosts: int = 4) -> Plan:
    """Many VMs with a disk each: one in ten changes live, one in fifty needs a restart."""
    summaries = tuple(HostSummary(f"hv{n}", f"qemu+ssh://root@hv{n}.example/system") for n in range(hosts))
    differences: list[Difference] = []
    links: list[tuple[Address, Address]] = []
    steps: list[Step] = []
    for host in summaries:
        differences.append(Difference(at("pool/vms", host.name), Verb.NO_OP))
        differences += [Difference(at(f"network/net-{n}", host.name), Verb.NO_OP) for n in range(5)]
    for number in range(vms):
        host = f"hv{number % hosts}"
        vm, disk = at(f"vm/app-{number:04}", host), at(f"volume/vms/app-{number:04}-root.qcow2", host)
        links += [(vm, at(f"network/net-{number % 5}", host)), (vm, at("pool/vms", host)), (vm, disk)]
        changes = [change("memory.size", "1GiB", "2GiB", L, "max 8GiB")] if number % 10 == 0 else []
        if number % 50 == 0:
            changes.append(change("cpus.mode", "host-model", "host-passthrough", R, "fixed at boot"))
        differences.append(Difference(vm, Verb.UPDATE if changes else Verb.NO_OP, tuple(changes)))
        differences.append(Difference(disk, Verb.NO_OP))
        if changes:
            steps.append(Step(len(steps) + 1, EditDomain(vm, ()), frozenset(), "redefine"))
    return Plan(
        "estate", "2026-11-22T20:00:00+00:00", summaries, tuple(differences), tuple(steps),
        required=frozenset({Permission.RESTART}), links=tuple(links),
    )  # fmt: skip


def all_new(vms: int = 1000) -> Plan:
    """As many VMs that do not exist yet, on one host, with what each is created with."""
    differences = [Difference(at("pool/vms"), Verb.CREATE), Difference(at("network/front"), Verb.CREATE)]
    links, steps = [], []
    for number in range(vms):
        vm, disk = at(f"vm/app-{number:04}"), at(f"volume/vms/app-{number:04}-root.qcow2")
        differences.append(Difference(disk, Verb.CREATE, label="20GiB", after={"pool": "vms", "size": "20GiB"}))  # fmt: skip
        differences.append(Difference(vm, Verb.CREATE, label="2 vCPUs, 2GiB", after=WEB))
        links += [(vm, at("network/front")), (vm, at("pool/vms")), (vm, disk), (disk, at("pool/vms"))]
        steps.append(Step(2 * number + 1, DefineDomain(vm, "<domain/>"), frozenset(), "define"))
        steps.append(Step(2 * number + 2, StartDomain(vm), frozenset({2 * number + 1}), "start"))
    return Plan("estate", "2026-11-22T20:00:00+00:00", HOSTS[:1], tuple(differences), tuple(steps), links=tuple(links))  # fmt: skip
