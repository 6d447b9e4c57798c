"""What no field says: a piece of libvirt's XML that is merged into what is rendered.

    <domain xmlns:k="urn:kvmspec:1">
      <devices>
        <disk><target dev="vda"/><serial>one</serial></disk>
        <watchdog model="itco" k:remove="."/>
      </devices>
    </domain>

Elements are found by the identities of shape.py. One that is there gets the fragment's attributes, text
and children; one that is not is added, in its place among those that the fragment names beside it.

- `k:remove="."` removes every element that shows what the fragment states of it; with nothing stated,
  all of that tag. Removals come first, so a group is said anew as a removal and what comes instead.
- `k:remove="@name child #"` removes an attribute, all children of a tag, the text.
- `k:add="."` adds an element even where one of that identity is there.
- Where nothing tells elements apart (`serial`), the first of the fragment is the first of the machine,
  and an empty element stands for one that stays as it is.
- Lists whose order has a meaning (`os/boot`), and repeated elements that nothing is known of, are said in
  full: the fragment's list takes the place of what is there.
- Metadata of other tools is taken whole, one element a namespace.
"""

from __future__ import annotations

from typing import Any

from kvmspec.canon.leaving import difference
from kvmspec.canon.meaning import Meaning
from kvmspec.canon.merging import merge_into, resolved
from kvmspec.canon.settling import settle
from kvmspec.canon.shape import SHAPES, Tags
from kvmspec.canon.trees import (
    ADD,
    OWN,
    REMOVE,
    FragmentError,
    elements,
    lxml,
    namespace,
    parse,
    tidy,
    without_own,
)
from kvmspec.canon.unsaid import leave_unsaid

__all__ = ["FragmentError", "givens", "leftover", "merge", "problems"]

_MARKS = {REMOVE, ADD}
_GIVEN = {"name": "it is the key in the manifest", "uuid": "state `uuid` beside `xml`"}


def merge(xml: str, fragment: str) -> str:
    """`xml` with the fragment in it, without anything of kvmspec's own namespace from the fragment.

    An empty fragment changes nothing. Raises FragmentError, with what is wrong with it, for a fragment
    that `problems` finds a problem in.
    """
    if not fragment.strip():
        return xml
    node = parse(xml)
    merge_parsed(node, fragment)
    tidy(node, Meaning(node.tag).opaque)
    return str(lxml().tostring(node, encoding="unicode"))


def merge_parsed(node: Any, fragment: str) -> None:
    """`merge` into a tree of lxml's. Raises FragmentError."""
    if found := problems(fragment, node.tag):
        raise FragmentError("; ".join(found))
    wanted = parse(fragment, "the fragment")
    if node.tag == "domain":
        settle(node, wanted)
    merge_into(node, wanted, (), Meaning(node.tag))


def leftover(original: str, rendered: str) -> str:
    """The fragment that makes `original` of `rendered`: `merge(rendered, leftover(original, rendered))`
    means the same as `original`. "" where there is nothing to say.

    Raises FragmentError where one of the two is not well-formed or they are of different kinds.
    """
    mine, theirs = parse(original, "the original XML"), parse(rendered, "the rendered XML")
    if mine.tag != theirs.tag or mine.tag not in SHAPES:
        raise FragmentError(f"<{mine.tag}> and <{theirs.tag}> cannot be compared")
    meaning = Meaning(mine.tag)
    for tree in (mine, theirs):
        without_own(tree)
        if tree.tag == "domain":
            settle(tree)
            leave_unsaid(tree, None if tree is mine else mine)
    result = difference(mine, theirs, (), meaning)
    if result is None or not (len(result) or result.attrib):
        return ""
    return _written(result, meaning)


def _written(fragment: Any, meaning: Meaning) -> str:
    spaces: dict[str | None, str] = {}
    for node in fragment.iterdescendants(lxml().Element):
        if "metadata" not in (up.tag for up in node.iterancestors()):
            spaces |= {prefix: uri for prefix, uri in node.nsmap.items() if prefix}
    root = lxml().Element(fragment.tag, nsmap=spaces | {"k": OWN})
    root.attrib.update(fragment.attrib)
    root.extend(list(fragment))
    tidy(root, meaning.opaque)
    text = str(lxml().tostring(root, encoding="unicode"))
    return text if " k:" in text else text.replace(f' xmlns:k="{OWN}"', "", 1)


