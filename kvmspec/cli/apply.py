"""`kvmspec apply`."""

from __future__ import annotations

from kvmspec.cli.act import Acting, act
from kvmspec.cli.options import (
    Allow,
    Connect,
    Debug,
    Files,
    Format,
    Hosts,
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
)


def apply(
    paths: Paths = None,
    files: Files = None,
    yes: Yes = False,
    allow: Allow = None,
    parallelism: Parallelism = 4,
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
    """Plan, ask, act, and look again.

    Answering `yes` grants what the plan needs; data loss wants the project's name typed. With
    --yes only --allow grants.
    """
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
    )
    return act(request, Acting("Apply", yes, parallelism, as_json, verbose))
