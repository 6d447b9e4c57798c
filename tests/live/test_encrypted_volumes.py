"""Encrypted volumes on a real libvirtd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from kvmspec.adapters.libvirt import Host, connect
from kvmspec.core.errors import LibvirtFailure
from kvmspec.kinds.volume import KIND
from kvmspec.manifest.secrets import SecretStore
from tests.support.private_libvirt import PrivateLibvirt
from tests.unit.kinds.network.making import HOST, apply, context, look, manifest, plan

pytestmark = pytest.mark.libvirtd
UUID = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
SECRET = f"""<secret ephemeral='no' private='no'><uuid>{UUID}</uuid>
<usage type='volume'><volume>/srv/key</volume></usage></secret>"""
CIPHER = {"name": "aes", "size": 256, "mode": "cbc", "hash": "sha256"}


@pytest.fixture
def host(clean_host: PrivateLibvirt) -> Iterator[Host]:
    opened = connect(HOST, clean_host.uri, SecretStore())
    opened.conn.secretDefineXML(SECRET).setValue(b"open sesame")
    yield opened
    opened.conn.secretLookupByUUIDString(UUID).undefine()
    opened.close()


def volumes(machine: PrivateLibvirt, **of: Any) -> Any:
    return manifest(pools={"vms": {"path": str(machine.images / "vms")}}, volumes=of)


CASES = {
    "by its UUID": ("raw", {"secret": UUID}),
    "by its usage": ("raw", {"secret": "/srv/key"}),
    "in full": ("qcow2", {"secret": UUID, "cipher": CIPHER, "ivgen": "plain64"}),
}


@pytest.mark.parametrize("case", CASES)
def test_made_and_nothing_to_do(case: str, host: Host, clean_host: PrivateLibvirt) -> None:
    form, encryption = CASES[case]
    wanted = volumes(clean_host, vault={"size": "8MiB", "format": form, "encryption": encryption})
    patiently(wanted, host)
    host.volumes.refresh("vms")
    found = host.volumes.get("vms", "vault")
    assert (found.encrypted, found.format, found.capacity) == (True, form, 8 << 20)
    assert b"LUKS" in (clean_host.images / "vms" / "vault").read_bytes()
    assert plan(wanted, host) == []


def patiently(wanted: Any, host: Host) -> None:
    """qemu-img gives up where other processes keep it from measuring how fast it derives keys."""
    for _ in range(5):
        with suppress(LibvirtFailure):
            apply(wanted, host)
            return
    apply(wanted, host)


def test_a_volume_is_encrypted_or_not_for_life(host: Host, clean_host: PrivateLibvirt) -> None:
    plain = {"size": "8MiB", "format": "raw"}
    apply(volumes(clean_host, vault=plain), host)
    about = context(volumes(clean_host, vault={**plain, "encryption": UUID}))
    seen = look(host)
    refusals = [
        problem.message
        for desired in about.desired.values()
        if desired.address.kind == "volume"
        for problem in KIND.diff(desired, seen, about).refusals
    ]
    assert refusals == ["volume/vms/vault on hv1 is there already, and is not encrypted"]


def test_a_fragment_is_read_at_creation(host: Host, clean_host: PrivateLibvirt) -> None:
    fragment = "<volume><target><permissions><mode>0640</mode></permissions></target></volume>"
    wanted = volumes(clean_host, a={"size": "1MiB", "format": "raw", "xml": fragment})
    apply(wanted, host)
    assert (clean_host.images / "vms" / "a").stat().st_mode & 0o777 == 0o640
    assert plan(wanted, host) == []
