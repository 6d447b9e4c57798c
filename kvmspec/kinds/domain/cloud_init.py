"""What cloud-init does in a guest at its first boot, as the manifest writes it.

cloud-init's own keys: https://cloudinit.readthedocs.io/en/latest/reference/modules.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.images import passwords
from kvmspec.kinds.domain.cloud_parts import Command, Package, Password, UserSpec, WriteFileSpec
from kvmspec.kinds.domain.cloud_raw import NetworkText, RawText, netplan
from kvmspec.kinds.domain.guest_text import KEY, Fqdn, Hostname, KeyList
from kvmspec.manifest.model import Model

_DEFAULT_SCHEMES = frozenset({"1", "2a", "2y", "5", "6"})  # those that cloud-init's `password` recognises
_LOCALE = r"^[A-Za-z]+(_[A-Za-z]+)?(\.[A-Za-z0-9-]+)?(@[A-Za-z]+)?$"
_ZONE = r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$"


Network = Annotated[
    dict[str, Any],
    AfterValidator(netplan),
    WithJsonSchema(
        {
            "type": "object",
            "x-type": ["map", "a network configuration, as netplan and cloud-init write it"],
            "examples": [{"version": 2, "ethernets": {"eth0": {"dhcp4": True}}}],
        }
    ),
]


class CloudInitSpec(Model):
    """What cloud-init does at the first boot (NoCloud). `user_data` is the base: the other fields are
    merged over it, maps deeply, lists after its lists, and single values win."""

    examples: ClassVar[Sequence[Any]] = (
        {
            "hostname": "web-1",
            "users": [{"name": "ops", "sudo": True, "ssh_keys": [KEY]}],
            "packages": ["nginx"],
            "write_files": [{"path": "/etc/motd", "content": "Welcome"}],
            "runcmd": ["systemctl enable --now nginx"],
        },
        {"hostname": "db", "user_data": {"file": "./_cloud/user-data.yaml"}, "on_change": "new-instance"},
    )
    least: ClassVar[frozenset[str]] = frozenset({"hostname"})

    hostname: Hostname | None = None
    """The guest's name; the VM's when not given."""
    fqdn: Fqdn | None = None
    """Its name with the domain."""
    users: tuple[UserSpec, ...] = ()
    """Users that are made. The image's own user stays only with `default` among them, or with `ssh_keys`
    or `password` below."""
    ssh_keys: KeyList = ()
    """Public keys that may log in as the image's own user."""
    password: Password | None = Field(None, examples=["${ops_password}"])
    """The password of the image's own user; it need not be changed at the first login."""
    ssh_pwauth: bool | None = None
    """Whether SSH takes passwords; the image's choice when not given."""
    packages: tuple[Package, ...] = ()
    """Packages that are installed."""
    package_update: bool | None = None
    """Read the lists of packages anew first."""
    package_upgrade: bool | None = None
    """Bring all packages up to date."""
    write_files: tuple[WriteFileSpec, ...] = ()
    """Files that are written."""
    bootcmd: tuple[Command, ...] = ()
    """Commands at every boot, early: each a line for the shell, or a list of words."""
    runcmd: tuple[Command, ...] = ()
    """Commands at the first boot, last: each a line for the shell, or a list of words."""
    timezone: Annotated[str, Field(pattern=_ZONE)] | None = Field(None, examples=["Europe/Berlin"])
    """The time zone, as below /usr/share/zoneinfo."""
    locale: Annotated[str, Field(pattern=_LOCALE)] | None = Field(None, examples=["en_GB.UTF-8"])
    """The language and its conventions."""
    network: Network | None = None
    """The guest's network, version 2. Without it the interfaces' addresses say it, or DHCP does."""
    user_data: RawText | None = None
    """User-data as cloud-init takes it: `#cloud-config`, a script, a MIME message. One that is no
    `#cloud-config` goes beside the other fields as a part of its own."""
    vendor_data: RawText | None = None
    """Vendor-data; what user-data says wins over it."""
    network_config: NetworkText | None = Field(None, examples=[{"file": "./_cloud/network.yaml"}])
    """The same as `network`, as a text or a file."""
    on_change: Literal["ignore", "new-instance"] = "ignore"
    """What a change of all this means for a guest that is there: nothing, or a new seed, with which
    cloud-init runs again at the next boot as if it were the first."""

    @field_validator("password")
    @classmethod
    def _known_scheme(cls, value: str | None, info: ValidationInfo) -> str | None:
        store = (info.context or {}).get("secrets")
        scheme = passwords.scheme(store.reveal(value) if store else value) if value is not None else None
        if scheme is not None and scheme not in _DEFAULT_SCHEMES:
            raise PydanticCustomError(
                "password", "for the image's own user cloud-init takes a hash of `$5$` or `$6$` only, "
                "and any other as the password itself; give a user of `users` this one"
            )  # fmt: skip
        return value

    @model_validator(mode="after")
    def _consistent(self) -> CloudInitSpec:
        if self.network is not None and self.network_config is not None:
            raise PydanticCustomError("network", "give either `network` or `network_config`")
        if (name := _twice(user.name for user in self.users)) is not None:
            raise PydanticCustomError("user", "the user `{name}` is there twice", {"name": name})
        if (path := _twice(file.path for file in self.write_files if not file.append)) is not None:
            raise PydanticCustomError(
                "path", "`{path}` is written twice; the second may say `append: true`", {"path": path}
            )
        return self


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
