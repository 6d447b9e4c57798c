"""What is wrong with a manifest: message, place, path and hint of every sort of mistake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvmspec.core.errors import ManifestError
from kvmspec.manifest.load import load
from tests.unit.manifest.conftest import Fail, Load
from tests.unit.manifest.specs import SECTIONS

OK = "cpus: 1, memory: 1GiB"

# name → (manifest below its two head lines, with ¦ where the problem is; `path: message`; hint)
CASES: dict[str, tuple[str, str, str]] = {
    "unknown root key": (
        "¦vm: {}",
        "vm: unknown key `vm`",
        "did you mean `vms`?",
    ),
    "unknown key": (
        "vms:\n  a:\n    cpus: {¦cuont: 1}\n    memory: 1GiB",
        "vms.a.cpus.cuont: unknown key `cuont`",
        "did you mean `count`?",
    ),
    "unknown key of the loader's": (
        "vms: {a: {OK, ¦cuont: 1}}",
        "vms.a.cuont: unknown key `cuont`",
        "did you mean `count`?",
    ),
    "missing": (
        "vms:\n  ¦a:\n    cpus: 1",
        "vms.a: `memory` is required",
        "",
    ),
    "missing in an empty VM": (
        "vms:\n  ¦a:",
        "vms.a: `cpus` is required",
        "",
    ),
    "size without unit": (
        "vms: {a: {cpus: 1, memory: ¦512}}",
        "vms.a.memory: a size needs a unit, such as 512MiB or 512GiB",
        "",
    ),
    "absurd size": (
        "vms: {a: {cpus: 1, memory: ¦99999999EiB}}",
        "vms.a.memory: a size must be above zero and below 8EiB",
        "",
    ),
    "absurd number": (
        "vms: {a: {cpus: ¦99999999, memory: 1GiB}}",
        "vms.a.cpus: must be at most 4096",
        "",
    ),
    "negative number": (
        "vms: {a: {cpus: ¦-1, memory: 1GiB}}",
        "vms.a.cpus: must be at least 1",
        "",
    ),
    "wrong type": (
        "vms: {a: {cpus: ¦[], memory: 1GiB}}",
        "vms.a.cpus: expected a whole number",
        "",
    ),
    "yes is no bool": (
        "vms: {a: {OK, autostart: ¦yes}}",
        "vms.a.autostart: expected true or false",
        "",
    ),
    "literal": (
        "vms: {a: {OK, state: ¦runing}}",
        "vms.a.state: expected `running`, `stopped` or `any`",
        "did you mean `running`?",
    ),
    "number for text": (
        "vms: {a: {OK, description: ¦5}}",
        "vms.a.description: expected text; put it in quotes",
        "",
    ),
    "union of scalars": (
        "vms: {a: {OK, serial: ¦[]}}",
        "vms.a.serial: expected a whole number or text",
        "",
    ),
    "union with a custom type": (
        "vms: {a: {OK, balloon: ¦3}}",
        "vms.a.balloon: a size needs a unit, such as 3MiB or 3GiB",
        "",
    ),
    "union of a list and a map, a map": (
        "vms: {a: {OK, ¦boot: {cmdline: x}}}",
        "vms.a.boot: `kernel` is required",
        "",
    ),
    "union of a list and a map, a list": (
        "vms: {a: {OK, boot: [¦disc]}}",
        "vms.a.boot[0]: expected `disk` or `network`",
        "did you mean `disk`?",
    ),
    "union of a list and a map, neither": (
        "vms: {a: {OK, boot: ¦1}}",
        "vms.a.boot: expected a list or a map",
        "",
    ),
    "entry by name": (
        "vms: {a: {OK, disks: [{name: root, size: ¦5}]}}",
        "vms.a.disks.root.size: a size needs a unit, such as 5MiB or 5GiB",
        "",
    ),
    "entry by index": (
        "vms: {a: {OK, disks: [¦{volume: v, size: 1GiB}]}}",
        "vms.a.disks[0]: a disk needs one of `size` and `volume`",
        "",
    ),
    "later": (
        "vms: {a: {OK, ¦numa: 1}}",
        "vms.a.numa: `numa` is part of the format, but this version does not support it yet",
        "",
    ),
    "section is a list": (
        "vms: ¦[a]",
        "vms: `vms` must be a map of names",
        "as in `vms: {name: …}`",
    ),
    "object is a list": (
        "vms: {a: ¦[1]}",
        "vms.a: expected a map of fields",
        "",
    ),
    "name with a slash": (
        "vms: {¦../etc: {OK}}",
        'vms."../etc": `../etc` is not a name: a name is 1 to 63 letters, digits, `_`, `.`, `+` or `-`, and starts with a letter, digit or `_`',
        "",
    ),
    "unknown profile": (
        "profiles: {base: {}}\nvms: {a: {OK, profile: ¦bsae}}",
        "vms.a.profile: there is no profile `bsae`",
        "did you mean `base`?",
    ),
    "unknown extends": (
        "profiles: {p: {extends: ¦nowhere}}\nvms: {a: {profile: p, OK}}",
        "profiles.p.extends: there is no profile `nowhere`",
        "known: p",
    ),
    "cycle of extends": (
        "profiles:\n  a: {extends: ¦b}\n  b: {extends: c}\n  c: {extends: a}\nvms: {v: {profile: b}}",
        "profiles.a.extends: profiles extend each other in a circle: a → b → c → a",
        "",
    ),
    "profile that extends itself": (
        "profiles: {a: {extends: ¦a}}",
        "profiles.a.extends: profiles extend each other in a circle: a → a",
        "",
    ),
    "unused profile": (
        "profiles: {p: {memory: ¦1}}",
        "profiles.p.memory: a size needs a unit, such as 1MiB or 1GiB",
        "",
    ),
    "count in a profile": (
        "profiles: {p: {¦count: 2}}",
        "profiles.p.count: `count` does not belong here",
        "each VM says its own",
    ),
    "mistake in a used profile, once": (
        "profiles: {p: {disks: [{name: r, size: ¦1}]}}\nvms: {a: {profile: p, count: 3, OK}, b: {profile: p, OK}}",
        "profiles.p.disks.r.size: a size needs a unit, such as 1MiB or 1GiB",
        "",
    ),
    "mistake that only the merging makes": (
        "profiles:\n  p: {disks: [{name: r, size: 1GiB}]}\nvms:\n  a: {profile: p, OK, disks: [¦{name: r, volume: v}]}",
        "vms.a.disks.r: a disk needs one of `size` and `volume`",
        "",
    ),
    "unknown defaults": (
        "defaults: {¦vm: {}}",
        "defaults.vm: unknown key `vm`",
        "did you mean `vms`?",
    ),
    "count is text": (
        "vms: {a: {OK, count: ¦many}}",
        "vms.a.count: expected a whole number, 0 or more",
        "",
    ),
    "count is negative": (
        "vms: {a: {OK, count: ¦-1}}",
        "vms.a.count: expected a whole number, 0 or more",
        "",
    ),
    "unknown host": (
        "hosts: {hv1: {uri: x}}\nvms: {a: {OK, host: ¦hv2}}",
        "vms.a.host: there is no host `hv2`",
        "did you mean `hv1`?",
    ),
    "host of many": (
        "hosts: {h1: {uri: x}, h2: {uri: y}}\nvms: {¦a: {OK}}",
        "vms.a: nothing says on which host this is",
        "add `host:`, or `defaults: {host: …}`; known: h1, h2",
    ),
    "hosts of a network": (
        "networks: {n: {hosts: [¦x]}}",
        "networks.n.hosts[0]: there is no host `x`",
        "known: default",
    ),
    "network without a host": (
        "hosts: {h1: {uri: x}, h2: {uri: y}}\nnetworks: {¦n: {}}",
        "networks.n: nothing says on which host this is",
        "add `hosts: […]`, or `defaults: {host: …}`; known: h1, h2",
    ),
    "host without uri": (
        "hosts: {¦h1: {labels: {}}}",
        "hosts.h1: `uri` is required",
        "",
    ),
    "moved to nowhere": (
        "moved: [{from: vm/a, to: ¦vm/b}]",
        "moved[0].to: there is no VM `b` in the manifest",
        "",
    ),
    "moved from a declared VM": (
        "moved: [{from: ¦vm/a, to: vm/b}]\nvms: {a: {OK}, b: {OK}}",
        "moved[0].from: the VM `a` is still declared",
        "a VM moves from a name that is no longer declared",
    ),
    "moved is no VM": (
        "moved: [{from: ¦network/a, to: vm/b}]",
        "moved[0].from: expected a VM's address, such as vm/web",
        "",
    ),
    "released is declared": (
        "released: [¦vm/a]\nvms: {a: {OK}}",
        "released[0]: the VM `a` is still declared",
        "remove it from `vms`, or from here",
    ),
    "removed is declared": (
        "removed: [¦{volume: v, pool: p}]\nvolumes: {v: {pool: p, size: 1GiB}}",
        "removed[0]: the volume `v` is still declared",
        "remove it from `volumes`, or from here",
    ),
    "unset variable": (
        'networks: {n: {domain: "a ¦${nowhere}"}}',
        "networks.n.domain: there is no variable `nowhere`",
        "declare it in `variables:`; for a literal dollar sign write `$$`",
    ),
    "nearly a variable": (
        "variables: {domain: a}\nnetworks: {n: {domain: '¦${domian}'}}",
        "networks.n.domain: there is no variable `domian`",
        "did you mean `domain`?",
    ),
    "variable without a value": (
        "variables: {v: {env: VVV}}\nnetworks: {n: {domain: '¦${v}'}}",
        "networks.n.domain: the variable `v` has no value",
        "give it with --var v=… or set $VVV",
    ),
    "unset environment": (
        "networks: {n: {domain: '¦${env:NOPE}'}}",
        "networks.n.domain: the environment variable `NOPE` is not set",
        "export NOPE=…",
    ),
    "unclosed reference": (
        "networks: {n: {domain: 'a¦${b'}}",
        "networks.n.domain: this `${` has no `}`",
        "for a literal dollar sign write `$$`",
    ),
    "shell's default": (
        "networks: {n: {domain: '¦${HOME:-x}'}}",
        "networks.n.domain: `${HOME:-x}` is not a reference",
        "for a literal dollar sign write `$$`",
    ),
    "list in a text": (
        "variables: {l: {default: [a]}}\nnetworks: {n: {domain: '¦x ${l}'}}",
        "networks.n.domain: a list cannot be part of a text",
        "use the reference alone, as the whole value",
    ),
    "reference in a key": (
        "vms: {a: {memory: 1GiB, cpus: {count: 1, pin: {¦'${x}': '1'}}}}",
        "vms.a.cpus.pin.${x}: a key cannot hold a reference",
        "only values are interpolated",
    ),
    "index without count": (
        "vms:\n  a: {OK, cloud_init: {hostname: 'a-¦${index}'}}",
        "vms.a.cloud_init.hostname: `${index}` has a value only in a VM with `count`",
        "add `count:`, or use `${name}`",
    ),
    "index outside VMs": (
        "networks: {n: {domain: '¦${index}'}}",
        "networks.n.domain: `${index}` has a value only inside a VM",
        "declare a variable instead",
    ),
    "reserved variable": (
        "variables: {¦index: 1}",
        "variables.index: the variable name `index` is reserved",
        "choose another",
    ),
    "variable of the wrong type": (
        "variables: {n: {default: ¦many, type: integer}}\nvms: {a: {cpus: '${n}', memory: 1GiB}}",
        "variables.n.default: variable `n`: expected a whole number",
        "",
    ),
    "depends_on in a circle": (
        "vms: {a: {OK, depends_on: ¦[b]}, b: {OK, depends_on: [a]}}",
        "vms.a.depends_on: VMs depend on each other: a → b → a",
        "",
    ),
    "check": (
        "vms: {a: {OK, networks: [¦nowhere]}}",
        "vms.a.networks[0].network: there is no network `nowhere`",
        "",
    ),
    "no check of what failed": (
        "networks: {n: {mode: ¦natt}}\nvms: {a: {OK, networks: [n]}}",
        "networks.n.mode: expected `nat`, `route` or `isolated`",
        "did you mean `nat`?",
    ),
}


@pytest.mark.parametrize(("text", "expected", "hint"), CASES.values(), ids=CASES)
def test_mistakes(fail: Fail, tmp_path: Path, text: str, expected: str, hint: str) -> None:
    before = text.partition("¦")[0].replace("OK", OK)
    text = text.replace("¦", "").replace("OK", OK)
    line, column = before.count("\n") + 3, len(before.rpartition("\n")[2]) + 1
    problems = fail(text)
    assert str(problems[0]) == f"{tmp_path}/m.yaml:{line}:{column}: {expected}"
    assert problems[0].hint == hint
    assert problems[0].where is not None and problems[0].where.source
    assert len(problems) == 1 + (text == "vms:\n  a:")  # that one lacks its memory, too


HEADS = {
    "project: a": "`kvmspec` is required",
    "kvmspec: 1": "`project` is required",
    "kvmspec: 2\nproject: a": "this kvmspec reads format version 1: write `kvmspec: 1`",
    "kvmspec: '1'\nproject: a": "this kvmspec reads format version 1: write `kvmspec: 1`",
    "kvmspec: 1\nproject: a/b": "a name is 1 to 63 letters",
    "": "the file is empty; expected a map",
    "- a": "the file holds a list; expected a map",
    "text": "the file holds a single value; expected a map",
}


@pytest.mark.parametrize(("text", "message"), HEADS.items())
def test_heads(fail: Fail, text: str, message: str) -> None:
    (problem,) = fail(text, head=False)
    assert problem.message.startswith(message) and problem.where is not None


def test_the_same_name_in_two_files(fail: Fail, tmp_path: Path) -> None:
    problems = fail({"a.yaml": "vms:\n  web: {}", "b.yaml": "kvmspec: 1\nvms: {web: {}}"})
    told = [str(problem) for problem in problems if "already" in problem.message]
    assert told == [
        f"{tmp_path}/b.yaml:1:1: kvmspec: `kvmspec` is already defined at {tmp_path}/a.yaml:1:1",
        f"{tmp_path}/b.yaml:2:7: vms.web: `web` in `vms` is already defined at {tmp_path}/a.yaml:4:3",
    ]


def test_a_clash_with_a_counted_vm(fail: Fail, tmp_path: Path) -> None:
    (problem,) = fail(f"vms:\n  web: {{count: 2, {OK}}}\n  web-1: {{{OK}}}")
    assert str(problem) == (
        f"{tmp_path}/m.yaml:5:3: vms.web-1: the vm `web-1` is already defined at {tmp_path}/m.yaml:4:3"
    )


def test_everything_is_told_at_once_in_order(fail: Fail) -> None:
    problems = fail(
        {
            "a.yaml": f"vms: {{a: {{memory: 1}}, b: {{x: 1, {OK}}}}}\nnope: 1",
            "b.yaml": "networks: {n: {mode: x}}",
        }
    )
    assert [problem.message for problem in problems] == [
        "`cpus` is required",
        "a size needs a unit, such as 1MiB or 1GiB",
        "unknown key `x`",
        "unknown key `nope`",
        "expected `nat`, `route` or `isolated`",
    ]


def test_many_problems_are_capped(fail: Fail) -> None:
    problems = fail("networks:\n" + "".join(f"  n{n}: {{mode: x}}\n" for n in range(150)))
    assert len(problems) == 101 and problems[-1].message == "and 50 more problems"


def test_every_broken_file_is_told(fail: Fail) -> None:
    problems = fail({"a.yaml": "a: [", "b.yaml": "b: {", "c.yaml": "c: 1"})
    assert [Path(problem.where.file).name for problem in problems if problem.where] == ["a.yaml", "b.yaml"]


def test_missing_paths(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ManifestError) as caught:
        load([tmp_path / "nowhere.yaml", empty], sections=SECTIONS, environ={})
    assert [problem.message.partition(": ")[2] for problem in caught.value.problems] == [
        "no *.yaml or *.yml file in this folder",
        "no such file or folder",
    ]


def test_undeclared_variables(fail: Fail, tmp_path: Path) -> None:
    (tmp_path / "x.vars").write_text("other: 1")
    problems = fail("variables: {domain: x}", variables={"domian": "y"}, var_files=[tmp_path / "x.vars"])
    assert [(problem.message, problem.path, problem.hint) for problem in problems] == [
        ("there is no variable `domian`", "--var domian", "did you mean `domain`?"),
        ("there is no variable `other`", f"--var-file {tmp_path}/x.vars: other", "known: domain"),
    ]


def test_files_that_cannot_be_used(fail: Fail, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (2**20 + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    text = "networks:\n" + "".join(
        f"  n{n}: {{domain: '${{file:{name}}}'}}\n"
        for n, name in enumerate(["big", "binary", "nowhere", ".", "/dev/zero"])
    )
    assert [problem.message.replace(f"{tmp_path}/", "").replace(str(tmp_path), ".") for problem in fail(text)] == [
        "`big` is larger than 1 MiB", "`binary` is not UTF-8 text", "there is no file `nowhere`",
        "`.` is not a file", "`/dev/zero` is not a file",
    ]  # fmt: skip


def test_interpolated_texts_are_bounded(fail: Fail, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 2**20)
    (problem,) = fail("networks: {n: {domain: '${file:big}${file:big}'}}")
    assert problem.message == "the interpolated text is too large"


SECRET = "variables: {pw: {env: PW, secret: true}}\n"
MISPLACED = {
    "a text": f"vms: {{a: {{{OK}, description: '${{pw}}'}}}}",
    "part of a text": f"vms: {{a: {{{OK}, description: 'is ${{pw}}'}}}}",
    "a size": "vms: {a: {cpus: 1, memory: '${pw}'}}",
    "a literal": f"vms: {{a: {{{OK}, state: '${{pw}}'}}}}",
    "a list": f"vms: {{a: {{{OK}, cloud_init: {{packages: ['${{pw}}']}}}}}}",
    "a counted VM": f"vms: {{a: {{count: 2, {OK}, description: '${{name}} ${{pw}}'}}}}",
    "a host": f"vms: {{a: {{{OK}, host: '${{pw}}'}}}}",
    "a count": f"vms: {{a: {{{OK}, count: '${{pw}}'}}}}",
    "a profile": f"profiles: {{p: {{{OK}, description: '${{pw}}'}}}}\nvms: {{a: {{profile: p}}}}",
    "a host's uri": "hosts: {h: {uri: 'qemu://${pw}'}}",
    "a network": "networks: {n: {domain: '${pw}'}}",
    "the id": "id: ${pw}",
    "a move": "moved: [{from: 'vm/${pw}', to: vm/x}]",
}


@pytest.mark.parametrize("text", MISPLACED.values(), ids=MISPLACED)
def test_secrets_outside_secret_fields_are_refused(fail: Fail, text: str) -> None:
    problems = fail(SECRET + text, environ={"PW": "hunter22"})
    assert problems[0].message == "a secret may only be used in a field that is kept secret"
    assert problems[0].hint == "such as `keys`, `password`"
    assert problems[0].where is not None and problems[0].where.line >= 4
    assert "hunter22" not in repr(problems) and "kvmspec-secret-" not in repr(problems)


LEAKS = {
    "another field of the line": f"vms: {{a: {{{OK}, password: hunter22, stat: x}}}}",
    "the secret's own field": f"vms: {{a: {{{OK}, password: [hunter22]}}}}",
    "in a name": f"vms: {{a: {{{OK}, cloud_init: {{users: [{{name: x/y, password: hunter22}}]}}}}}}",
    "broken YAML": f"vms: {{a: {{{OK}, password: hunter22, cpus: ${{x}}}}}}",
    "broken YAML, quoted": f"vms: {{a: {{{OK}, 'password': \"a hunter22\", cpus: ${{x}}}}}}",
    "a bad reference in it": f"vms: {{a: {{{OK}, password: 'hunter22 ${{nope}}'}}}}",
    "block text": f'vms: {{a: {{{OK}, password: "hunter22", x: 1, keys: 1}}}}',
    "a later field": f"vms: {{a: {{{OK}, password: hunter22, numa: 1}}}}",
    "an unknown profile": "vms: {a: {profile: x, password: hunter22}}",
}


@pytest.mark.parametrize("text", LEAKS.values(), ids=LEAKS)
def test_literal_secrets_are_in_no_error(fail: Fail, text: str) -> None:
    problems = fail(text)
    assert problems and "hunter22" not in repr(problems)


def test_secret_values_of_the_environment_are_in_no_error(fail: Fail) -> None:
    text = "variables: {pw: {env: PW, secret: true}}\nvms: {a: {cpus: 1, password: '${pw}', memory: x}}"
    assert "hunter22" not in repr(fail(text, environ={"PW": "hunter22"}))


@settings(max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore"))
    )
)
def test_random_files_raise_only_manifest_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(data)
    with pytest.raises(ManifestError):
        load([path], sections=SECTIONS, environ={})


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(
        ["", "a", "${a}", "${name}-${index}", "$$", "1GiB", "front", "base", "vm/a", "h", "../x", "<a>", "none", "${pw}"]
    )),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["cpus", "memory", "disks", "networks", "name", "size", "count", "profile", "extends", "host", "hosts", "boot",
         "password", "from", "to", "default", "type", "secret", "env", "uri", "x", "base", "a", "vms", "cloud_init"]
    ), inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip
ROOTS = ["vms", "networks", "pools", "volumes", "profiles", "defaults", "hosts", "variables", "moved", "released",
         "removed", "project", "kvmspec", "id", "images"]  # fmt: skip


@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.sampled_from(ROOTS), VALUES))
def test_random_data_raise_only_manifest_errors(tmp_path: Path, data: dict[str, object]) -> None:
    import yaml

    path = tmp_path / "m.yaml"
    path.write_text(yaml.safe_dump({"kvmspec": 1, "project": "p", **data}))
    start = time.monotonic()
    try:
        load([path], sections=SECTIONS, environ={})
    except ManifestError as error:
        assert error.problems
    assert time.monotonic() - start < 1


def test_a_valid_manifest_after_all(read: Load) -> None:
    assert read(f"vms: {{a: {{{OK}}}}}").items


def test_a_field_of_a_later_version_hides_no_other_mistake(fail: Fail) -> None:
    problems = fail("vms: {a: {numa: 1, cpus: 0, memory: 1GiB, nope: 1}}")
    assert [problem.path for problem in problems] == ["vms.a.numa", "vms.a.cpus", "vms.a.nope"]


def test_a_long_chain_of_profiles_is_refused(fail: Fail) -> None:
    chain = "".join(f"  p{n + 1}: {{extends: p{n}}}\n" for n in range(3000))
    (problem,) = fail(f"profiles:\n  p0: {{memory: 1GiB}}\n{chain}vms: {{a: {{profile: p3000, cpus: 1}}}}")
    assert problem.message == "profiles extend each other more than 50 deep"
