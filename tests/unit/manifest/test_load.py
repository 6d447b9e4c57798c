"""Whole manifests: what they resolve to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kvmspec.core.errors import UsageError
from kvmspec.manifest.expand import expand
from kvmspec.manifest.secrets import is_token
from tests.unit.manifest.conftest import Fail, Load
from tests.unit.manifest.specs import SECTIONS, VmSpec

VM = "{cpus: 1, memory: 1GiB}"


def vm(manifest: object, name: str) -> VmSpec:
    """A VM's spec."""
    spec = next(item.spec for item in manifest.of("vm") if item.name == name)  # type: ignore[attr-defined]
    assert isinstance(spec, VmSpec)
    return spec


def names(manifest: object) -> list[str]:
    return [item.name for item in manifest.of("vm")]  # type: ignore[attr-defined]


def test_a_manifest(read: Load) -> None:
    manifest = read(f"id: abc\nnetworks: {{front: {{}}}}\nvms: {{web: {VM}}}\nreleased: [vm/old]\n"
                    "removed: [{volume: scratch, pool: vms}]\nmoved: [{from: vm/www, to: vm/web}]")  # fmt: skip
    assert (manifest.project, manifest.id, manifest.released) == ("shop", "abc", {"old"})
    assert (manifest.removed, manifest.moved) == ((("vms", "scratch"),), (("www", "web"),))
    assert [(item.kind, item.name, item.hosts, item.path) for item in manifest.items] == [
        ("network", "front", ("default",), ("networks", "front")),
        ("vm", "web", ("default",), ("vms", "web")),
    ]
    assert manifest.of("vm")[0].expanded == {"cpus": 1, "memory": "1GiB"}
    assert manifest.hosts["default"].uri == "qemu:///system"


def test_files_of_a_folder_are_merged(read: Load) -> None:
    manifest = read({
        "a.yaml": f"vms: {{a: {VM}}}\nreleased: [vm/x]",
        "sub/b.yml": f"vms: {{b: {VM}}}\nreleased: [vm/y]",
        "c.yaml": "vms:",
        "_skipped.yaml": "nonsense: 1", ".git/x.yaml": "nonsense: 1", "_drafts/x.yaml": "nonsense: 1", "n.txt": "?",
    })  # fmt: skip
    assert names(manifest) == ["a", "b"]
    assert manifest.released == {"x", "y"}


def test_count(read: Load) -> None:
    text = (
        "variables: {n: {default: 2, type: integer}}\nvms:\n"
        '  web: {count: "${n}", cpus: 1, memory: 1GiB, cloud_init: {hostname: "${name}.${host}", index: "${index}"}}\n'
        "  one: {count: 1, cpus: 1, memory: 1GiB}\n  none: {count: 0, cpus: 1, memory: 1GiB}\n"
    )
    manifest = read(text)
    assert names(manifest) == ["one-1", "web-1", "web-2"]
    init = vm(manifest, "web-2").cloud_init
    assert init is not None and (init.hostname, init.index) == ("web-2.default", 2)
    assert {item.path for item in manifest.of("vm")} == {("vms", "one"), ("vms", "web")}
    assert names(read(text, variables={"n": "3"})) == ["one-1", "web-1", "web-2", "web-3"]


MERGES = {
    "short over long": ("cpus: {count: 1, max: 8}", "cpus: 2", {"count": 2, "max": 8}, "cpus"),
    "long over short": ("cpus: 2", "cpus: {max: 8}", {"count": 2, "max": 8}, "cpus"),
    "maps merge deeply": ("cpus: {count: 1, pin: {0: '1'}}", "cpus: {pin: {1: '2'}}",
                          {"count": 1, "pin": {"0": "1", "1": "2"}}, "cpus"),
    "lists replace": ("cpus: 1\ndepends_on: [a]", "depends_on: [b]", ["b"], "depends_on"),
    "null replaces": ("cpus: 1\ncloud_init: {hostname: a}", "cloud_init: null", None, "cloud_init"),
    "disks merge by name": (
        "cpus: 1\ndisks: [{name: root, size: 1GiB}, {volume: gone}, {name: b, size: 2GiB}]",
        "disks: [{name: new, size: 3GiB}, {name: root, bus: scsi}, {volume: v}]",
        [{"name": "root", "size": "1GiB", "bus": "scsi"}, {"name": "b", "size": "2GiB"},
         {"name": "new", "size": "3GiB"}, {"volume": "v"}], "disks"),
    "disks merge with none over": ("cpus: 1\ndisks: [{name: a, size: 1GiB}]", "disks: []", [], "disks"),
    "networks without names replace": ("cpus: 1\nnetworks: [front]", "networks: [{network: lan}]",
                                       [{"network": "lan"}], "networks"),
}  # fmt: skip


