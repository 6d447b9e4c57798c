"""`fmt`: the canonical layout, and that nothing but the layout changes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import ruamel.yaml
from hypothesis import HealthCheck, assume, given, settings

from kvmspec.kinds.registry import SECTIONS
from kvmspec.manifest import yaml
from kvmspec.manifest.layout import LayoutError, formatted, formatting
from kvmspec.manifest.layout.order import root_shape
from tests.unit.layout.texts import texts

TOP = Path(__file__).resolve().parents[3]
SHAPE = root_shape(SECTIONS)
HEAD = "kvmspec: 1\nproject: shop\n"
EXAMPLES = sorted(TOP.glob("examples/**/*.yaml"))
MANIFESTS = sorted([*EXAMPLES, *TOP.glob("tests/golden/cases/*/*.yaml")])


def fmt(text: str) -> str:
    return formatted(text, "m.yaml", SHAPE)


CASES = {
    "root keys, with a blank line between sections": (
        """
        vms: {}
        networks: {}
        project: shop
        kvmspec: 1
        """,
        """
        kvmspec: 1
        project: shop

        networks: {}

        vms: {}
        """,
    ),
    "a comment above a key goes with it, also when it was the first": (
        """
        vms:
          db:
            # plenty
            memory: 8GiB
            # few
            # but fast
            cpus: 2
        """,
        """
        vms:
          db:
            # few
            # but fast
            cpus: 2
            # plenty
            memory: 8GiB
        """,
    ),
    "comments behind, also over several lines, and below": (
        """
        vms:
          db:
            memory: 8GiB   # plenty,
                           # really
              # and below it
            cpus: 2        # few
        """,
        """
        vms:
          db:
            cpus: 2        # few
            memory: 8GiB   # plenty,
                           # really
              # and below it
        """,
    ),
    "the head of the file stays on top": (
        """
        # yaml-language-server: $schema=x.json
        # The machines.
        vms:
          web: {}
        kvmspec: 1
        """,
        """
        # yaml-language-server: $schema=x.json
        kvmspec: 1

        # The machines.
        vms:
          web: {}
        """,
    ),
    "a header with a blank line below stays on top": (
        """
        # Of the shop.

        project: shop
        kvmspec: 1
        """,
        """
        # Of the shop.

        kvmspec: 1
        project: shop
        """,
    ),
    "what is commented out at the end of a map stays there": (
        """
        vms:
          web:
            memory: 1GiB
            cpus: 1
            # autostart: true
          # db: {}
        # moved: []
        """,
        """
        vms:
          web:
            cpus: 1
            memory: 1GiB
            # autostart: true
          # db: {}
        # moved: []
        """,
    ),
    "indentation of four, and lists": (
        """
        vms:
            web:
                disks:
                -   name: root   # one
                    size: 1GiB   # two
                # three
                -
                    name: data
                networks: [front,
                           back]
                xml: |

                    <a>
                      <b/>
                    </a>
                depends_on:
                    - db
        """,
        """
        vms:
          web:
            disks:
              - name: root   # one
                size: 1GiB   # two
              # three
              -
                name: data
            networks: [front,
                       back]
            depends_on:
              - db
            xml: |

              <a>
                <b/>
              </a>
        """,
    ),
    "the key at a dash changes": (
        """
        vms:
          web:
            disks:
              # the system
              - size: 1GiB
                # for life
                name: root
        """,
        """
        vms:
          web:
            disks:
              # the system
              # for life
              - name: root
                size: 1GiB
        """,
    ),
    "braces on one line": (
        """
        vms:
          web: {networks: [{mac: "52:54:00:00:00:01", network: front}], cpus: {max: 2, count: 1} } # x
        """,
        """
        vms:
          web: {cpus: {count: 1, max: 2}, networks: [{network: front, mac: "52:54:00:00:00:01"}] } # x
        """,
    ),
    "braces over several lines stay": (
        """
        vms:
          web: {memory: 1GiB,   # first
                cpus: 1}
        """,
        """
        vms:
          web: {memory: 1GiB,   # first
                cpus: 1}
        """,
    ),
    "names stay in their order, unknown keys go last": (
        """
        vms:
          web: {}
          db: {wrong: 1, memory: 1GiB}
        variables:
          b: 1
          a: {env: A, default: x}
        """,
        """
        variables:
          b: 1
          a: {default: x, env: A}

        vms:
          web: {}
          db: {memory: 1GiB, wrong: 1}
        """,
    ),
    "an anchor stays above its alias": (
        """
        vms:
          web: &web
            memory: &size 1GiB
            cpus: 1
            description: *size
        profiles:
          base: *web
        """,
        """
        vms:
          web: &web
            cpus: 1
            memory: &size 1GiB
            description: *size
        profiles:
          base: *web
        """,
    ),
    "merge keys come first": (
        """
        profiles:
          a: &a {memory: 1GiB}
          b:
            cpus: 1
            <<: *a
        """,
        """
        profiles:
          a: &a {memory: 1GiB}
          b:
            <<: *a
            cpus: 1
        """,
    ),
    "a scalar that takes in blank lines is not moved": (
        """
        vms:
          web:
            memory: 1GiB
            cpus: 1
            description: |+
              x

          db: {}
        """,
        """
        vms:
          web:
            memory: 1GiB
            cpus: 1
            description: |+
              x

          db: {}
        """,
    ),
    "blank lines and blanks": (
        """


        kvmspec: 1\x20\x20
        project: shop\t


        vms:

          web: {}\x20\x20\x20# two


        """,
        """
        kvmspec: 1
        project: shop

        vms:

          web: {}   # two
        """,
    ),
    "columns that were aligned stay aligned": (
        """
        networks:
            front:
                subnet: 10.0.0.0/24     # ours
                mode: nat               # to the world
                autostart: true # alone
        """,
        """
        networks:
          front:
            mode: nat               # to the world
            subnet: 10.0.0.0/24     # ours
            autostart: true # alone
        """,
    ),
    "long lines, quotes and references": (
        f"""
        vms:
          web: {{title: '${{x}}', description: "{"long " * 60}"}}
        """,
        f"""
        vms:
          web: {{title: '${{x}}', description: "{"long " * 60}"}}
        """,
    ),
    "document marks": ("---\nproject: x\nkvmspec: 1\n...\n# after\n", "---\nkvmspec: 1\nproject: x\n...\n# after\n"),
    "explicit keys stay": ("? project\n: x\nkvmspec: 1\n", "? project\n: x\nkvmspec: 1\n"),
    "no line end after a block scalar": ("vms:\n  a:\n    description: |\n      x", "vms:\n  a:\n    description: |-\n      x\n"),
    "CRLF": ("project: x\r\nkvmspec: 1\r\n", "kvmspec: 1\r\nproject: x\r\n"),
    "Unicode's line ends stay": ('project: "a\u2028 b"\nkvmspec: 1\n', 'project: "a\u2028 b"\nkvmspec: 1\n'),
    "everything in braces": ("{project: x, kvmspec: 1}", "{kvmspec: 1, project: x}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_layout(before: str, after: str) -> None:
    before, after = (textwrap.dedent(text[1:]) if text.startswith("\n") else text for text in (before, after))
    assert fmt(before) == after
    assert fmt(after) == after


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(TOP)))
def test_the_manifests_of_this_project(path: Path) -> None:
    text = path.read_text()
    once = fmt(text)
    assert fmt(once) == once
    assert yaml.parse(once, "") == yaml.parse(text, "")
    assert comments(once) == comments(text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(TOP)))
def test_the_examples_are_in_canonical_layout(path: Path) -> None:
    assert fmt(path.read_text()) == path.read_text()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts(SHAPE))
def test_only_the_layout_changes(drawn: tuple[str, list[str]]) -> None:
    """Read by kvmspec's loader and, as a second opinion, by ruamel; comments are known by their numbers."""
    text, written = drawn
    try:
        data = yaml.parse(text, "")
    except yaml.YamlError:
        assume(False)
    once = fmt(text)
    assert formatting.same(yaml.parse(once, ""), data)
    assert sorted(re.findall(r"# [a-z]+#[0-9]+$", once.replace("\r", ""), re.MULTILINE)) == written
    assert fmt(once) == once
    other = ruamel.yaml.YAML(typ="safe", pure=True)
    assert formatting.same(other.load(once), other.load(text))


