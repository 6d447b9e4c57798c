"""What the guest reads of its hardware."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.canon.edit import edit
from kvmspec.canon.read import read
from kvmspec.kinds.domain import edits, fit, render
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))


def stated(sysinfo: Any) -> dict[str, Any]:
    spec = VmSpec.model_validate({"memory": "1GiB", "sysinfo": sysinfo})
    return fit.stated_data(render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset()), spec)


def test_entries_are_known_by_their_names_and_strings_by_their_order() -> None:
    found = stated({"system": {"serial": "<1>"}, "oem_strings": ["b", "a"]})
    assert found["os"]["smbios"] == {"@mode": "sysinfo"}
    assert found["sysinfo"]["smbios"]["system"] == {"entry": {"serial": {"@name": "serial", "#": "<1>"}}}
    assert found["sysinfo"]["smbios"]["oemStrings"] == {"entry": [{"#": "b"}, {"#": "a"}]}


def test_the_firmwares_entries_stand_beside_the_hosts_tables() -> None:
    found = stated({"mode": "host", "fw_cfg": {"opt/a": "<1>", "opt/b": {"file": "/srv/b"}}})
    assert found["os"]["smbios"] == {"@mode": "host"}
    assert found["sysinfo"] == {
        "fwcfg": {
            "@type": "fwcfg",
            "entry": {
                "opt/a": {"@name": "opt/a", "#": "<1>"},
                "opt/b": {"@name": "opt/b", "@file": "/srv/b"},
            },
        }
    }
    assert "smbios" not in stated({"fw_cfg": {"opt/a": "1"}}).get("os", {})


def test_the_hosts_is_a_word() -> None:
    found = stated("host")
    assert found["os"] == {"smbios": {"@mode": "host"}} and "sysinfo" not in found


@pytest.mark.parametrize(
    ("sysinfo", "words"),
    [
        ({"mode": "host", "bios": {"vendor": "a"}}, "nothing else is stated"),
        ({"fw_cfg": {"opt/a": {"file": "/srv/a", "value": "1"}}}, "either a text or a `file`"),
        ({"bios": {"colour": "red"}}, "'vendor', 'version'"),
    ],
)
def test_what_is_refused_is_told(sysinfo: Any, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        stated(sysinfo)
    assert words in str(caught.value)


def test_other_strings_take_the_place_of_all() -> None:
    xml = "<domain><sysinfo type='smbios'><oemStrings><entry>a</entry></oemStrings></sysinfo></domain>"
    path = ("sysinfo", "smbios", "oemStrings", "entry")
    made = edits.writing(path, [{"#": "b<"}, {"#": "c"}], lambda path: "", read(xml))
    assert read(edit(xml, made))["sysinfo"]["smbios"]["oemStrings"] == {"entry": [{"#": "b<"}, {"#": "c"}]}
