"""What the examples of single fields refer to, so that each is a manifest of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

AROUND: dict[str, Any] = {
    "kvmspec": 1,
    "project": "shop",
    "variables": {
        name: {"default": "12345678", "secret": True} for name in ("vnc_password", "ops_password", "cookie")
    },
    "hosts": {"hv1": {"uri": "test:///default"}, "hv2": {"uri": "test:///default"}},
    "defaults": {
        "host": "hv1",
        "vms": {
            "cloud_init": {"hostname": "web"},
            "graphics": ["spice"],
            "disks": [{"name": "root", "size": "1GiB", "pool": "vms"}],
        },
    },
    "networks": {"front": {"subnet": "192.168.150.0/24", "dhcp": {}}},
    "pools": {"vms": {"path": "/srv/vms"}},
    "volumes": {name: {"pool": "vms", "size": "1GiB"} for name in ("pgdata", "golden", "debian-12.qcow2")},
    "images": {
        name: {"path": "./image.qcow2", "pool": "vms", "kind": kind}
        for name, kind in (("debian-12", "disk"), ("debian-12-iso", "iso"))
    },
    "profiles": {"base": {"memory": "1GiB"}},
    "vms": {"db": {"memory": "1GiB"}, "frontend": {"memory": "1GiB"}},
}
"""What examples refer to: the rest of the manifest that they are a part of."""

ENVIRON = {"DB_PASSWORD": "secret", "CHAP_PASSWORD": "x", "PGDATA_KEY": "y", "CEPH_KEY": "QUJD"}
"""Variables of the environment that they name."""


def the_rest(example: dict[str, Any]) -> dict[str, Any]:
    """AROUND without what the example has itself."""
    rest: dict[str, Any] = {}
    for key, value in AROUND.items():
        if key not in example:
            rest[key] = value
        elif isinstance(value, dict) and isinstance(example[key], dict):
            rest[key] = {name: entry for name, entry in value.items() if name not in example[key]}
    return rest


def stand(folder: Path) -> None:
    """The files that examples name."""
    (folder / "key.pub").write_text("ssh-ed25519 AAAA\n")
    (folder / "_cloud").mkdir()
    (folder / "_cloud/user-data.yaml").write_text("#cloud-config\npackages: [nginx]\n")
    (folder / "_cloud/network.yaml").write_text("version: 2\n")
