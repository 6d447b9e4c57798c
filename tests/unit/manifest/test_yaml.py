"""Strict YAML: what it reads, what it refuses, and that nothing makes it crash or hang."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.manifest import yaml
from kvmspec.manifest.places import Tree

SCALARS = {
    "2": 2, "-7": -7, "+7": 7, "0": 0, "0x1F": 31, "0o17": 15, "1.5": 1.5, "1e3": 1000.0, ".5": 0.5, "-.5": -0.5,
    "true": True, "False": False, "null": None, "~": None, "Null": None,
    "yes": "yes", "no": "no", "on": "on", "off": "off", "y": "y",
    "012": "012", "08": "08", "1_000": "1_000", "52:54:00:12:34:56": "52:54:00:12:34:56", "12:30": "12:30",
    "0000:41:00.0": "0000:41:00.0", "2024-01-02": "2024-01-02", "0b11": "0b11", "1.2.3": "1.2.3", "0x": "0x",
    "=": "=", "2GiB": "2GiB", "-": None,
}  # fmt: skip


def parse(text: str) -> object:
    return yaml.parse(text, "m.yaml")


def problems(text: str | bytes) -> list[str]:
    """What is wrong with a text."""
    with pytest.raises(yaml.YamlError) as caught:
        yaml.parse(yaml.decode(text, "m.yaml") if isinstance(text, bytes) else text, "m.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("text", "value"), [pair for pair in SCALARS.items() if pair[0] != "-"])
def test_plain_scalars_are_yaml_1_2_core(text: str, value: object) -> None:
    read = parse(f"a: {text}")
    assert read == {"a": value}
    assert isinstance(read, dict) and type(read["a"]) is type(value)


def test_quotes_make_text() -> None:
    assert parse("a: '2'\nb: \"true\"\nc: |\n  1\nd: !!str 3\ne: !!int 4\nf: !!float 5") == {
        "a": "2", "b": "true", "c": "1\n", "d": "3", "e": 4, "f": 5.0,
    }  # fmt: skip


def test_keys_are_text() -> None:
    assert parse("{0: a, true: b, ~: c, 1.5: d}") == {"0": "a", "true": "b", "~": "c", "1.5": "d"}


def test_anchors_and_merge_keys() -> None:
    assert parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\nd: {<<: [{y: 9}, *a]}\n'<<': 1") == {
        "a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1, "y": 2}] * 2, "d": {"x": 1, "y": 9}, "<<": 1,
    }  # fmt: skip


def test_empty() -> None:
    assert parse("") is None
    assert parse("# nothing\n") is None


BROKEN = {
    "a: b: c": "m.yaml:1:5: a `key: value` is not possible here",
    "a: @x": "m.yaml:1:4: this character cannot start a value",
    "\ta: 1": "m.yaml:1:1: this character cannot start a value",
    "a: 'x": "m.yaml:1:4: this `'` is never closed",
    "a: [1, 2": "m.yaml:1:4: this `[` is never closed",
    "a: 1\n---\nb: 2": "m.yaml:2:1: a file holds one document",
    "a: 1\na: 2\nb: {c: 1, c: 2}": "m.yaml:2:1: the key `a` is already in this map, at line 1",
    "? [a]\n: 1": "m.yaml:1:3: a key must be plain text",
    "{{a: 1}: 2}": "m.yaml:1:2: a key must be plain text",
    "a: *x": "m.yaml:1:4: there is no anchor `&x` above this alias",
    "a: &x [*x]": "m.yaml:1:8: the alias `*x` is inside its own anchor",
    "a: &x 1\nb: &x 2": "m.yaml:2:4: the anchor `&x` is already in this file",
    "a: {<<: 1}": "m.yaml:1:9: `<<` takes a map, or a list of maps",
    "a: !!python/object/apply:os.system [id]": "m.yaml:1:4: the tag `!!python/object/apply:os.system` is not allowed",
    "a: !!python/name:os.system": "m.yaml:1:4: the tag `!!python/name:os.system` is not allowed",
    "a: !Ref b": "m.yaml:1:4: the tag `!Ref` is not allowed",
    "a: ! b": "m.yaml:1:4: the tag `!` is not allowed",
    "a: !!map [1]": "m.yaml:1:4: the tag `!!map` is not allowed",
    "a: !!int x": "m.yaml:1:4: this is not a value of !!int",
    "!!binary a: 1": "m.yaml:1:1: the tag `!!binary` is not allowed",
    f"a: {'9' * 30}": "m.yaml:1:4: this number is too large",
    f"a: {'9' * 9000}": "m.yaml:1:4: this number is too large",
    "a: 1e999": "m.yaml:1:4: this number is too large",
    "- " * 5000 + "a": "m.yaml:1:131: nested more than 64 levels deep",
    "[" * 900: "m.yaml:1:66: nested more than 64 levels deep",
}  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), BROKEN.items(), ids=[key[:30] for key in BROKEN])
def test_what_is_refused(text: str, problem: str) -> None:
    assert problems(text)[0].startswith(problem)


def test_every_duplicate_is_told() -> None:
    assert len(problems("a: 1\na: 2\nb: {c: 1, c: 2}")) == 2


@pytest.mark.parametrize("text", ["h: {a: ${x}}", "h: [${x}]", "h: {a: b-${x}, c: 1}"])
def test_an_unquoted_reference_in_flow_has_a_hint(text: str) -> None:
    with pytest.raises(yaml.YamlError) as caught:
        parse(text)
    assert caught.value.problems[0].hint == 'inside `{…}` and `[…]` a `${…}` needs quotes: "${name}"'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a: \xff", "m.yaml:1:4: this is not UTF-8 text"),
        (b"a: 1\nb: \xc3(", "m.yaml:2:4: this is not UTF-8 text"),
        ("a: ü".encode("utf-16"), "m.yaml:1:1: this is not UTF-8 text"),
        (b"a: 1\nb: \x00", "m.yaml:2:4: the control character U+0000 is not allowed"),
        (b"\x1b[0m", "m.yaml:1:1: the control character U+001B is not allowed"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, problem: str) -> None:
    assert problems(data) == [problem]


def test_a_byte_order_mark_is_no_text() -> None:
    assert parse(yaml.decode(b"\xef\xbb\xbfa: 1", "m.yaml")) == {"a": 1}


def billion_laughs(levels: int, item: str) -> str:
    lines = [f"a0: &a0 {item}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize("item", ["lol", "{x: 1, y: 2}", "[]"])
def test_alias_bombs_are_refused_at_once(item: str) -> None:
    start = time.monotonic()
    assert "aliases expand to too much data" in problems(billion_laughs(60, item))[0]
    assert time.monotonic() - start < 1


def test_merge_key_bombs_are_refused_at_once() -> None:
    lines = ["a0: &a0 {k: [" + "x, " * 50 + "x]}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: [*a{n - 1}, *a{n - 1}, *a{n - 1}]}}" for n in range(1, 50)]
    start = time.monotonic()
    assert "aliases expand to too much data" in problems("\n".join(lines))[0]
    assert time.monotonic() - start < 1


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    try:
        yaml.parse(yaml.decode(data, "m.yaml"), "m.yaml")
    except yaml.YamlError as error:
        assert all(problem.where is not None for problem in error.problems)


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"%@#,? \n\t<~${}0x1.é\u2028"), max_size=60))
def test_random_yamlish_text_raises_nothing_else(text: str) -> None:
    try:
        parse(text)
    except yaml.YamlError:
        return
    Tree(text, "m.yaml").where(("a", 0, "b"))  # what parses can be composed again


@given(st.one_of(st.integers(-(2**63), 2**63), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False, max_value=1e15, min_value=-1e15)))  # fmt: skip
def test_plain_scalars_round_trip(value: object) -> None:
    words = {True: "true", False: "false", None: "null"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    read = parse(f"- {text}")
    assert read == [value] and isinstance(read, list) and type(read[0]) is type(value)


def test_infinity_and_nan_are_numbers() -> None:
    read = parse("[.inf, -.inf, .nan]")
    assert isinstance(read, list)
    assert read[:2] == [math.inf, -math.inf] and math.isnan(read[2])


TEXT = """\
vms:
  web: &w
    cpus: {count: 2, max: 4}
    disks:
      - name: root
        size: 20GiB
      - {name: data}
  db:
    <<: *w
    é: "x ${ref} ${ref2}"
"""


@pytest.mark.parametrize(
    ("path", "key", "needle", "place"),
    [
        (("vms", "web", "cpus", "max"), False, "", "3:27"),
        (("vms", "web", "cpus", "max"), True, "", "3:22"),
        (("vms", "web", "cpus"), False, "", "3:11"),
        (("vms", "web"), False, "", "2:3"),
        (("vms", "web", "disks", 0, "size"), False, "", "6:15"),
        (("vms", "web", "disks", 0), False, "", "5:9"),
        (("vms", "web", "disks", 1), False, "", "7:9"),
        (("vms", "web", "disks", 7), False, "", "4:5"),
        (("vms", "web", "nothing", "below"), False, "", "2:3"),
        (("vms", "db", "cpus", "count"), False, "", "3:19"),
        (("vms", "db", "é"), False, "${ref2}", "10:18"),
        ((), False, "", "1:1"),
    ],
)
def test_places(path: tuple[str | int, ...], key: bool, needle: str, place: str) -> None:
    where = Tree(TEXT, "m.yaml").where(path, key=key, needle=needle)
    assert str(where) == f"m.yaml:{place}"
    assert where.source == TEXT.splitlines()[where.line - 1]
