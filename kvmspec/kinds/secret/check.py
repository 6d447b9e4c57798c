"""What one secret cannot know of the others, or of its value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from kvmspec.kinds.secret.spec import SecretSpec
from kvmspec.manifest.section import Finding, Item, Manifest


def check(manifest: Manifest) -> Iterator[Finding]:
    """Values that are not what they are said to be, and two secrets for one usage: libvirt refuses the
    second."""
    taken: dict[tuple[str, str, str], str] = {}
    for item in manifest.of("secret"):
        assert isinstance(item.spec, SecretSpec)
        yield from _value(item, item.spec, manifest)
        for host in item.hosts if item.spec.usage != "none" else ():
            usage, of = item.spec.usage, item.spec.of(item.name)
            other = taken.setdefault((host, usage, of), item.name)
            if other != item.name:
                yield Finding(
                    (*item.path, "usage_id") if item.spec.usage_id else item.path,
                    f"secret {other} is for {usage} {of} on {host} already",
                    "give each its own `usage_id`",
                )
                break


def _value(item: Item, spec: SecretSpec, manifest: Manifest) -> Iterator[Finding]:
    if spec.value is None:
        return
    value = manifest.secrets.reveal(spec.value)
    if "${" in value:  # a variable without a value, which is told already
        return
    if not value:
        yield Finding((*item.path, "value"), "the value is empty, which libvirt does not take")
    elif spec.written == "base64" and not _is_base64(value):
        yield Finding(
            (*item.path, "value"),
            f"the value of secret {item.name} is not base64",
            "give it as `ceph auth get-key` prints it, or state `encoding: text`"
            if spec.usage == "ceph"
            else "encode it (`base64 -w0`), or state `encoding: text`",
        )


def _is_base64(value: str) -> bool:
    try:
        return bool(base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return False
