"""Interfaces that cannot be, and what of them a running guest can be given."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from kvmspec.core.impact import Impact
from kvmspec.kinds.domain.guest import Guest
from kvmspec.kinds.domain.nic_spec import PLACES, NicSpec
from kvmspec.kinds.domain.tables import nics
from kvmspec.kinds.domain.tables.nic_places import place
from kvmspec.kinds.nics import nic_keys

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "two places": ({"user": True, "bridge": "br0"}, "exactly one of"),
    "passt's options without it": ({"user": {"dev": "eno1"}}, "go with `backend: passt` only"),
    "two addresses of one kind": (
        {"user": {"addresses": ["10.0.2.0/24", "10.0.3.0/24"]}},
        "one IPv4 and one IPv6 address at the most",
    ),
    "no address": ({"user": {"addresses": ["10.0.2"]}}, "expected an IP address with its prefix"),
    "a driver of another card": ({"user": True, "model": "e1000", "driver": "vhost"}, "`driver` goes with"),
    "vfio without a card": ({"bridge": "br0", "driver": "vfio"}, "`driver: vfio` goes with `hostdev` only"),
    "an odd ring": (
        {"bridge": "br0", "driver": {"rx_queue_size": 1000}},
        "powers of two, such as 512 or 1024",
    ),
    "a rom that is none": (
        {"bridge": "br0", "rom": {"enabled": False, "file": "/srv/a.rom"}},
        "neither `bar` nor `file`",
    ),
    "half a team": ({"bridge": "br0", "teaming": "transient"}, "which needs it"),
    "a parameter without an order": ({"bridge": "br0", "loadparm": "2"}, "`loadparm` goes with `boot_order`"),
    "a port of another switch": (
        {"bridge": "br0", "virtualport": {"type": "openvswitch", "manager_id": 1}},
        "`manager_id` is of 802.1Qbg only",
    ),
    "midonet without its port": ({"bridge": "br0", "virtualport": "midonet"}, "needs its `interface_id`"),
    "isolated by itself": ({"user": True, "isolated": True}, "`network` or `bridge` only"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_told(case: str) -> None:
    fields, told = REFUSED[case]
    with pytest.raises(ValidationError) as error:
        NicSpec.model_validate(fields)
    assert told in str(error.value)


def test_interfaces_without_a_name_are_called_after_where_they_are() -> None:
    listed = [
        {"user": True},
        {"user": True},
        {"macvtap": "eno2"},
        {"client": {"address": "10.0.0.1", "port": 1}},
    ]
    assert nic_keys([NicSpec.model_validate(one) for one in listed]) == ["user", "user#2", "eno2", "client"]


@pytest.mark.parametrize("kind", PLACES.values())
def test_what_libvirt_plugs_is_plugged(kind: str) -> None:
    verdict = nics.NIC_PLUG(None, {"@type": kind}, Guest())
    told = {"mcast", "server", "client", "udp", "internal", "vds", "null"}
    assert (verdict.impact is Impact.RESTART) == (kind in told)


def test_a_source_is_told_by_its_kind() -> None:
    path = ("devices", "interface", "52:54:00:00:00:01", "source", "@dev")
    assert place(path, "vdpa", "eth0.1") == "networks.eth0.1.vdpa"
    assert place(path, "direct", "eth0.1") is None
    assert place((*path[:3], "model"), "vdpa", "eth0.1") is None
