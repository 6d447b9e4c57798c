"""The topology as Mermaid and DOT: complete, well-formed, whatever names contain, and small enough."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.core.address import Address
from kvmspec.core.plan import HostSummary
from kvmspec.core.topology import Thing, Topology
from kvmspec.kinds.registry import KINDS
from kvmspec.report.graph import dot, mermaid
from kvmspec.report.graph.mermaid import MOST_ARROWS, MOST_CHARACTERS
from kvmspec.report.graph.source import source
from tests.unit.report import plans as p

HV1 = HostSummary("hv1", "qemu:///system")
WEB, FRONT, ROOT, POOL = (
    p.at("vm/web"),
    p.at("network/front"),
    p.at("volume/vms/root.qcow2"),
    p.at("pool/vms"),
)
OUTSIDE = p.at("network/default")
HOSTILE = [
    '"]; click n1 "javascript:alert(1)"', "<script>alert(1)</script>", "a --> b", "end", "%% x", "`$$x$$` fa:fa-user",
    "subgraph", "x\\ny", "a;b", "{a}", "#quot;", "&lt;", "é 漢字", 'say "hi"', "a|b", "]]", ")]", "-->|x|",
]  # fmt: skip


def site(**more: object) -> Topology:
    things = (
        Thing(POOL, "/srv/vms", "pools.vms"),
        Thing(ROOT, "20GiB", "vms.web.disks.0", WEB),
        Thing(FRONT, "nat", "networks.front"),
        Thing(OUTSIDE, managed=False),
        Thing(WEB, "1 vCPU", "vms.web"),
    )
    links = ((ROOT, POOL), (WEB, FRONT), (WEB, OUTSIDE), (WEB, ROOT), (WEB, POOL))
    return Topology("shop", (HV1,), things, links, **more)  # type: ignore[arg-type]  # a case's own fields


def counted(number: int, kinds: int = 1) -> Topology:
    """VMs of `kinds` entries, each with a volume."""
    vms = [(Address("hv1", "vm", f"n-{i}"), f"vms.n{i % kinds}") for i in range(number)]
    disks = {vm: Address("hv1", "volume", f"vms/{vm.name}-root.qcow2") for vm, _ in vms}
    things = [Thing(FRONT, "nat", "networks.front"), Thing(POOL, "/srv", "pools.vms")]
    things += [Thing(vm, "1GiB", entry) for vm, entry in vms]
    things += [Thing(disks[vm], "9GiB", f"{entry}.disks.0", vm) for vm, entry in vms]
    links = [link for vm, _ in vms for link in ((vm, FRONT), (vm, disks[vm]), (disks[vm], POOL))]
    return Topology("shop", (HV1,), tuple(things), tuple(links))


# --- a strict little reader of what the drawer may write
TEXT = r"(?:[^\"#<>&`\\$;{}\n]|#\d+;|<br/>)*"
NODE = re.compile(rf'    (n\d+)(?:\["({TEXT})"\]|\(\["({TEXT})"\]\)|\[\("({TEXT})"\)\]|\[\["({TEXT})"\]\])')
LINK = re.compile(rf'  (n\d+) (?:-->|-\.->\|"{TEXT}"\|) (n\d+)')
OTHER = re.compile(
    rf'flowchart LR|  subgraph h\d+\["{TEXT}"\]|    direction LR|  end|%% [^{{}}]*'
    r"|  classDef \w+ [\w:#,\- ]+|  class n\d+(,n\d+)* \w+|  style h\d+ [\w:#,]+"
)


def read(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Node → label, and the links. Fails on any line that is none of ours."""
    nodes: dict[str, str] = {}
    links = []
    for line in text.splitlines():
        if node := NODE.fullmatch(line):
            nodes[node[1]] = next(label for label in node.groups()[1:] if label is not None)
        elif link := LINK.fullmatch(line):
            links.append((link[1], link[2]))
        else:
            assert OTHER.fullmatch(line), line
    assert all(end in nodes for link in links for end in link)
    return nodes, links