def comments(text: str) -> list[str]:
    """The comments of a text whose scalars hold no ` #`."""
    return sorted(re.findall(r"(?:^|(?<=\s))#.*(?<!\s)", text, re.MULTILINE))


def test_a_fault_of_ours_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        formatting, "indented", lambda text, shape: [line.replace("shop", "shoe") for line in text.lines]
    )
    with pytest.raises(LayoutError, match=r"m\.yaml"):
        fmt(HEAD)
    monkeypatch.setattr(
        formatting, "indented", lambda text, shape: [line.partition("#")[0] for line in text.lines]
    )
    with pytest.raises(LayoutError, match="comment"):
        fmt(HEAD + "# x\n")
    monkeypatch.setattr(
        formatting, "indented", lambda text, shape: [line.replace("{", "[") for line in text.lines]
    )
    with pytest.raises(LayoutError, match="break"):
        fmt(HEAD + "vms: {}\n")


def test_not_yaml() -> None:
    with pytest.raises(yaml.YamlError, match=r"m\.yaml:3:"):
        fmt(HEAD + "vms: [\n")


def test_every_model_is_in_the_order() -> None:
    vm = SHAPE.below("vms").below("web")
    assert list(vm.ordered)[:6] == ["profile", "extends", "host", "count", "uuid", "title"]
    assert SHAPE.below("profiles").below("base") == vm
    assert SHAPE.below("defaults").below("vms") == vm
    assert list(vm.below("disks").ordered)[:3] == ["name", "image", "size"]
    assert list(vm.below("cpus").ordered)[:3] == ["count", "max", "mode"]
    assert list(SHAPE.below("moved").ordered) == ["from", "to"]
    assert not SHAPE.below("networks").below("n").below("dns").below("hosts").ordered
