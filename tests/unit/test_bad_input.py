"""What bad input gets: exit 3, each problem with its place, within a second, and never a traceback."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.forks import Forks

HEAD = "kvmspec: 1\nproject: shop\n"


@pytest.fixture(scope="module")
def kvmspec() -> Iterator[Forks]:
    with Forks() as forks:
        yield forks


def net(body: str, name: str = "front") -> str:
    return f"{HEAD}networks:\n  {name}: {{{body}}}\n"


def vm(body: str, more: str = "") -> str:
    """A manifest with one VM, whose fields begin on line 5."""
    return f"{HEAD}vms:\n  web:\n    cpus: 1\n    memory: 1GiB\n    {body}\n{more}"


def field(body: str) -> str:
    return f"{HEAD}vms:\n  web:\n    {body}\n"


BAD: dict[str, tuple[str, str]] = {  # what is wrong → the manifest, and what the problem has to name
    "broken yaml": (HEAD + "vms: {web: [\n", ""),
    "a tab": (HEAD + "vms:\n\tweb: {}\n", ""),
    "unclosed quote": (HEAD + 'vms: {web: {title: "x}}\n', ""),
    "two documents": (HEAD + "---\nproject: other\n", ""),
    "a list": ("- kvmspec: 1\n", ""),
    "a scalar": ("hello\n", ""),
    "no version": ("project: shop\n", "kvmspec"),
    "no project": ("kvmspec: 1\n", "project"),
    "another version": ("kvmspec: 2\nproject: shop\n", "kvmspec"),
    "version is text": ("kvmspec: one\nproject: shop\n", "kvmspec"),
    "duplicate key": (HEAD + "vms:\n  web: {cpus: 1, memory: 1GiB, cpus: 2}\n", "cpus"),
    "duplicate name": (
        HEAD + "vms:\n  web: {cpus: 1, memory: 1GiB}\n  web: {cpus: 1, memory: 1GiB}\n",
        "web",
    ),
    "duplicate section": (HEAD + "vms: {}\nvms: {}\n", "vms"),
    "unknown section": (HEAD + "vmz: {}\n", "vms"),
    "unknown key": (vm("descriptoin: x"), "description"),
    "unknown deep key": (vm("lifecycle: {prevent_destory: true}"), "prevent_destroy"),
    "size without a unit": (field("cpus: 1\n    memory: 1024"), "unit"),
    "size as a float": (field("cpus: 1\n    memory: 1.5"), "unit"),
    "size with another unit": (field("cpus: 1\n    memory: 1potato"), "memory"),
    "disk size without a unit": (
        vm("disks: [{name: a, size: 20}]", "pools: {p: {type: dir, path: /p}}\n"),
        "unit",
    ),
    "negative size": (field("cpus: 1\n    memory: -1GiB"), "memory"),
    "no memory at all": (field("cpus: 1\n    memory: 0MiB"), "memory"),
    "absurd memory": (field("cpus: 1\n    memory: 99999999999999TiB"), "memory"),
    "absurd cpus": (field("cpus: 100000000000\n    memory: 1GiB"), "cpus"),
    "no cpu": (field("cpus: 0\n    memory: 1GiB"), "cpus"),
    "negative cpus": (field("cpus: -1\n    memory: 1GiB"), "cpus"),
    "cpus as text": (field("cpus: many\n    memory: 1GiB"), "cpus"),
    "cpus above max": (field("cpus: {count: 4, max: 2}\n    memory: 1GiB"), "max"),
    "cpus as a float": (field("cpus: 1.5\n    memory: 1GiB"), "cpus"),
    "infinite cpus": (field("cpus: .inf\n    memory: 1GiB"), "cpus"),
    "a number of 5000 digits": (field(f"cpus: {'9' * 5000}\n    memory: 1GiB"), "cpus"),
    "a count of a billion": (vm("count: 1000000000"), "count"),
    "a negative count": (vm("count: -1"), "count"),
    "yes is not true": (vm("autostart: yes"), "autostart"),
    "overlapping subnets": (
        HEAD + "networks:\n  a: {mode: nat, subnet: 10.0.0.0/16}\n  b: {mode: nat, subnet: 10.0.4.0/24}\n",
        "overlap",
    ),
    "the same subnet twice": (
        HEAD
        + "networks:\n  a: {mode: nat, subnet: 10.0.0.0/24}\n  b: {mode: isolated, subnet: 10.0.0.0/24}\n",
        "10.0.0.0",
    ),
    "a range outside its subnet": (
        net("mode: nat, subnet: 10.0.0.0/24, dhcp: {start: 10.0.1.10, end: 10.0.1.20}"),
        "subnet",
    ),
    "a range that ends before it starts": (
        net("mode: nat, subnet: 10.0.0.0/24, dhcp: {start: 10.0.0.20, end: 10.0.0.10}"),
        "dhcp",
    ),
    "half a range": (net("mode: nat, subnet: 10.0.0.0/24, dhcp: {start: 10.0.0.20}"), "end"),
    "a range with the gateway in it": (
        net("mode: nat, subnet: 10.0.0.0/24, dhcp: {start: 10.0.0.1, end: 10.0.0.10}"),
        "dhcp",
    ),
    "a reservation outside": (
        net(
            'mode: nat, subnet: 10.0.0.0/24, dhcp: {start: 10.0.0.2, end: 10.0.0.9, hosts: [{mac: "52:54:00:00:00:01", ip: 10.9.9.9}]}'
        ),
        "10.9.9.9",
    ),
    "a reservation twice": (
        net(
            'mode: nat, subnet: 10.0.0.0/24, dhcp: {hosts: [{mac: "52:54:00:00:00:01", ip: 10.0.0.9}, {mac: "52:54:00:00:00:02", ip: 10.0.0.9}]}'
        ),
        "10.0.0.9",
    ),
    "not a subnet": (net("mode: nat, subnet: 300.0.0.0/24"), "subnet"),
    "host bits in a subnet": (net("mode: nat, subnet: 10.0.0.5/24"), "subnet"),
    "too small a subnet": (net("mode: nat, subnet: 10.0.0.0/32"), "subnet"),
    "gateway outside": (net("mode: nat, subnet: 10.0.0.0/24, gateway: 10.1.0.1"), "gateway"),
    "absurd mtu": (net("mode: nat, subnet: 10.0.0.0/24, mtu: 1000000"), "mtu"),
    "a mode that is not": (net("mode: natt, subnet: 10.0.0.0/24"), "nat"),
    "bridge without a bridge": (net("mode: bridge"), "bridge"),
    "a bridge name too long": (net("mode: bridge, bridge: abcdefghijklmnop"), "bridge"),
    "a bridge name with a slash": (net("mode: bridge, bridge: ../br0"), "bridge"),
    "a multicast mac": (vm('networks: [{network: n, mac: "01:00:5e:00:00:01"}]'), "multicast"),
    "not a mac": (vm('networks: [{network: n, mac: "52:54:00:00:00"}]'), "mac"),
    "the same mac twice": (
        vm(
            'networks: [{network: n, mac: "52:54:00:00:00:01"}, {network: n, name: m, mac: "52:54:00:00:00:01"}]'
        ),
        "52:54:00:00:00:01",
    ),
    "the same mac in two vms": (
        vm(
            'networks: [{network: n, mac: "52:54:00:00:00:01"}]',
            '  db:\n    cpus: 1\n    memory: 1GiB\n    networks: [{network: n, mac: "52:54:00:00:00:01"}]\n',
        ),
        "52:54:00:00:00:01",
    ),
    "a profile that is nowhere": (vm("profile: base"), "base"),
    "a volume that is nowhere": (vm("disks: [{volume: pg}]"), "pg"),
    "a variable that is nowhere": (vm("title: ${nowhere}"), "nowhere"),
    "an environment variable that is not set": (vm("title: ${env:KVMSPEC_NOWHERE}"), "KVMSPEC_NOWHERE"),
    "a file that is nowhere": (vm("title: ${file:/nowhere/at/all}"), "/nowhere/at/all"),
    "depends on nothing": (vm("depends_on: [nowhere]"), "nowhere"),
    "depends on itself": (vm("depends_on: [web]"), "web"),
    "a cycle in depends_on": (
        vm("depends_on: [db]", "  db: {cpus: 1, memory: 1GiB, depends_on: [web]}\n"),
        "circle",
    ),
    "a cycle in extends": (
        HEAD
        + "profiles:\n  a: {extends: b}\n  b: {extends: a}\nvms: {web: {profile: a, cpus: 1, memory: 1GiB}}\n",
        "circle",
    ),
    "extends nothing": (HEAD + "profiles:\n  a: {extends: b}\n", "b"),
    "a host that is nowhere": (vm("host: hv9"), "hv9"),
    "a counted vm clashes": (vm("count: 2", "  web-1: {cpus: 1, memory: 1GiB}\n"), "web-1"),
    "the same disk name twice": (
        vm("disks: [{name: a, size: 1GiB}, {name: a, size: 1GiB}]", "pools: {p: {type: dir, path: /p}}\n"),
        "a",
    ),
    "a disk of nothing": (vm("disks: [{name: a}]"), "disks"),
    "a disk of two sorts": (vm("disks: [{name: a, size: 1GiB, path: /x}]"), "disks"),
    "a name with a slash": (HEAD + 'vms: {"a/b": {cpus: 1, memory: 1GiB}}\n', "a/b"),
    "a name that climbs": (HEAD + 'vms: {"../../etc/passwd": {cpus: 1, memory: 1GiB}}\n', ""),
    "two dots": (HEAD + 'vms: {"..": {cpus: 1, memory: 1GiB}}\n', ""),
    "an empty name": (HEAD + 'vms: {"": {cpus: 1, memory: 1GiB}}\n', ""),
    "a name with a newline": (HEAD + 'vms: {"a\\nb": {cpus: 1, memory: 1GiB}}\n', ""),
    "a name out of its element": (HEAD + 'vms: {"a</name><x/>": {cpus: 1, memory: 1GiB}}\n', ""),
    "a name with a null": (HEAD + 'vms: {"a\\0b": {cpus: 1, memory: 1GiB}}\n', ""),
    "a name too long": (HEAD + f"vms: {{{'a' * 300}: {{cpus: 1, memory: 1GiB}}}}\n", ""),
    "a name of blanks": (HEAD + 'vms: {"  ": {cpus: 1, memory: 1GiB}}\n', ""),
    "a number as a name": (HEAD + "vms: {[1]: {cpus: 1, memory: 1GiB}}\n", ""),
    "a volume's name that climbs": (
        HEAD + 'pools: {p: {type: dir, path: /p}}\nvolumes: {"../x": {pool: p, size: 1GiB}}\n',
        "../x",
    ),
    "a network's name that climbs": (net("mode: nat, subnet: 10.0.0.0/24", '"../x"'), "../x"),
    "a disk's name that climbs": (
        vm("disks: [{name: ../../x, size: 1GiB}]", "pools: {p: {type: dir, path: /p}}\n"),
        "../../x",
    ),
    "a control character in a text": (vm('description: "a\\x01b"'), "description"),
    "a title of two lines": (vm('title: "a\\nb"'), "title"),
    "a pool path that is not absolute": (HEAD + "pools:\n  p: {type: dir, path: srv/vms}\n", "path"),
    "a pool type of later": (HEAD + "pools:\n  p: {type: rbd}\n", "rbd"),
    "a field of later": (net("mode: nat, subnet: 10.0.0.0/24, dhcp: {options: {}}"), "options"),
    "a mode of later": (net("mode: sriov"), "sriov"),
    "xml that is none": (vm("xml: <domain>"), "xml"),
    "xml of something else": (vm("xml: <network/>"), "xml"),
    "xml with an entity": (
        vm("xml: '<!DOCTYPE d [<!ENTITY e \"x\">]><domain><title>&e;</title></domain>'"),
        "xml",
    ),
    "a tag that runs code": (
        HEAD + 'vms: !!python/object/apply:os.system ["touch /tmp/kvmspec-owned"]\n',
        "",
    ),
    "a tag on a value": (vm("title: !!python/name:os.system x"), ""),
    "a private tag": (vm("title: !secret x"), ""),
    "a secret that is too long": (
        vm(
            'graphics: [{type: vnc, password: "${long}"}]',
            "variables: {long: {default: ninechars, secret: true}}\n",
        ),
        "at most 8 characters",
    ),
    "an alias to nothing": (vm("title: *nowhere"), "nowhere"),
    "an alias to itself": (HEAD + "vms: &a {web: *a}\n", ""),
    "a reserved variable": (HEAD + "variables: {index: {default: 1}}\n", "index"),
    "a bad duration": (vm("lifecycle: {shutdown_timeout: 90}"), "shutdown_timeout"),
    "a bad uuid": (vm("uuid: not-one"), "uuid"),
    "a bad state": (vm("state: sleeping"), "state"),
    "moved from nothing to nothing": (HEAD + "moved: [{from: web, to: vm/x}]\n", "moved"),
    "moved and still there": (vm("title: x", "moved: [{from: vm/web, to: vm/gone}]\n"), ""),
    "released and still there": (vm("title: x", "released: [vm/web]\n"), "web"),
    "removed and still there": (
        HEAD
        + "pools: {p: {type: dir, path: /p}}\nvolumes: {v: {pool: p, size: 1GiB}}\nremoved: [{volume: v, pool: p}]\n",
        "v",
    ),
    "a password too long for vnc": (vm("graphics: [{type: vnc, password: longer-than-8}]"), "password"),
    "null for a map": (HEAD + "vms: {web: [1]}\n", "web"),
    "unquoted reference in a flow mapping": (
        HEAD + "variables: {n: {default: 1}}\nvms: {web: {cpus: ${n}, memory: 1GiB}}\n",
        "quot",
    ),
}


def problems(told: str) -> list[str]:
    return re.findall(r"^error: .*$", told, re.MULTILINE)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_exit_3_with_its_place(kvmspec: Forks, tmp_path: Path, name: str) -> None:
    text, named = BAD[name]
    path = tmp_path / "kvmspec.yaml"
    path.write_text(text)
    answer = kvmspec.ask(argv=["validate", str(path)])
    told = answer["stdout"] + answer["stderr"]
    assert answer["code"] == 3, told
    assert "Traceback" not in told
    assert problems(told), told
    for problem in problems(told):
        assert re.match(rf"error: {re.escape(str(path))}:\d+:\d+: ", problem), problem
    assert named in told, told
    assert answer["cpu"] < 1
    assert not Path("/tmp/kvmspec-owned").exists()


@pytest.mark.parametrize(
    "data", [b"\x00\xff\xfe" * 100, b"\xff\xfek\x00v\x00", bytes(range(256)) * 40, b"\x89PNG\r\n\x1a\n", b""]
)
def test_random_bytes(kvmspec: Forks, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "kvmspec.yaml"
    path.write_bytes(data)
    answer = kvmspec.ask(argv=["validate", str(path)])
    assert answer["code"] == 3, answer
    assert str(path) in answer["stderr"] and "Traceback" not in answer["stderr"]


@pytest.mark.parametrize("merge", [False, True])
def test_alias_bombs(kvmspec: Forks, tmp_path: Path, merge: bool) -> None:
    lines = ["x0: &x0 {a: 1}"]
    for i in range(1, 30):
        inner = f"<<: [*x{i - 1}, *x{i - 1}]" if merge else f"a: *x{i - 1}, b: *x{i - 1}, c: *x{i - 1}"
        lines.append(f"x{i}: &x{i} {{{inner}}}")
    path = tmp_path / "kvmspec.yaml"
    path.write_text(HEAD + "\n".join(lines) + "\nvms: *x29\n")
    answer = kvmspec.ask(argv=["validate", str(path)])
    assert answer["code"] == 3, answer
    assert "Traceback" not in answer["stderr"]
    assert answer["cpu"] < 1
    assert len(answer["stderr"]) < 100_000


def test_deep_nesting(kvmspec: Forks, tmp_path: Path) -> None:
    path = tmp_path / "kvmspec.yaml"
    for text in ("[" * 5000, "vms: " + "{a: " * 3000 + "1" + "}" * 3000, "- " * 5000):
        path.write_text(HEAD + "vms: " + text + "\n")
        answer = kvmspec.ask(argv=["validate", str(path)])
        assert answer["code"] == 3, answer["stderr"][:2000]
        assert "Traceback" not in answer["stderr"]
        assert answer["cpu"] < 1


def test_every_problem_at_once(kvmspec: Forks, tmp_path: Path) -> None:
    path = tmp_path / "kvmspec.yaml"
    path.write_text(
        HEAD + "nets: {}\nvms:\n  web: {cpus: 0, memory: 1024, foo: 1}\n  db: {profile: no, count: -1}\n"
    )
    answer = kvmspec.ask(argv=["validate", str(path)])
    assert answer["code"] == 3
    lines = {int(line) for line in re.findall(rf"{re.escape(str(path))}:(\d+):", answer["stderr"])}
    assert lines >= {3, 5, 6}
    assert len(problems(answer["stderr"])) >= 5
    assert "^" in answer["stderr"], "with a caret"


def test_the_same_name_in_two_files_shows_both_places(kvmspec: Forks, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(HEAD + "vms: {web: {cpus: 1, memory: 1GiB}}\n")
    (tmp_path / "b.yml").write_text("vms:\n  web: {cpus: 1, memory: 1GiB}\n")
    (tmp_path / "_skipped.yaml").write_text("][")
    (tmp_path / ".hidden.yaml").write_text("][")
    answer = kvmspec.ask(argv=["validate", str(tmp_path)])
    assert answer["code"] == 3
    assert "a.yaml" in answer["stderr"] and "b.yml:2:3" in answer["stderr"]
    assert "skipped" not in answer["stderr"] and "hidden" not in answer["stderr"]


@pytest.mark.parametrize(
    "argv", [["plan"], ["apply", "--yes"], ["destroy", "--yes"], ["render"], ["status"], ["validate"]]
)
def test_every_command_says_it_alike(kvmspec: Forks, tmp_path: Path, argv: list[str]) -> None:
    path = tmp_path / "kvmspec.yaml"
    path.write_text(vm("titel: x"))
    answer = kvmspec.ask(argv=[argv[0], str(path), *argv[1:]])
    assert answer["code"] == 3
    assert f"{path}:7:5: " in answer["stderr"] and "title" in answer["stderr"]


def test_no_file_and_no_manifest(kvmspec: Forks, tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        answer = kvmspec.ask(argv=["plan", str(path)])
        assert answer["code"] in (3, 64), answer
        assert str(path) in answer["stderr"] and "Traceback" not in answer["stderr"]


@pytest.mark.parametrize("command", ["plan", "apply", "destroy", "status"])
def test_a_libvirtd_that_is_not_running(kvmspec: Forks, tmp_path: Path, command: str) -> None:
    path = tmp_path / "kvmspec.yaml"
    path.write_text(HEAD + "vms: {web: {cpus: 1, memory: 1GiB}}\n")
    socket = tmp_path / "no-sock"
    more = ["--yes"] if command in ("apply", "destroy") else []
    started = time.monotonic()
    answer = kvmspec.ask(
        argv=[command, str(path), *more, "--connect", f"qemu+unix:///system?socket={socket}"]
    )
    told = answer["stdout"] + answer["stderr"]
    assert answer["code"] == 5, told
    assert str(socket) in re.sub(r"\s", "", told), "which socket"
    assert "systemctl start libvirtd" in re.sub(r"\s+", " ", told), "how to start it"
    assert "Traceback" not in told
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "argv",
    [
        ["plan", "--nonsense"],
        ["nonsense"],
        ["apply", "--allow", "everything"],
        ["plan", "--target", "web"],
        ["apply", "--parallelism", "0"],
    ],
)
def test_wrong_usage(kvmspec: Forks, tmp_path: Path, argv: list[str]) -> None:
    path = tmp_path / "kvmspec.yaml"
    path.write_text(HEAD)
    answer = kvmspec.ask(argv=[argv[0], str(path), *argv[1:]])
    assert answer["code"] == 64, answer
    assert "Traceback" not in answer["stderr"]
