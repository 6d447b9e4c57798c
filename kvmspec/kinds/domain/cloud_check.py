"""What cloud-init would do without a word, and nobody wants."""

from __future__ import annotations

from collections.abc import Iterator

from kvmspec.images import cloud_schema, user_data
from kvmspec.kinds.domain.cloud_init import CloudInitSpec
from kvmspec.kinds.domain.cloud_parts import DEFAULT_USER, UserSpec
from kvmspec.manifest.section import Finding, Path


def check_cloud_init(spec: CloudInitSpec, path: Path) -> Iterator[Finding]:
    """Findings in one VM's `cloud_init`, which is written at `path`."""
    if spec.user_data is None:
        for position, user in enumerate(spec.users):
            if not _has_a_way_in(user):
                message = f"nobody can log in as {user.name}: it has no key and no password"
                hint = "give it `ssh_keys`, or `system: true` if it is to run programs only"
                yield Finding((*path, "users", position), message, hint, warning=True)
    made = {user.name for user in spec.users}
    for position, file in enumerate(spec.write_files):
        user, _, group = (file.owner or "").partition(":")
        if not file.defer and (name := next((each for each in (user, group) if each in made), None)):
            yield Finding(
                (*path, "write_files", position, "owner"),
                f"{file.path} is written before the user {name} is made",
                "say `defer: true`, and it is written last",
            )


def _has_a_way_in(user: UserSpec) -> bool:
    stated = user.password is not None and not user.lock_passwd
    return bool(user.name == DEFAULT_USER or user.system or user.ssh_keys or user.ssh_import_id or stated)


def check_with_schema(spec: CloudInitSpec, path: Path) -> Iterator[Finding]:
    """Warnings where a raw `#cloud-config` does not fit cloud-init's own schema, if this machine has it.

    Imports jsonschema: for `validate`, and not for every plan. The schema is that of the cloud-init which
    is installed here, the guest's may know more: these are warnings. The typed fields need no such check,
    tests hold what becomes of them against the schema.
    """
    for field in ("user_data", "vendor_data"):
        raw = getattr(spec, field)
        if raw is not None and raw.text is not None and user_data.kind_of(raw.text) == user_data.CONFIG:
            for message in cloud_schema.complaints(user_data.config(raw.text)):
                yield Finding((*path, field), message, warning=True)