def problems(fragment: str, root: str) -> list[str]:
    """Why a fragment cannot be merged into XML with that root ("domain", "network", "pool"); [] if it can."""
    try:
        node = parse(fragment, "the fragment")
    except FragmentError as error:
        return [str(error)]
    if node.tag != root:
        return [f"the fragment's root is <{node.tag}>, and <{root}> is needed"]
    if root not in SHAPES:
        return [f"there are no fragments for <{root}>"]
    found = [f"line {one.sourceline}: an entity (&{one.name};) is not allowed" for one in _entities(node)]
    return found + list(_marks(node, (), Meaning(root)))


def givens(fragment: str) -> list[str]:
    """What a fragment says, well-formed as it is, that is not its to say: the name and the UUID of an object
    are fields, and libvirt would give a NIC without <mac> another one each time it is defined (9.0)."""
    node = parse(fragment, "the fragment")
    found = [
        f"line {one.sourceline}: <{one.tag}> is not for a fragment: {_GIVEN[one.tag]}"
        for one in elements(node)
        if one.tag in _GIVEN
    ]
    gone = (part for part in (node.get(REMOVE) or "").split() if part in _GIVEN)
    found += [f"line {node.sourceline}: <{part}> cannot be removed: {_GIVEN[part]}" for part in gone]
    if node.get("id") is not None:
        found.append(f"line {node.sourceline}: `id` is the number of an object that runs; leave it out")
    balloons = node.findall("devices/memballoon")
    if balloons and all(one.get(REMOVE) == "." for one in balloons):
        found.append(
            f"line {balloons[0].sourceline}: libvirt gives a machine without <memballoon> another; "
            "state `devices: {memballoon: none}`"
        )
    return found + [
        f"line {nic.sourceline}: an <interface> of a fragment needs its <mac address=…/>; "
        "for a NIC with a MAC of kvmspec's own use `networks`"
        for nic in node.iterfind("devices/interface")
        if nic.find("mac[@address]") is None and nic.get(REMOVE) != "."
    ]


def _entities(node: Any) -> list[Any]:
    return list(node.iter(lxml().Entity))


def _marks(node: Any, path: Tags, meaning: Meaning) -> list[str]:
    where = f"line {node.sourceline}: "
    if namespace(node) == OWN:
        return [f"{where}elements of {OWN} are kvmspec's own"]
    names = [name for name in node.attrib if name.startswith(f"{{{OWN}}}")]
    found = [f"{where}k:{lxml().QName(name).localname} is not known, only k:remove and k:add are"
             for name in names if name not in _MARKS]  # fmt: skip
    found += [where + text for text in _mark(node, path)]
    if meaning.opaque(path):
        return found + [text for child in elements(node) if namespace(child) == OWN
                        for text in _marks(child, (*path, child.tag), meaning)]  # fmt: skip
    if stray := _stray(node):
        found.append(f"{where}text between elements of <{lxml().QName(node).localname}>: {stray!r}")
    return found + [text for child in elements(node) for text in _marks(child, (*path, child.tag), meaning)]


def _stray(node: Any) -> str:
    """Text beside elements: libvirt has none, so it is a slip of the pen."""
    inside = [node.text, *(child.tail for child in node)] if elements(node) else []
    return next((text.strip() for text in inside if text and text.strip()), "")


def _mark(node: Any, path: Tags) -> list[str]:
    found = []
    added, removed = node.get(ADD), node.get(REMOVE)
    if added is not None and added != ".":
        found.append(f'k:add is "." or absent, not "{added}"')
    if removed is None:
        return found
    parts = removed.split()
    if not parts:
        found.append('k:remove is empty: "." is the element, "@name" an attribute, "name" its children')
    if "." in parts and (len(parts) > 1 or added or not path):
        found.append('k:remove="." stands alone, and not on the root')
    for part in parts:
        try:
            resolved(part.removeprefix("@"), node.nsmap)
        except KeyError:
            found.append(f'k:remove="{part}": the prefix is not declared')
    return found
