"""Makes live/ of a case on a real libvirtd of its own:  python -m tests.golden.capture CASE…

Applies the case's before.yaml, then runs its outside.sh (virsh speaks to that host), then writes down what
kvmspec's own adapter sees. Guests run under TCG without anything to boot. Run it again when the metadata
that kvmspec writes changes its form.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.observed import Observed
from kvmspec.manifest.secrets import SecretStore
from tests.golden.harness import CASES, Case
from tests.support.hosts import DEFAULT, empty
from tests.support.private_libvirt import PrivateLibvirt

TOP = Path(__file__).resolve().parents[2]
_BOOT = 2.0  # seconds until the firmware has looked at every device: live changes work from then on


def capture(case: Case, machine: PrivateLibvirt) -> None:
    """Prepare the host, look at it, write live/."""
    _prepare(case, machine)
    host = connect("default", machine.uri, SecretStore())
    try:
        _write(case, host)
    finally:
        host.close()


def _prepare(case: Case, machine: PrivateLibvirt) -> None:
    before = case.folder / "before.yaml"
    if before.exists():
        command = [sys.executable, "-m", "kvmspec", "apply", str(before), "--yes", "--parallelism", "1"]
        command += ["--connect", machine.uri]
        environ = {**os.environ, "PYTHONPATH": str(TOP), **case.options.get("environ", {})}
        applied = subprocess.run(
            command, check=False, env=environ, capture_output=True, text=True, cwd=case.folder
        )
        if applied.returncode != 0:
            raise SystemExit(f"{case.folder.name}: before.yaml\n{applied.stdout}{applied.stderr}")
    outside = case.folder / "outside.sh"
    if outside.exists():
        time.sleep(_BOOT)
        machine.run(["bash", "-e", str(outside)])


def _write(case: Case, host: Host) -> None:
    live = case.folder / "live"
    shutil.rmtree(live, ignore_errors=True)
    live.mkdir()
    domains = host.domains.list()
    wanted = {DEFAULT} if any(f"network='{DEFAULT}'" in domain.xml for domain in domains) else set()
    networks = [network for network in host.networks.list() if network.name != DEFAULT or wanted]
    pools = host.pools.list()
    volumes = host.volumes.list([pool.name for pool in pools if pool.running])
    said: dict[str, Any] = {"facts": {"kvm": False}}
    for key, kind, group in (
        ("vms", "vm", domains),
        ("networks", "network", networks),
        ("pools", "pool", pools),
    ):
        for observed in group:
            (live / f"{kind}.{observed.name}.xml").write_text(observed.xml)
            if observed.active_xml is not None:
                (live / f"{kind}.{observed.name}.active.xml").write_text(observed.active_xml)
        if group:
            said[key] = {observed.name: _state(observed) for observed in group}
    if volumes:
        said["volumes"] = [asdict(volume) for volume in sorted(volumes, key=lambda v: (v.pool, v.name))]
    (live / "host.yaml").write_text(yaml.safe_dump(said, sort_keys=False))


def _state(observed: Observed) -> dict[str, Any]:
    found: dict[str, Any] = {"state": observed.state}
    found |= {name: True for name in ("autostart", "managed_save") if getattr(observed, name)}
    return found if observed.persistent else found | {"persistent": False}


def main() -> None:
    wanted = sys.argv[1:]
    folders = [CASES / name for name in wanted] or sorted(CASES.iterdir())
    with PrivateLibvirt() as machine:
        for folder in folders:
            if (folder / "before.yaml").exists() or (folder / "outside.sh").exists():
                connection = machine.connect()
                empty(connection)
                connection.close()
                machine.run(["rm", "-rf", "/var/lib/libvirt/images/vms"])
                capture(Case(folder), machine)
                sys.stderr.write(f"{folder.name}\n")


if __name__ == "__main__":
    main()