def plain(label: str) -> list[str]:
    """A label as Mermaid shows it, a text a line."""
    shown = re.sub(r"#(\d+);", lambda match: chr(int(match[1])), label.replace("<br/>", "\n"))
    return shown.replace("\u200b", "").split("\n")


def test_everything_is_drawn_once() -> None:
    text, notes = source(site(), "mermaid", 12)
    nodes, links = read(text)
    assert {plain(label)[0] for label in nodes.values()} == {
        "pool/vms", "volume/root.qcow2", "network/front", "network/default", "vm/web",
    }  # fmt: skip
    assert len(links) == 4, "that a VM is on the pool of its volume is seen from the volume"
    assert not notes and "stroke-dasharray" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_only_names(name: str) -> None:
    nodes, links = read(source(named(name), "mermaid", 12)[0])
    assert [f"vm/{name}", name] in [plain(label) for label in nodes.values()]
    assert len(nodes) == 2 and len(links) == 1


def named(name: str) -> Topology:
    vm = Address("hv1", "vm", name)
    return Topology(
        name, (HostSummary("hv1", name),), (Thing(FRONT, ""), Thing(vm, name, "x")), ((vm, FRONT),)
    )


@given(st.text(min_size=1, max_size=30))
def test_no_name_breaks_the_grammar(name: str) -> None:
    nodes, links = read(source(named(name), "mermaid", 12)[0])
    assert len(nodes) == 2 and len(links) == 1


@pytest.mark.parametrize("name", [*HOSTILE, "back\\slash", "tail\\"])
def test_graphviz_reads_names_as_they_are(name: str) -> None:
    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed")
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input=source(named(name), "dot", 12)[0], capture_output=True, text=True, check=False
    )
    assert drawn.returncode == 0 and not drawn.stderr, drawn.stderr
    texts = [
        "".join(node.itertext())
        for node in ElementTree.fromstring(drawn.stdout).iter()
        if node.tag.endswith("text")
    ]
    shown = [html.unescape(text).replace("\xa0", " ") for text in texts]
    assert f"vm/{name}" in shown or f"vm/{name.replace('&lt;', '<')}" in shown


def test_the_plan_is_marked_in_words_too() -> None:
    gone = p.at("vm/old")
    plan = p.plan(p.RESTART, p.DELETE, p.ADOPT)
    things = (*tuple(Thing(item.address, "", "x") for item in plan.differences), Thing(FRONT))
    text = source(Topology("shop", (HV1,), things, (), plan), "mermaid", 12)[0]
    labels = [plain(label) for label in read(text)[0].values()]
    assert ["vm/db", "! restart"] in labels and ["vm/imported", "= adopt"] in labels
    assert [f"vm/{gone.name}", "- delete"] in labels and ["network/front"] in labels


@pytest.mark.parametrize(("number", "kinds"), [(40, 1), (2000, 1), (3000, 600)])
def test_large_sites_stay_within_what_mermaid_draws(number: int, kinds: int) -> None:
    text, notes = source(counted(number, kinds), "mermaid", 12)
    _, links = read(text)
    assert len(text) <= MOST_CHARACTERS and len(links) <= MOST_ARROWS
    assert notes and str(2 * number) in notes[0]


def test_a_few_of_one_count_are_drawn_one_by_one() -> None:
    assert len(read(source(counted(12), "mermaid", 12)[0])[0]) == 26
    assert len(read(source(counted(13), "mermaid", 12)[0])[0]) == 4
    assert "vm/n-0 … n-12 (13)" in source(counted(13), "mermaid", 12)[0]


def test_nothing_is_folded_when_asked_not_to() -> None:
    text, notes = source(counted(400), "mermaid", 0)
    assert len(read(text)[0]) == 802
    assert "more than Mermaid draws" in notes[-1]


@pytest.mark.parametrize("shapes", [dot._SHAPES, mermaid._SHAPES], ids=["dot", "mermaid"])
def test_every_kind_has_a_shape(shapes: dict[str, object]) -> None:
    assert set(shapes) == set(KINDS)
