"""The NoCloud seed of a VM as documents with tokens: see kvmspec/images/seed.py for what those are.

The four files: https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kvmspec.images import user_data
from kvmspec.images.seed import Document, Files
from kvmspec.kinds.domain.cloud_config import typed_config
from kvmspec.kinds.domain.cloud_raw import netplan
from kvmspec.kinds.domain.guest_text import hostname_of
from kvmspec.manifest.files import FileText
from kvmspec.manifest.secrets import SecretStore, digest

if TYPE_CHECKING:
    from kvmspec.kinds.domain.cloud_init import CloudInitSpec

_HEAD = "#cloud-config\n"
_TOKEN = re.compile(r"kvmspec-secret-[0-9a-f]{16}")
_digests: dict[tuple[str, str], str] = {}  # (project, value) → digest: scrypt takes 30 ms


class SeedNic(NamedTuple):
    """An interface as the guest's network configuration needs it.

    key          its key in the manifest
    address      with the length of its prefix, `192.168.150.10/24`; None takes what DHCP gives
    gateway      the router of a static address
    nameservers  the DNS servers of a static address
    """

    key: str
    mac: str
    address: str | None = None
    gateway: str | None = None
    nameservers: tuple[str, ...] = ()


def seed_files(
    spec: CloudInitSpec, *, name: str, uuid: str, project: str, nics: Sequence[SeedNic], secrets: SecretStore
) -> Files:
    """The seed's files, in the order of their names: plain data with secrets as tokens, ready for JSON.

    `meta-data` and `user-data` are always there; `network-config` where it is stated or an interface has
    a static address; `vendor-data` where it is stated. Equal arguments give equal files, but for tokens.
    """
    files: dict[str, Document] = {"user-data": _user_data(spec, uuid)}
    if (network := _network(spec, nics)) is not None:
        files["network-config"] = {"yaml": network}
    if spec.vendor_data is not None:
        files["vendor-data"] = _raw(spec.vendor_data)
    hostname = spec.hostname or (spec.fqdn or hostname_of(name)).partition(".")[0]
    files["meta-data"] = {"yaml": {"local-hostname": hostname}}
    content = fingerprint(files, secrets, project)
    instance = hashlib.sha256(f"{uuid} {content}".encode()).hexdigest()[:16]
    files["meta-data"] = {"yaml": {"instance-id": f"kvmspec-{instance}", "local-hostname": hostname}}
    return dict(sorted(files.items()))


def fingerprint(files: Files, secrets: SecretStore, project: str) -> str:
    """16 hex digits, the same for the same content, the secrets' values included.

    Where the content has secrets, they go into it as scrypt digests: whoever wants to try values out
    pays for each one what scrypt costs, and each project anew.
    """
    text = json.dumps(files, sort_keys=True, separators=(",", ":"))
    if "kvmspec-secret-" in text:
        text = _TOKEN.sub(lambda match: _digest(secrets.reveal(match[0]), project), text)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest(value: str, project: str) -> str:
    """A secret's digest, reckoned once a run."""
    key = project, value
    if key not in _digests:
        _digests[key] = digest(value, f"kvmspec seed {project}")
    return _digests[key]


def _user_data(spec: CloudInitSpec, uuid: str) -> Document:
    """The raw user-data and the typed fields as one: merged, side by side, or whichever there is."""
    typed = typed_config(spec, uuid)
    raw = spec.user_data.text if spec.user_data else None
    if raw is None:
        return {"yaml": typed, "head": _HEAD}
    if not typed:
        return _raw(spec.user_data)
    kind = user_data.kind_of(raw)
    if kind == user_data.CONFIG:
        return {"yaml": _merged(user_data.config(raw), typed), "head": _HEAD}
    config = {"yaml": typed, "head": _HEAD, "mime": user_data.CONFIG}
    return {"parts": [{"text": raw, "mime": kind}, config]}


def _merged(raw: Mapping[str, Any], typed: Mapping[str, Any]) -> Any:
    """The typed fields over the raw ones; what only completes a typed field gives way to what is raw."""
    merged = user_data.merge(raw, typed)
    if "chpasswd" in raw and "chpasswd" in typed:
        merged = {**merged, "chpasswd": user_data.merge(typed["chpasswd"], raw["chpasswd"])}
    users = merged.get("users")
    if isinstance(users, list) and users.count("default") > 1:
        first = users.index("default")
        merged["users"] = [user for at, user in enumerate(users) if user != "default" or at == first]
    return merged


def _raw(value: FileText | None) -> Document:
    """A text as it stands; as data where it is YAML with secrets in it, so that they are quoted."""
    text = (value.text if value else None) or ""
    if "kvmspec-secret-" in text and user_data.kind_of(text) == user_data.CONFIG:
        return {"yaml": user_data.config(text), "head": _HEAD}
    return {"text": text}


def _network(spec: CloudInitSpec, nics: Sequence[SeedNic]) -> Mapping[str, Any] | None:
    """The network configuration as stated, else of the interfaces where one has a static address."""
    if spec.network is not None:
        return spec.network
    if spec.network_config is not None and spec.network_config.text is not None:
        return netplan(user_data.parse(spec.network_config.text))
    if all(nic.address is None for nic in nics):
        return None
    return {
        "version": 2,
        "ethernets": {f"eth{at}": _ethernet(f"eth{at}", nic) for at, nic in enumerate(nics)},
    }


def _ethernet(name: str, nic: SeedNic) -> dict[str, Any]:
    """One interface, known by its MAC. It is renamed, for cloud-init's renderers other than netplan look
    for an interface by the name that stands here (cloudinit/net/networkd.py, eni.py)."""
    known: dict[str, Any] = {"match": {"macaddress": nic.mac}, "set-name": name}
    if nic.address is None:
        return {**known, "dhcp4": True}
    known |= {"dhcp4": False, "addresses": [nic.address]}
    if nic.gateway:
        everywhere = "::/0" if ":" in nic.gateway else "0.0.0.0/0"
        known["routes"] = [{"to": everywhere, "via": nic.gateway}]
    if nic.nameservers:
        known["nameservers"] = {"addresses": list(nic.nameservers)}
    return known
