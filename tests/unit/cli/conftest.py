"""The command line on a fake pipeline."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import kvmspec
from tests.unit.cli.fake import Fake, module


@dataclass
class Ran:
    code: int
    out: str
    err: str
    fake: Fake


@pytest.fixture
def kvmspec_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`kvmspec_cli(scenario, *arguments)`: run a command line in this process."""
    from kvmspec.cli.main import run

    def call(scenario: str, *arguments: str) -> Ran:
        fake = Fake(scenario)
        stand_in = module(fake)
        monkeypatch.setitem(sys.modules, "kvmspec.pipeline", stand_in)
        monkeypatch.setattr(kvmspec, "pipeline", stand_in, raising=False)
        monkeypatch.setenv("NO_COLOR", "")
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(int(code), captured.out, captured.err, fake)

    return call
