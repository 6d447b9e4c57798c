"""Any manifest of what is supported: apply, then the plan is empty; edit it, apply, empty again."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import libvirt
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.live.forks import Forks
from tests.live.scene import MIB, Manifest, Scene
from tests.support.manifests import as_yaml
from tests.support.private_libvirt import PrivateLibvirt

pytestmark = pytest.mark.libvirtd

EVERYTHING = ["restart", "delete", "replace", "data-loss"]
text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn", "Co"]), max_size=20
).map(lambda value: value.replace("$", "$$"))
VOLUMES = ("v1", "v2")
NETWORKS = ("n1",)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda dicts: {key: value for part in dicts for key, value in part.items()})


def size(low: int, high: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.integers(low, high).map(lambda n: f"{n}MiB"),
        st.integers(low, high).map(lambda n: f"{n * 1024}KiB"),
    )


def mac(number: int) -> str:
    return f"52:54:00:99:{number >> 8:02x}:{number & 255:02x}"


@st.composite
def network(draw: st.DrawFn, index: int) -> dict[str, Any]:
    base = f"10.{90 + index}.0"
    made = draw(
        optional(
            domain=st.sampled_from(["shop.lan", "a.b.c"]),
            mtu=st.sampled_from([1400, 1500, 9000]),
            autostart=st.booleans(),
        )
    )
    made |= {"mode": draw(st.sampled_from(["nat", "isolated", "route", "open"])), "subnet": f"{base}.0/24"}
    if draw(st.booleans()):
        made["gateway"] = f"{base}.{draw(st.sampled_from([1, 254]))}"
    if draw(st.booleans()):
        start = draw(st.integers(10, 100))
        dhcp: dict[str, Any] = {
            "start": f"{base}.{start}",
            "end": f"{base}.{start + draw(st.integers(0, 100))}",
        }
        if draw(st.booleans()):
            dhcp["lease"] = draw(st.sampled_from(["120s", "5m", "12h"]))
        for number in draw(st.sets(st.integers(2, 9), max_size=3)):
            host = {"mac": mac(number), "ip": f"{base}.{number}"}
            dhcp.setdefault("hosts", []).append(host | draw(optional(name=st.just(f"h{number}"))))
        made["dhcp"] = dhcp
    if draw(st.booleans()):
        numbers = draw(st.sets(st.integers(2, 9), min_size=1, max_size=2))
        made["dns"] = {
            "hosts": {f"{base}.{n}": [f"x{n}", f"y{n}.lan"][: draw(st.integers(1, 2))] for n in numbers}
        }
    return made


def disk(name: str) -> st.SearchStrategy[dict[str, Any]]:
    look = optional(
        bus=st.sampled_from(["virtio", "scsi", "sata"]),
        cache=st.sampled_from(["none", "writeback", "unsafe"]),
        discard=st.sampled_from(["unmap", "ignore"]),
    )
    blank = st.fixed_dictionaries(
        {"size": size(1, 3)}, optional={"format": st.sampled_from(["qcow2", "raw"])}
    )
    overlay = st.just({"backing": {"volume": "base", "format": "raw"}})
    cdrom = st.sampled_from([{"cdrom": "empty"}, {"cdrom": "ISO"}])
    return st.one_of(
        joined(st.just({"name": name}), look, blank),
        joined(st.just({"name": name}), look, overlay),
        joined(st.just({"name": name}), cdrom),
    )


def nic(number: int) -> st.SearchStrategy[dict[str, Any]]:
    where = st.sampled_from([{"network": name} for name in (*NETWORKS, "default")])
    look = optional(mac=st.just(mac(0x100 + number)), model=st.sampled_from(["virtio", "e1000", "rtl8139"]))
    return joined(st.just({"name": f"nic{number}"}), where, look)


@st.composite
def vm(draw: st.DrawFn, number: int) -> dict[str, Any]:
    most = draw(st.integers(1, 4))
    large = draw(st.sampled_from([32, 48, 64]))
    made = draw(
        optional(
            title=text.filter(lambda t: t.strip()),
            description=text.filter(lambda t: t.strip()),
            autostart=st.booleans(),
            machine=st.sampled_from(["q35", "pc"]),
            features=optional(acpi=st.booleans(), apic=st.booleans(), pae=st.booleans()),
            boot=st.sampled_from([["disk"], ["network", "disk"], ["cdrom", "disk", "network"]]),
            console=st.booleans(),
            guest_agent=st.booleans(),
            devices=st.fixed_dictionaries({"rng": st.booleans()}),
            graphics=st.sampled_from(
                [[], [{"type": "vnc", "listen": "127.0.0.1"}], [{"type": "vnc", "password": "secret"}]]
            ),
            preset=st.sampled_from(["standard", "bare"]),
            state=st.sampled_from(["stopped", "stopped", "any", "running"]),
        )
    )
    made.setdefault("state", "stopped")
    made["cpus"] = draw(st.sampled_from([most, {"count": draw(st.integers(1, most)), "max": most}]))
    made["memory"] = draw(
        st.sampled_from([f"{large}MiB", {"size": f"{draw(st.integers(16, large))}MiB", "max": f"{large}MiB"}])
    )
    made["disks"] = [
        draw(disk(name)) for name in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=3))
    ]
    made["networks"] = [
        draw(nic(number * 8 + n)) for n in draw(st.lists(st.integers(0, 5), unique=True, max_size=3))
    ]
    made["lifecycle"] = {"shutdown_timeout": "0s", "force_off_after": "0s"}
    if made.get("machine") == "pc":
        for entry in made["disks"]:
            if entry.get("bus") == "sata":
                entry["bus"] = "scsi"
    return made


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Anything that is supported, with one network of its own: each costs a second."""
    networks = {name: draw(network(index)) for index, name in enumerate(NETWORKS)}
    volumes: dict[str, Any] = {"base": {"pool": "vms", "size": "1MiB", "format": "raw"}}
    for name in draw(st.sets(st.sampled_from(VOLUMES))):
        volumes[name] = {"pool": "vms", "size": draw(size(1, 3))} | draw(
            optional(format=st.sampled_from(["raw", "qcow2"]))
        )
    vms = {
        name: draw(vm(index))
        for index, name in enumerate(
            draw(st.lists(st.sampled_from(["web", "db", "x.y_z-1"]), unique=True, max_size=2))
        )
    }
    for name in VOLUMES:
        if name in volumes and vms and draw(st.booleans()):
            vms[sorted(vms)[0]]["disks"].append({"volume": name})
    return {
        "kvmspec": 1,
        "project": "anything",
        "defaults": {"vms": {"accel": "tcg", "pool": "vms"}},
        "networks": networks,
        "pools": {"vms": {"type": "dir", "path": "POOL"}},
        "volumes": volumes,
        "vms": vms,
    }


