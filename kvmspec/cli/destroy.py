"""`kvmspec destroy`."""

from __future__ import annotations

from kvmspec.cli.act import Acting, act
from kvmspec.cli.options import (
    Allow,
    Connect,
    Debug,
    Files,
    Format,
    Hosts,
    LockTimeout,
    NoColor,
    Parallelism,
    Paths,
    Targets,
    VarFiles,
    Variables,
    Verbose,
    Yes,
    is_json,
    make_request,
    permissions,
    seconds,
)
from kvmspec.core.impact import Permission

_IMPLIED = frozenset({Permission.RESTART, Permission.DELETE})


def destroy(
    paths: Paths = None,
    files: Files = None,
    yes: Yes = False,
    allow: Allow = None,
    parallelism: Parallelism = 4,
    lock_timeout: LockTimeout = "0s",
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    output_format: Format = "text",
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Remove what the project owns. Volumes stay, unless --allow data-loss is given."""
    as_json = is_json(output_format)
    request = make_request(
        paths,
        files,
        variables,
        var_files,
        connect=connect,
        hosts=hosts,
        targets=targets,
        granted=permissions(allow),
        destroy=True,
    )
    patience = seconds(lock_timeout, "--lock-timeout")
    acting = Acting("Destroy", yes, parallelism, as_json, verbose, implied=_IMPLIED, patience=patience)
    return act(request, acting)
