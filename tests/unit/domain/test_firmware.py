"""Firmware, and what it boots."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.adapters.jinja import Renderer
from kvmspec.kinds.domain import fields, fit, render
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.records import KeyMap
from kvmspec.resources import folder

RENDERER = Renderer(folder("templates"))
CODE, VARS = "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"


def spec_of(**values: Any) -> VmSpec:
    return VmSpec.model_validate({"memory": "1GiB", **values})


def stated(**values: Any) -> dict[str, Any]:
    """Canonical data of <os>."""
    spec = spec_of(**values)
    xml = render.stated(RENDERER, "web", spec, (), KeyMap(), frozenset())
    return dict(fit.stated_data(xml, spec).get("os", {}))


FLASH = {"@readonly": "yes", "@type": "pflash", "#": CODE}
STATED: dict[str, tuple[Any, Any]] = {
    "uefi": ("uefi", {"@firmware": "efi"}),
    "bios": ("bios", {}),
    "a bios that libvirt chooses": ({"type": "bios", "auto": True}, {"@firmware": "bios"}),
    "a bios of one's own": ({"type": "bios", "loader": "/srv/b"}, {"loader": {"#": "/srv/b"}}),
    "secure boot": (
        {"secure_boot": True, "enrolled_keys": False},
        {
            "@firmware": "efi",
            "firmware": {
                "feature": {
                    "secure-boot": {"@enabled": "yes", "@name": "secure-boot"},
                    "enrolled-keys": {"@enabled": "no", "@name": "enrolled-keys"},
                }
            },
        },
    ),
    "an image": ({"loader": CODE}, {"loader": FLASH}),
    "an image and its variables": (
        {"loader": CODE, "nvram": "/srv/v.fd", "nvram_template": VARS},
        {"loader": FLASH, "nvram": {"@template": VARS, "#": "/srv/v.fd"}},
    ),
    "an image in memory": (
        {"loader": CODE, "loader_type": "rom"},
        {"loader": {"@type": "rom", "#": CODE}},
    ),
    "variables": ({"nvram": "/srv/v.fd"}, {"@firmware": "efi", "nvram": {"#": "/srv/v.fd"}}),
    "no variables": (
        {"loader": CODE, "stateless": True},
        {"loader": FLASH | {"@stateless": "yes"}},
    ),
}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_of_firmware(name: str) -> None:
    firmware, expected = STATED[name]
    assert stated(firmware=firmware) == expected


BOOTS: dict[str, tuple[Any, Any]] = {
    "a menu": (
        {"devices": ["floppy"], "menu": True, "menu_timeout": "3s"},
        {"boot": [{"@dev": "fd"}], "bootmenu": {"@enable": "yes", "@timeout": "3000"}},
    ),
    "a serial port": ({"serial": True}, {"bios": {"@useserial": "yes"}}),
    "once more": ({"reboot_timeout": "500ms"}, {"bios": {"@rebootTimeout": "500"}}),
    "not once more": ({"reboot_timeout": "never"}, {"bios": {"@rebootTimeout": "-1"}}),
    "at once": ({"reboot_timeout": "0s"}, {"bios": {"@rebootTimeout": "0"}}),
    "a table": ({"slic": "/srv/s"}, {"acpi": {"table": {"@type": "slic", "#": "/srv/s"}}}),
}


@pytest.mark.parametrize("name", BOOTS)
def test_what_is_stated_of_booting(name: str) -> None:
    boot, expected = BOOTS[name]
    assert stated(boot=boot) == expected


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "secure boot of a bios": ({"firmware": {"type": "bios", "secure_boot": True}}, "`type: uefi` only"),
    "an image that is chosen": ({"firmware": {"loader": CODE, "secure_boot": True}}, "either a `loader`"),
    "uefi by choice": ({"firmware": {"type": "uefi", "auto": True}}, "`auto` is of `type: bios` only"),
    "a template for nothing": ({"firmware": {"nvram_template": VARS}}, "go with a `loader`"),
    "variables of none": (
        {"firmware": {"loader": CODE, "stateless": True, "nvram": "/srv/v"}},
        "has no `nvram`",
    ),
    "secure without smm": ({"firmware": {"loader": CODE, "secure": True}}, "features: {smm: true}"),
    "a long wait": ({"boot": {"menu": True, "menu_timeout": "2m"}}, "such as 3s or 500ms"),
    "a wait without a menu": ({"boot": {"menu_timeout": "2s"}}, "goes with `menu`"),
    "a tree without a kernel": ({"boot": {"dtb": "/srv/d"}}, "need a `kernel`"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told(name: str) -> None:
    values, words = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        spec_of(**values)
    assert words in str(caught.value)


def test_a_bios_is_without_what_uefi_has() -> None:
    paths = fit.absences(spec_of(firmware="bios"), KeyMap())
    assert {("os", "@firmware"), ("os", "loader"), ("os", "nvram")} <= set(paths)
    own = fit.absences(spec_of(firmware={"type": "bios", "loader": "/srv/b"}), KeyMap())
    assert ("os", "loader") not in own


FOUND = {"os": {"loader": FLASH, "nvram": {"#": "/srv/v.fd"}}}


def test_an_image_in_flash_memory_is_uefi() -> None:
    assert fit.firmware({"os": {"@firmware": "efi"}}, FOUND) == {"os": {}}
    asked = {"os": {"@firmware": "efi", "firmware": {"feature": {}}}}
    assert fit.firmware(asked, FOUND) == asked, "which image it is matters"
    assert fit.firmware({"os": {"@firmware": "efi"}}, {"os": {}}) == {"os": {"@firmware": "efi"}}


def test_values_are_shown_as_a_manifest_says_them() -> None:
    shown = {
        ("os", "@firmware"): ("efi", "uefi"),
        ("os", "bios", "@rebootTimeout"): ("-1", "never"),
        ("os", "bootmenu", "@timeout"): ("3000", "3s"),
        ("os", "loader"): (FLASH, CODE),
    }
    for path, (value, expected) in shown.items():
        assert fields.lookup(path)[0].show(value) == expected
