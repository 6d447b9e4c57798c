"""`kvmspec apply`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
    NoRestart,
    Offline,
    Parallelism,
    PathsOrPlan,
    Replace,
    Targets,
    VarFiles,
    Variables,
    Verbose,
    Yes,
    assignments,
    is_json,
    make_request,
    permissions,
    seconds,
)
from kvmspec.core.errors import ExitCode, Refused, UsageError
from kvmspec.core.impact import Permission


def apply(
    paths: PathsOrPlan = None,
    files: Files = None,
    yes: Yes = False,
    allow: Allow = None,
    parallelism: Parallelism = 4,
    lock_timeout: LockTimeout = "0s",
    connect: Connect = None,
    hosts: Hosts = None,
    targets: Targets = None,
    replace_disks: Replace = None,
    no_restart: NoRestart = False,
    offline: Offline = False,
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

    With --lock-timeout another apply on the same host is waited for; then everything is planned again,
    and asked for again where the plan is another.

    Of a saved plan (`plan --out FILE`) just what it says is done, with the permissions it was made
    with; when anything that it rests on has moved since, nothing is done.
    """
    patience = seconds(lock_timeout, "--lock-timeout")
    acting = Acting("Apply", yes, parallelism, is_json(output_format), verbose, patience=patience)
    granted = permissions(allow)
    if paths and (plan := _saved(paths)):
        if connect or hosts or targets or replace_disks or no_restart:
            own = "--connect, --host, --target, --replace and --no-restart"
            raise UsageError(f"a saved plan has its own {own}")
        return _apply_saved(plan, tuple(files or ()), variables, tuple(var_files or ()), acting, granted)
    request = make_request(
        paths,
        files,
        variables,
        var_files,
        connect=connect,
        hosts=hosts,
        targets=targets,
        replaced=replace_disks,
        offline=offline,
        no_restart=no_restart,
        granted=granted,
    )
    return act(request, acting)


def _saved(paths: list[Path]) -> Path | None:
    """The saved plan among the paths, where there is one. Raises UsageError when it is not alone."""
    if not any(path.is_file() for path in paths):
        return None
    from kvmspec.report.saved import is_saved

    found = [path for path in paths if path.is_file() and is_saved(path)]
    if found and len(paths) > 1:
        raise UsageError(f"{found[0]} is a saved plan, which is applied alone")
    return found[0] if found else None


def _apply_saved(
    file: Path,
    paths: tuple[Path, ...],
    variables: list[str] | None,
    var_files: tuple[Path, ...],
    acting: Acting,
    allowed: frozenset[Permission],
) -> int:
    from kvmspec.pipeline import Request
    from kvmspec.report.saved import read_saved

    try:
        saved, basis = read_saved(file)
    except Refused as refused:
        told = acting.teller()
        told.refused(refused)
        told.end(None, None, 0.0, ExitCode.REFUSED)
        return ExitCode.REFUSED
    request = Request.again(
        basis, saved.granted, paths=paths, variables=assignments(variables or ()), var_files=var_files
    )
    more = allowed & saved.required
    return act(request, replace(acting, allowed=more), (saved, basis))