def in_place(value: Any, pool: Path, iso: Path) -> Any:
    if isinstance(value, dict):
        return {key: in_place(inner, pool, iso) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_place(inner, pool, iso) for inner in value]
    return {"POOL": str(pool), "ISO": str(iso)}.get(value, value) if isinstance(value, str) else value


def kept_sizes(before: Manifest, after: Manifest) -> Manifest:
    """The second manifest with no disk smaller, of another format or on another base than in the first."""
    after = deepcopy(after)
    for name in after["volumes"]:
        after["volumes"][name] = deepcopy(before["volumes"].get(name, after["volumes"][name]))
    for name, made in after["vms"].items():
        old = {d.get("name"): d for d in before["vms"].get(name, {}).get("disks", ())}
        for entry in made["disks"]:
            was = old.get(entry.get("name"))
            if was is None or "volume" in entry:
                continue
            for key in ("size", "format", "backing", "cdrom"):
                entry.pop(key, None)
                if key in was:
                    entry[key] = deepcopy(was[key])
    return after


FOREIGN_DOMAIN = """<domain type='qemu'><name>foreign</name><memory unit='MiB'>32</memory>
<metadata><a:b xmlns:a='urn:a'/></metadata><os><type>hvm</type></os></domain>"""
FOREIGN_NETWORK = "<network><name>foreign</name><bridge name='virbr88'/><ip address='10.99.0.1' netmask='255.255.255.0'/></network>"


