"""The names of bases."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvmspec.kinds.bases import image_at, same_image, tag

NAMES: dict[str, str | None] = {
    "debian-12-3f2a91c04b7e": "debian-12",
    "/srv/vms/debian-12-3f2a91c04b7e": "debian-12",
    "debian-202511251200": None,  # a date
    "debian-20251125120a": "debian",
    "debian-000000000000": "debian",  # one whose digest nobody knows yet
    "debian-3F2A91C04B7E": None,
    "debian-3f2a91c04b7": None,
    "debian-3f2a91c04b7e0": None,
    "debian-3f2a91c04b7e.qcow2": None,
    "-3f2a91c04b7e": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_is_a_base_of(name: str) -> None:
    assert image_at(name) == NAMES[name]


@given(st.binary(min_size=32, max_size=64))
def test_every_digest_has_a_name_that_is_told_again(digest: bytes) -> None:
    assert image_at(f"debian-{tag(digest.hex())}") == "debian"


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ("3f2a91c04b7e" + "0" * 52, "3f2a91c04b7e"),
        ("202511251200" + "a" + "0" * 51, "02511251200a"),
        ("0" * 64, "00000000000f"),
    ],
)
def test_tag(identity: str, expected: str) -> None:
    assert tag(identity) == expected


def test_a_date_is_not_of_the_same_image() -> None:
    assert same_image("/p/os-3f2a91c04b7e", "/p/os-4f2a91c04b7e")
    assert not same_image("/p/os-3f2a91c04b7e", "/p/os-202511251200")
    assert not same_image("/p/os-3f2a91c04b7e", "/q/os-4f2a91c04b7e")
