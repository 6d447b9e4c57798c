"""Which bases may go."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvmspec import pipeline
from kvmspec.core.observed import HostView, Observed, ObservedImage, ObservedVolume
from kvmspec.engine.prune import judge

MANIFEST = "kvmspec: 1\nproject: shop\npools: {vms: {path: /p}}\nimages: {debian: {path: ./debian.qcow2}}\n"
NOW = "3f2a91c04b7e"


def kept(tmp_path: Path, volume: str) -> str:
    """Why a volume of the pool stays; "" where it may go, "no base" where it is none."""
    (tmp_path / "m.yaml").write_text(MANIFEST)
    manifest = pipeline.load(pipeline.Request((tmp_path,), environ={}))
    view = HostView(
        "default",
        "qemu:///system",
        pools={"vms": Observed("pool", "vms", "u", "<pool type='dir'/>", "running")},
        volumes={f"vms/{volume}": ObservedVolume("vms", volume, f"/p/{volume}", 1, "qcow2")},
        pools_read=frozenset({"vms"}),
        images={"debian": ObservedImage(NOW + "0" * 52)},
    )
    found = judge({"default": view}, manifest, frozenset(), False).found
    return found[0].kept if found else "no base"


@pytest.mark.parametrize(
    ("volume", "why"),
    [
        ("debian-0123456789ab", ""),
        (f"debian-{NOW}", "the next disk from image debian is made from it"),
        ("debian-202511251200", "no base"),
        ("debian-data.qcow2", "no base"),
        ("ubuntu-0123456789ab", "no base"),
    ],
)
def test_what_may_go(tmp_path: Path, volume: str, why: str) -> None:
    assert kept(tmp_path, volume) == why
