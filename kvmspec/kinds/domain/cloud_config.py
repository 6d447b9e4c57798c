"""The typed fields of `cloud_init:` as cloud-init's own keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kvmspec.images.seed import PASSWORD
from kvmspec.kinds.domain.cloud_init import CloudInitSpec
from kvmspec.kinds.domain.cloud_parts import DEFAULT_USER, UserSpec, WriteFileSpec

_AS_THEY_ARE = (
    "hostname", "fqdn", "timezone", "locale", "ssh_pwauth", "package_update", "package_upgrade",
)  # fmt: skip
_ENCODINGS = {"base64": "b64"}


def typed_config(spec: CloudInitSpec, uuid: str) -> dict[str, Any]:
    """A `#cloud-config` of the typed fields; empty where there are none. Passwords wait to be hashed."""
    config: dict[str, Any] = {key: getattr(spec, key) for key in _AS_THEY_ARE}
    config["users"] = _users(spec, uuid)
    config["ssh_authorized_keys"] = _lines(spec.ssh_keys)
    if spec.password is not None:
        config["password"] = _hash(spec.password, uuid, DEFAULT_USER)
        config["chpasswd"] = {"expire": False}  # cloud-init's default asks for another at the first login
    config["packages"] = list(spec.packages)
    config["write_files"] = [_file(file) for file in spec.write_files]
    config["bootcmd"] = [_command(command) for command in spec.bootcmd]
    config["runcmd"] = [_command(command) for command in spec.runcmd]
    return _stated(config)


def _stated(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None and value != []}


def _users(spec: CloudInitSpec, uuid: str) -> list[Any]:
    """The users. A list without `default` takes the image's own user away, so it is put in where
    something is stated for it."""
    users: list[Any] = [DEFAULT_USER if u.name == DEFAULT_USER else _user(u, uuid) for u in spec.users]
    if users and DEFAULT_USER not in users and (spec.ssh_keys or spec.password):
        return [DEFAULT_USER, *users]
    return users


def _user(user: UserSpec, uuid: str) -> dict[str, Any]:
    """`hashed_passwd` also reaches a user that is there, `passwd` would not."""
    lock = user.lock_passwd
    return _stated(
        {
            "name": user.name,
            "gecos": user.gecos,
            "primary_group": user.primary_group,
            "groups": list(user.groups),
            "sudo": "ALL=(ALL) NOPASSWD:ALL" if user.sudo is True else user.sudo or None,
            "shell": user.shell,
            "homedir": user.home,
            "uid": user.uid,
            "system": user.system,
            "hashed_passwd": _hash(user.password, uuid, user.name) if user.password is not None else None,
            "lock_passwd": user.password is None if lock is None else lock,
            "ssh_authorized_keys": _lines(user.ssh_keys),
            "ssh_import_id": list(user.ssh_import_id),
        }
    )


def _lines(keys: tuple[str, ...]) -> list[str]:
    return [line for key in keys for line in key.splitlines()]


def _hash(password: str, uuid: str, user: str) -> dict[str, Any]:
    return {PASSWORD: {"value": password, "salt": f"{uuid}/{user}"}}


def _file(file: WriteFileSpec) -> dict[str, Any]:
    return _stated(
        {
            "path": file.path,
            "content": file.content,
            "encoding": _ENCODINGS.get(file.encoding),
            "owner": file.owner,
            "permissions": file.permissions,
            "append": file.append or None,
            "defer": file.defer or None,
        }
    )


def _command(command: str | tuple[str, ...]) -> str | list[str]:
    return command if isinstance(command, str) else list(command)
