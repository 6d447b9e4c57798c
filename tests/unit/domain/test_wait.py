"""`wait_for`: what it takes, and the waiting that becomes of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.core.action import from_data, to_data
from kvmspec.core.address import Address
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.kinds.domain.wait import WaitSpec, action, default, waiting, words

AT = Address("hv1", "vm", "web")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"agent": True}, "the guest agent"),
        ({"port": 80}, "port 80"),
        ({"ip": True, "port": [80, 443], "ssh": True}, "an address, ssh, port 80, port 443"),
        ({"cloud_init": True, "timeout": "10m"}, "cloud-init"),
        ({"agent": False}, ""),
    ],
)
def test_what_is_waited_for(written: dict[str, Any], told: str) -> None:
    spec = WaitSpec.model_validate(written)
    assert words(spec) == told
    assert [text for _, text in waiting(AT, spec)] == ([f"wait for {told}"] if told else [])


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"timeout": "5m"},
        {"agent": "yes"},
        {"port": 0},
        {"port": 65536},
        {"port": []},
        {"port": "80"},
        {"ssh": True, "timeout": 60},
        {"http": True},
    ],
)
def test_what_it_does_not_take(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WaitSpec.model_validate(written)


def test_the_action_survives_a_saved_plan() -> None:
    made = action(AT, WaitSpec.model_validate({"ssh": True, "port": [80, 443]}))
    assert from_data(to_data(made)) == made and made.ports == (80, 443) and made.timeout == 300


def test_the_command_line_has_the_last_word_on_the_timeout() -> None:
    assert action(AT, WaitSpec.model_validate({"ssh": True, "timeout": "1h"}), 5).timeout == 5


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"networks": ["front"]}, "an address"),
        ({"networks": ["front"], "guest_agent": True}, "an address, the guest agent"),
        ({"guest_agent": True}, "the guest agent"),
        ({}, ""),
    ],
)
def test_without_wait_for(fields: dict[str, Any], told: str) -> None:
    assert words(default(VmSpec.model_validate({"memory": "1GiB", **fields}))) == told