@pytest.mark.parametrize(("base", "own", "merged", "field"), MERGES.values(), ids=MERGES)
def test_profiles_merge(read: Load, base: str, own: str, merged: object, field: str) -> None:
    def indent(text: str) -> str:
        return text.replace("\n", "\n    ")

    text = f"""profiles:
  low: {{memory: 1GiB}}
  base:
    extends: low
    {indent(base)}
vms:
  x:
    profile: base
    {indent(own)}
volumes: {{v: {{pool: p, size: 1GiB}}}}
networks: {{lan: {{}}, front: {{}}}}
"""
    assert read(text).of("vm")[0].expanded[field] == merged


def test_defaults_lie_under_profiles(read: Load) -> None:
    manifest = read("""
        defaults: {vms: {cpus: 1, memory: 1GiB, profile: p}, networks: {mode: isolated}}
        profiles: {p: {memory: 2GiB}, q: {cpus: 3}}
        vms: {a: , b: {profile: q, memory: 4GiB}}
        networks: {n: , o: {mode: nat}}
        """)
    assert [dict(item.expanded) for item in manifest.of("vm")] == [
        {"cpus": 1, "memory": "2GiB"}, {"cpus": 3, "memory": "4GiB"},
    ]  # fmt: skip
    assert [item.spec.mode for item in manifest.of("network")] == ["isolated", "nat"]  # type: ignore[attr-defined]
    assert manifest.defaults["networks"] == {"mode": "isolated"}


def test_placement_follows_references(read: Load) -> None:
    manifest = read("""
        hosts: {h1: {uri: a}, h2: {uri: b, labels: {rack: x}}, h3: {uri: c}}
        defaults: {host: h1}
        networks: {front: , lan: , spare: {hosts: [h2, h3]}}
        pools: {p: {type: dir, path: /p}}
        volumes: {v: {pool: p, size: 1GiB}, lonely: {pool: elsewhere, size: 1GiB}}
        vms:
          a: {cpus: 1, memory: 1GiB, networks: [front], host: h2}
          b: {cpus: 1, memory: 1GiB, networks: [front], disks: [{volume: v}], host: h3}
        """)
    assert {item.name: item.hosts for item in manifest.items} == {
        "a": ("h2",), "b": ("h3",), "front": ("h2", "h3"), "lan": ("h1",), "spare": ("h2", "h3"), "v": ("h3",),
        "p": ("h3",), "lonely": ("h1",),
    }  # fmt: skip
    assert manifest.hosts["h2"].labels == {"rack": "x"}


def test_the_only_pool_is_where_its_vms_are(read: Load) -> None:
    manifest = read("""
        hosts: {h1: {uri: a}, h2: {uri: b}}
        pools: {p: {type: dir, path: /p}}
        vms: {a: {cpus: 1, memory: 1GiB, host: h2, disks: [{size: 1GiB}]}}
        """)
    assert manifest.of("pool")[0].hosts == ("h2",)


def test_the_host_comes_from_connect_or_the_environment(read: Load) -> None:
    assert read("", connect="test:///default").hosts["default"].uri == "test:///default"
    assert read("", environ={"LIBVIRT_DEFAULT_URI": "x:///"}).hosts["default"].uri == "x:///"
    with pytest.raises(UsageError):
        read("hosts: {a: {uri: b}}", connect="test:///default")


VARIABLES = """
variables:
  text: {default: a}
  list: {default: [x, y]}
  number: {default: 1.5, type: number}
  flag: {default: false}
  env: {env: E, default: d}
  file: {file: f.txt}
  short: s
  num: {type: integer, env: NUM}
"""


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${text}-${number}-${flag}", "a-1.5-false"),
        ("$$${text}$$ $x $6$s", "$a$ $x $6$s"),
        ("$${text}", "${text}"),
        ("${env}", "from env"),
        ("${env:E}!", "from env!"),
        ("${file}", "content"),
        ("${file:f.txt}", "content"),
        ("${file:~/f.txt}", "content"),
        ("${short}", "s"),
    ],
)
def test_interpolation(read: Load, tmp_path: Path, written: str, value: str) -> None:
    (tmp_path / "f.txt").write_text("content\n")
    text = f"{VARIABLES}networks: {{n: {{domain: '{written}'}}}}"
    manifest = read(text, environ={"E": "from env", "HOME": str(tmp_path)})
    assert manifest.of("network")[0].expanded["domain"] == value


def test_a_whole_reference_keeps_its_type(read: Load) -> None:
    text = f"{VARIABLES}vms: {{v: {{cpus: '${{num}}', memory: 1GiB, depends_on: '${{list}}', autostart: '${{flag}}'}}}}"
    for options in ({"environ": {"NUM": "3"}}, {"variables": {"num": "3"}}):
        assert dict(read(text, **options).of("vm")[0].expanded) == {
            "cpus": 3, "memory": "1GiB", "depends_on": ["x", "y"], "autostart": False,
        }  # fmt: skip
    given = {"num": "1", "list": "p, q", "flag": "true"}
    assert read(text, variables=given).of("vm")[0].expanded["depends_on"] == ["p", "q"]


