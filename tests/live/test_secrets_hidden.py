"""A secret is shown by nothing: no format of a plan, no saved plan, event, error, rendering or record."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import pytest

from tests.live.scene import Scene, idle_vm

pytestmark = pytest.mark.libvirtd
VALUES = {"VNC": "Sup3rV&c", "CEPH": "U2VjcmV0Q2VwaA==", "PIECE": "fr<ag>S3cr", "TLS": "t'l\"s-S3cr"}
OTHERS = {"VNC": "n3wV&c!!", "CEPH": "bmV3Y2VwaGtleQ==", "PIECE": "n3w<frag>", "TLS": "n3w-tls-key"}
FORMS = {"SecretCeph", "newcephkey"} | {
    form for v in (*VALUES.values(), *OTHERS.values()) for form in (v, escape(v), json.dumps(v)[1:-1])
}
FORMATS = ("text", "json", "markdown", "html", "github")


def manifest(scene: Scene, piece: str = "<graphics type='spice' autoport='yes' passwd='${piece}'/>") -> Any:
    vm = idle_vm(state="stopped", graphics=[{"type": "vnc", "password": "${vnc}"}])
    vm["xml"] = f"<domain><devices>{piece}</devices></domain>"
    secrets = {
        "ck": {"usage": "ceph", "value": "${ceph}"},
        "tk": {"usage": "tls", "value": "${tls}", "private": True},
    }
    variables = {name.lower(): {"env": name, "secret": True} for name in VALUES}
    return scene.manifest({"web": vm}, secrets=secrets, variables=variables)


def shown(text: str) -> list[str]:
    return [form for form in (*FORMS, "kvmspec-secret-") if form in text]


def said(scene: Scene, *args: str, expect: int, values: dict[str, str] = VALUES, connect: bool = True) -> str:
    ran = scene.cli(args[0], *args[1:], env=values, expect=expect, connect=connect)
    assert shown(ran.stdout + ran.stderr) == []
    return ran.stdout + ran.stderr


def test_nothing_shows_them(scene: Scene) -> None:
    scene.write(manifest(scene))
    saved = scene.path.parent / "plan.json"
    assert 'passwd="(secret)"' in said(scene, "render", expect=0, connect=False)
    for values in (VALUES, OTHERS):
        for form in FORMATS:
            said(scene, "plan", "--format", form, "--debug", expect=0, values=values)
        said(scene, "plan", "--out", str(saved), expect=0, values=values)
        assert shown(saved.read_text()) == []
        said(scene, "apply", "--yes", "--format", "json", "--debug", expect=0, values=values)
        said(scene, "plan", "--detailed-exitcode", expect=0, values=values)
        assert shown(scene.xml("web").partition("<metadata>")[2].partition("</metadata>")[0]) == []
        assert shown("".join(each.XMLDesc() for each in scene.conn.listAllSecrets())) == []
    said(scene, "destroy", "--yes", "--debug", expect=0)


WRONG = {
    "not of the schema": "<graphics type='spice' passwd='${piece}' bogus='${piece}'/>",
    "not well-formed": "<graphics type='spice' passwd='${piece}'>",
    "text beside elements": "${piece}<hub type='usb'/>",
    "no such element": "<hub type='${piece}'/>",
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_do_not_show_them(scene: Scene, case: str) -> None:
    scene.write(manifest(scene, WRONG[case]))
    assert "error: " in said(scene, "plan", expect=3)
