"""Sets of CPUs: libvirt's words, so that equal sets are equal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.cpu_set import format_set, parse_cpu_set


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (2, "2"),
        ("2", "2"),
        ("0-3,^2", "0-1,3"),
        ("3,1,0", "0-1,3"),
        ("0-1, 2", "0-2"),
        ("^2,0-3", "0-3"),
        ("0-0", "0"),
        ("0-1023", "0-1023"),
    ],
)
def test_a_set_is_written_as_libvirt_writes_it(written: Any, meant: str) -> None:
    assert parse_cpu_set(written) == meant


@pytest.mark.parametrize(
    "wrong", ["", ",", "a", "1-", "3-1", "-1", -1, "^1", "0,^0", None, True, 1.5, [], "0-99999"]
)
def test_what_is_no_set(wrong: Any) -> None:
    with pytest.raises(PydanticCustomError):
        parse_cpu_set(wrong)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_there_and_back(numbers: set[int]) -> None:
    text = format_set(numbers)
    assert parse_cpu_set(text) == text == format_set(numbers)
    assert parse_cpu_set(",".join(map(str, numbers))) == text
