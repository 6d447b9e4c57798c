"""A running guest, and what is to be true of every change that is said to be live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from xml.etree import ElementTree

from tests.live.scene import Manifest, Scene, guest_vm
from tests.support.guest import TinyGuest, domain_id, wait_for_lease

Tree = ElementTree.Element
MAC = "52:54:00:81:00:01"


class Row(NamedTuple):
    """One change of the VM `web` in a manifest, and what of it both XMLs must show then.

    see  from a domain's XML to something that is compared: equal in both, and another than before. None
         where one of both does not tell (`active_only` names why)
    """

    change: Callable[[dict[str, Any]], Any]
    see: Callable[[Tree], Any]
    definition_differs: str = ""


def devices(xpath: str, *attributes: str) -> Callable[[Tree], Any]:
    """The attributes of every element at a path below <devices>, `@` for its text."""
    return values(f"devices/{xpath}", *attributes)


def values(xpath: str, *attributes: str) -> Callable[[Tree], Any]:
    """The attributes of every element at a path, `@` for its text."""

    def see(tree: Tree) -> Any:
        found = tree.iterfind(xpath)
        return [tuple(e.text if a == "@" else e.get(a) for a in attributes) for e in found]

    return see


def booted(scene: Scene, guest: TinyGuest, **fields: Any) -> Manifest:
    """A manifest whose VM `web` runs the tiny guest and has its lease."""
    nics = [{"network": "front", "mac": MAC}]
    vm = guest_vm(guest, **({"networks": nics, "disks": [{"name": "a", "size": "1MiB"}]} | fields))
    manifest = scene.manifest({"web": vm})
    scene.settle(manifest)
    wait_for_lease(scene.conn, "front", MAC)
    return manifest


def prove(scene: Scene, manifest: Manifest, rows: dict[str, Row]) -> None:
    """Every row goes live: nothing is asked for, the guest runs on, active XML and definition both have
    the change, and the next plan is empty."""
    number = domain_id(scene.conn, "web")
    assert number is not None
    for name, row in rows.items():
        before = row.see(scene.tree("web"))
        row.change(manifest["vms"]["web"])
        scene.write(manifest)
        answer = scene.forks.apply(scene.path, scene.host.uri)
        assert answer["code"] == 0 and answer["steps"], (name, answer)
        assert not answer["refused"] and not answer["failed"] and not answer["left"], (name, answer)
        assert domain_id(scene.conn, "web") == number, f"{name}: the guest was restarted"
        defined, active = (row.see(scene.tree("web", active=active)) for active in (False, True))
        assert defined != before, f"{name}: the definition has not changed from {before}"
        assert row.definition_differs or defined == active, (name, defined, active)
    scene.plan(expect=0)
    scene.domain("web").destroy()
    scene.settle()  # it boots with all that, and there is nothing to put right then