class Playground:
    """A host with foreign things on it, on which example after example is tried and destroyed."""

    def __init__(self, scene: Scene, forks: Forks) -> None:
        self.scene, self.forks = scene, forks
        conn = scene.conn
        conn.defineXML(FOREIGN_DOMAIN)
        conn.networkDefineXML(FOREIGN_NETWORK).create()
        folder = scene.host.images / "foreign"
        folder.mkdir()
        (folder / "data").write_bytes(b"theirs" * 100)
        pool = f"<pool type='dir'><name>foreign</name><target><path>{folder}</path></target></pool>"
        conn.storagePoolDefineXML(pool).create()
        self.iso = scene.host.images / "some.iso"
        self.iso.write_bytes(bytes(MIB))
        self.foreign = scene.everything()

    def bring_about(self, manifest: Manifest) -> None:
        written = in_place(manifest, self.scene.pool, self.iso)
        self.scene.path.write_text(as_yaml(written))
        note(self.scene.path.read_text())
        answer = self.forks.apply(self.scene.path, self.scene.host.uri, allow=EVERYTHING)
        note(str(answer))
        assert answer["code"] == 0, answer["stderr"]
        assert not answer["refused"], answer["refused"]
        assert not answer["failed"], answer["failed"]
        assert not answer["left"], "after an apply, a second plan is empty. Always."
        self.check_foreign()

    def check_foreign(self) -> None:
        now = self.scene.everything()
        for key, value in self.foreign.items():
            assert now[key] == value, key


@pytest.fixture(scope="module")
def playground(
    libvirtd: PrivateLibvirt, forks: Forks, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playground]:
    from tests.support.hosts import empty

    conn = libvirt.open(libvirtd.uri)
    empty(conn)
    for path in libvirtd.images.iterdir():
        libvirtd.run(["rm", "-rf", str(path)])
    yield Playground(Scene(libvirtd, conn, tmp_path_factory.mktemp("property"), forks), forks)
    empty(conn)
    conn.close()


LIMITS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking costs a second a try: minutes
    suppress_health_check=list(HealthCheck),
)


@LIMITS
@given(st.tuples(manifests(), manifests()))
def test_apply_and_the_plan_is_empty_edit_and_it_is_empty_again(
    playground: Playground, pair: tuple[Manifest, Manifest]
) -> None:
    first, second = pair
    try:
        playground.bring_about(first)
        playground.bring_about(kept_sizes(first, second))
    finally:
        playground.scene.wipe()


def only_networks(made: dict[str, Any]) -> Manifest:
    return {"kvmspec": 1, "project": "anything", "networks": made}


@settings(LIMITS, max_examples=10)
@given(
    st.lists(st.fixed_dictionaries({"n1": network(0)}, optional={"n2": network(1)}), min_size=3, max_size=3)
)
def test_networks_from_any_to_any(playground: Playground, made: list[dict[str, Any]]) -> None:
    try:
        for networks in made:
            playground.bring_about(only_networks(networks))
    finally:
        playground.scene.wipe()


@settings(LIMITS, max_examples=6)
@given(manifests())
def test_destroy_takes_everything_and_nothing_foreign(playground: Playground, manifest: Manifest) -> None:
    try:
        playground.bring_about(manifest)
        scene = playground.scene
        scene.cli("destroy", "--yes", "--allow", "data-loss", expect=0)
        assert scene.everything() == playground.foreign | {
            str(scene.pool): scene.everything()[str(scene.pool)]
        }
    finally:
        playground.scene.wipe()