def test_options_before_files_before_the_environment_before_defaults(read: Load, tmp_path: Path) -> None:
    one, two = tmp_path / "1.vars", tmp_path / "2.vars"
    one.write_text("v: one\nw: one")
    two.write_text("v: two")
    text = "variables: {v: {env: V, default: d}, w: {default: d}}\nnetworks: {n: {domain: '${v} ${w}'}}"

    def domain(**options: object) -> object:
        return read(text, **options).of("network")[0].expanded["domain"]

    assert domain() == "d d"
    assert domain(environ={"V": "env"}) == "env d"
    assert domain(environ={"V": "env"}, var_files=[one]) == "one one"
    assert domain(environ={"V": "env"}, var_files=[one, two]) == "two one"
    assert domain(environ={"V": "env"}, var_files=[one, two], variables={"v": "opt"}) == "opt one"


def test_secrets_are_tokens(read: Load) -> None:
    manifest = read(
        """
        variables: {pw: {env: PW, secret: true}}
        vms:
          a: {cpus: 1, memory: 1GiB, password: "${pw}", cloud_init: {users: [{name: u, password: literal1, keys: ["x${pw}y"]}]}}
          b: {cpus: 1, memory: 1GiB, password: '${env:PW}'}
        """,
        environ={"PW": "hunter22"},
    )
    assert "hunter22" not in repr(manifest) and "literal1" not in repr(manifest)
    assert all(
        "hunter22" not in str(i.expanded) and "literal1" not in str(i.expanded) for i in manifest.items
    )
    spec = vm(manifest, "a")
    assert (
        spec.password is not None and is_token(spec.password) and spec.password == vm(manifest, "b").password
    )
    assert spec.cloud_init is not None
    user = spec.cloud_init.users[0]
    assert [manifest.secrets.reveal(x or "") for x in (spec.password, user.password, user.keys[0])] == [
        "hunter22", "literal1", "xhunter22y",
    ]  # fmt: skip
    assert all(is_token(value) for value in (user.password, *user.keys))


def test_warnings_do_not_raise(read: Load) -> None:
    nic = "networks: [{mac: '52:54:00:00:00:01'}]"
    manifest = read(
        f"vms:\n  a: {{cpus: 1, memory: 1GiB, {nic}}}\n  b: {{cpus: 1, memory: 1GiB, state: stopped, {nic}}}"
    )
    (warning,) = manifest.warnings
    assert warning.warning and warning.path == "vms.b.networks[0].mac" and warning.where is not None


def test_where_finds_what_a_profile_says(read: Load) -> None:
    manifest = read("profiles: {p: {memory: 1GiB,\n  disks: [{name: r, size: 1GiB}]}}\n"
                    "vms:\n  a: {profile: p, cpus: 1, disks: [{name: r,\n bus: scsi}]}")  # fmt: skip
    lines = {
        path: manifest.where(("vms", "a", *path)).line  # type: ignore[union-attr]
        for path in [
            ("memory",),
            ("memory", "size"),
            ("disks", 0, "size"),
            ("disks", 0, "bus"),
            ("cpus", "count"),
        ]
    }
    assert list(lines.values()) == [3, 3, 4, 7, 6]


def test_a_thousand_vms_load_fast(read: Load) -> None:
    text = "vms:\n" + "".join(f"  v{n}: {{cpus: 1, memory: 1GiB, networks: [{{}}]}}\n" for n in range(1000))
    start = time.monotonic()
    assert len(read(text).items) == 1000
    assert time.monotonic() - start < 2


def test_a_count_of_a_billion_is_refused_at_once(fail: Fail) -> None:
    start = time.monotonic()
    (problem,) = fail(f"vms: {{a: {{count: 1000000000, {VM[1:]}}}")
    assert problem.message == "at most 10,000 of one kind" and time.monotonic() - start < 1


def test_expand(read: Load) -> None:
    text = """
        hosts: {h1: {uri: a}, h2: {uri: b, labels: {rack: x}}}
        profiles: {p: {memory: 1GiB, password: geheim}}
        networks: {n: {hosts: [h1, h2]}}
        vms: {v: {profile: p, count: 1, cpus: 1, host: h2, cloud_init: {users: [{name: u, password: geheim}]}}}
        """
    assert expand(read(text), SECTIONS) == {
        "kvmspec": 1,
        "project": "shop",
        "hosts": {"h1": {"uri": "a"}, "h2": {"uri": "b", "labels": {"rack": "x"}}},
        "networks": {"n": {"hosts": ["h1", "h2"]}},
        "vms": {"v-1": {"host": "h2", "memory": "1GiB", "cpus": 1, "password": "(secret)",
                        "cloud_init": {"users": [{"name": "u", "password": "(secret)"}]}}},
    }  # fmt: skip
