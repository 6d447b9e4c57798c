"""Any small manifest: apply, and the plan is empty; another one after it, and empty again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kvmspec.core.change import Verb
from kvmspec.report.text import plan_text
from tests.unit.engine.session import Manifest, Workshop

TEXTS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24FF, exclude_categories=("Cs", "Cc", "Zl", "Zp")),
    min_size=1,
    max_size=20,
).filter(lambda text: text.strip() == text and "$" not in text)
SIZES = st.sampled_from(["64MiB", "100MB", "128MiB", "200MiB"])
NETWORKS = ("front", "back")


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


def network(number: int) -> st.SearchStrategy[dict[str, Any]]:
    subnet = f"10.{number}.0"
    return st.fixed_dictionaries(
        {"mode": st.sampled_from(["nat", "isolated", "route", "open"]), "subnet": st.just(f"{subnet}.0/24")},
        optional={
            "autostart": st.booleans(),
            "domain": st.sampled_from(["shop.lan", "lan"]),
            "mtu": st.sampled_from([1400, 9000]),
            "dhcp": st.sampled_from(
                [
                    {"start": f"{subnet}.100", "end": f"{subnet}.199"},
                    {"hosts": [{"mac": "52:54:00:00:00:0a", "ip": f"{subnet}.10", "name": "db"}]},
                ]
            ),
            "dns": st.just({"hosts": {f"{subnet}.1": ["gw", "gw.shop.lan"]}}),
        },
    )


NICS = st.lists(
    st.sampled_from(NETWORKS).map(lambda name: {"network": name}) | st.just({"bridge": "br0", "name": "out"}),
    max_size=2,
    unique_by=str,
)
DISKS = st.lists(
    st.sampled_from(
        [
            {"path": "/srv/a.qcow2"},
            {"path": "/dev/vg/b", "bus": "scsi"},
            {"path": "/srv/c.raw", "name": "c", "cache": "none"},
            {"cdrom": "/srv/x.iso"},
        ]
    ),
    max_size=3,
    unique_by=str,
)
VM = st.fixed_dictionaries(
    {
        "cpus": st.sampled_from([1, 2, {"count": 1, "max": 4}, {"count": 3, "max": 4}]),
        "memory": SIZES | st.just({"size": "64MiB", "max": "256MiB"}),
        "state": st.sampled_from(["running", "stopped", "any"]),
    },
    optional={
        "title": TEXTS.filter(lambda text: "\n" not in text),
        "description": TEXTS,
        "autostart": st.booleans(),
        "networks": NICS,
        "disks": DISKS,
        "preset": st.sampled_from(["standard", "bare"]),
        "console": st.booleans(),
        "guest_agent": st.booleans(),
        "features": optional(acpi=st.booleans(), pae=st.booleans()),
        "devices": optional(rng=st.booleans()),
        "boot": st.sampled_from(
            [["disk"], ["network", "disk"], {"kernel": "/srv/vmlinuz", "cmdline": "a=b"}]
        ),
        "graphics": st.just([{"type": "vnc", "password": "geheim12"}]) | st.just([]),
    },
)
VMS = st.dictionaries(st.sampled_from(["web", "db", "mail"]), VM, min_size=1, max_size=3)
MANIFESTS = st.fixed_dictionaries(
    {
        "networks": st.fixed_dictionaries({name: network(number) for number, name in enumerate(NETWORKS, 1)}),
        "vms": VMS,
    }
)


def settle(workshop: Workshop, manifest: Manifest) -> None:
    """Apply; nothing fails, nothing remains, and a plan from scratch is empty."""
    result = workshop.apply(manifest)
    assert not [(type(o.step.action).__name__, o.error) for o in result.failed]
    assert not [(d.address.short, d.changes) for d in result.remaining]
    again = workshop.plan(manifest)
    assert again.empty and all(d.verb is Verb.NO_OP for d in again.differences), plan_text(again)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # small as they are; shrinking takes minutes
)
@given(first=MANIFESTS, other=VMS)
def test_apply_then_the_plan_is_empty_and_after_an_edit_again(first: Manifest, other: Manifest) -> None:
    second = first | {"vms": other}  # a network of the test driver never takes on a new definition
    with TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        foreign = workshop.foreign()
        try:
            settle(workshop, first)
            settle(workshop, second)
            assert workshop.foreign() == foreign
        finally:
            workshop.close()
