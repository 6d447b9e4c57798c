"""Users, files and commands of a guest, as the manifest writes them for cloud-init."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from kvmspec.kinds.domain.guest_text import KEY, GuestPath, KeyList, Owner, Permissions, UserName
from kvmspec.manifest.model import Model
from kvmspec.manifest.secrets import has_token
from kvmspec.manifest.types import Secret, SecretText, Text, words

DEFAULT_USER = "default"

Package = Annotated[
    str,
    Field(min_length=1, pattern=r"^[^\s-]\S*$"),
    words(
        {"type": "string", "examples": ["nginx"]},
        "package",
        "a package, as the guest's distribution calls it",
    ),
]
Command = Annotated[
    SecretText | tuple[SecretText, ...],
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": ["systemctl enable --now nginx", ["touch", "/run/ready"]],
        }
    ),
]


def _password(value: str | None, info: ValidationInfo) -> str | None:
    """One line, not empty; a hash where it looks like one."""
    store = (info.context or {}).get("secrets")
    clear = store.reveal(value) if store and value is not None else value
    if clear == "":
        raise PydanticCustomError("password", "an empty password lets anybody in; leave `password` out")
    if clear is not None and any(ord(char) < 32 or ord(char) == 127 for char in clear):
        raise PydanticCustomError("password", "a password is one line without control characters")
    return value


Password = Annotated[Secret, AfterValidator(_password)]


class UserSpec(Model):
    """A user of the guest. `default`, alone, is the one that the image comes with."""

    short: ClassVar[str | None] = "name"
    examples: ClassVar[Sequence[Any]] = (
        {"name": "ops", "sudo": True, "ssh_keys": [KEY]},
        {"name": "app", "groups": ["www-data"], "shell": "/bin/bash", "password": "${ops_password}"},
        "default",
    )
    least: ClassVar[frozenset[str]] = frozenset({"name"})

    name: UserName
    """The name to log in with."""
    gecos: Text | None = Field(None, examples=["Operations"])
    """The full name, or another comment."""
    groups: tuple[UserName, ...] = Field((), examples=[["docker", "adm"]])
    """Groups it belongs to, besides its own; those that are not there are made."""
    primary_group: UserName | None = Field(None, examples=["users"])
    """Its own group; one of its name when not given."""
    sudo: bool | Text | None = Field(None, examples=[True, "ALL=(ALL) ALL"])
    """What it may do as root: true for everything without a password, or a rule of sudoers(5)."""
    shell: GuestPath | None = Field(None, examples=["/bin/bash"])
    """The login shell; the image's choice when not given."""
    home: GuestPath | None = Field(None, examples=["/srv/app"])
    """The home folder; /home/NAME when not given."""
    uid: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = Field(None, examples=[1500])
    """The number of the user."""
    system: bool | None = None
    """A system user, without a home folder."""
    password: Password | None = Field(None, examples=["${ops_password}"])
    """The password, or a hash of it such as `$6$…`. The guest is given a hash only."""
    lock_passwd: bool | None = None
    """No login with a password. Without it only users that have no `password` here are locked."""
    ssh_keys: KeyList = ()
    """Public keys that may log in; one of several lines is several."""
    ssh_import_id: tuple[Text, ...] = Field((), examples=[["gh:octocat"]])
    """Accounts whose keys the guest fetches: `gh:NAME` of GitHub, `lp:NAME` of Launchpad."""

    @model_validator(mode="after")
    def _default_is_bare(self) -> UserSpec:
        if self.name == DEFAULT_USER and self.model_fields_set != {"name"}:
            raise PydanticCustomError(
                "user", "`default` is the image's own user; give it a `password` and `ssh_keys` above, "
                "beside `users`"
            )  # fmt: skip
        if self.name == "root" and self.sudo:
            raise PydanticCustomError("user", "root needs no `sudo`")
        return self


class WriteFileSpec(Model):
    """A file that is written in the guest."""

    examples: ClassVar[Sequence[Any]] = (
        {"path": "/etc/motd", "content": "Welcome"},
        {"path": "/etc/app.env", "content": "KEY=${ops_password}", "owner": "app:app",
         "permissions": "0600", "defer": True},
    )  # fmt: skip
    least: ClassVar[frozenset[str]] = frozenset({"path"})

    path: GuestPath
    """Where; folders above it are made."""
    content: SecretText = Field("", examples=["Welcome"])
    """What is in it. A secret variable in it stays secret."""
    encoding: Literal["text", "base64"] = "text"
    """How `content` is written here; `base64` for what is not text."""
    owner: Owner | None = None
    """Whose it is; root:root when not given."""
    permissions: Permissions | None = None
    """Who may read and write it; 0644 when not given."""
    append: bool = False
    """Add to a file that is there, instead of replacing it."""
    defer: bool = False
    """Write it last, when packages are installed and users are made."""

    @field_validator("encoding")
    @classmethod
    def _decodes(cls, value: str, info: ValidationInfo) -> str:
        content = info.data.get("content", "")
        if value == "base64" and not has_token(content):
            try:
                base64.b64decode("".join(content.split()), validate=True)
            except (binascii.Error, ValueError):
                raise PydanticCustomError("encoding", "`content` is not base64") from None
        return value
