"""`kvmspec ssh`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from kvmspec.cli.options import Connect, Debug, Files, NoColor, VarFiles, Variables, Verbose, Vm, make_request
from kvmspec.core.errors import ExitCode, KvmspecError

Command = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- COMMAND", help="What to run there; without it a shell.", show_default=False),
]
User = Annotated[
    str | None,
    typer.Option(
        "-l", "--user", metavar="NAME", help="Log in as; else the manifest's first user.", show_default=False
    ),
]
Identity = Annotated[
    Path | None,
    typer.Option(
        "-i", "--identity", metavar="FILE", help="The private key to log in with.", show_default=False
    ),
]
Port = Annotated[
    int | None,
    typer.Option("-p", "--port", metavar="PORT", min=1, max=65535, help="Else 22.", show_default=False),
]


def ssh(
    vm: Vm,
    command: Command = None,
    user: User = None,
    identity: Identity = None,
    port: Port = None,
    files: Files = None,
    connect: Connect = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Open a shell in a VM, or run a command there: `kvmspec ssh web-1 -- uptime`. It is the system's
    ssh with its configuration, and ends with ssh's exit code. The VM's host keys are read through its
    guest agent where that may be."""
    request = make_request(None, files, variables, var_files, connect=connect)
    from kvmspec.engine.secure_shell import Login, command_line
    from kvmspec.pipeline import Session

    with Session(request) as session:
        reached = session.reach(vm)
        login = Login(user, identity, port)
        arguments = command_line(reached, login, session.manifest.project, command or ())
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvp(arguments[0], arguments)
    except FileNotFoundError:
        hint = "install the OpenSSH client (on Debian and Ubuntu: openssh-client)"
        raise KvmspecError("ssh is not installed here", hint=hint) from None
    return ExitCode.OK
