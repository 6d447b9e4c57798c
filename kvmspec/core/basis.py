"""What a saved plan rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kvmspec.core.address import Address


@dataclass(frozen=True, slots=True)
class Basis:
    """How a plan was asked for, and digests of all that was read for it. No secret is in it.

    directory     the folder it was made in; `paths` and `var_files` are relative to it
    variables     what --var gave, without what is secret
    replaced      the disks, vm/NAME/DISK, that are made anew
    manifest      a digest of each part of the resolved manifest, such as `vm/web`
    secrets       salted digests of the secrets in each part, in their order
    fingerprints  a digest of each live object that was read; "" for what was not there
    no_restart    whether it was made with --no-restart
    """

    directory: str
    paths: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    var_files: tuple[str, ...] = ()
    connect: str | None = None
    hosts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    manifest: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fingerprints: Mapping[Address, str] = field(default_factory=dict)
    no_restart: bool = False
