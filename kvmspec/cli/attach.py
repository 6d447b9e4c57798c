"""`kvmspec console`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from kvmspec.cli.console import Console
from kvmspec.cli.options import Connect, Debug, Files, NoColor, VarFiles, Variables, Verbose, Vm, make_request
from kvmspec.cli.terminal import raw
from kvmspec.core.errors import ExitCode

Force = Annotated[bool, typer.Option("--force", help="Take the console from whoever has it open.")]

LEAVE = 0x1D
"""Ctrl-], as in `virsh console` and telnet."""


def console(
    vm: Vm,
    force: Force = False,
    files: Files = None,
    connect: Connect = None,
    variables: Variables = None,
    var_files: VarFiles = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Open the serial console of a VM. Ctrl-] leaves it. Without a terminal, what is read is sent, and
    it ends when all of that is sent and the console has been quiet for two seconds."""
    request = make_request(None, files, variables, var_files, connect=connect)
    out = Console.of_process()
    from kvmspec.adapters.libvirt.console import End, prepare
    from kvmspec.pipeline import Session

    prepare()
    with Session(request) as session:
        reached = session.reach(vm)
        reached.must_run()
        stream = reached.host.guests.open_console(reached.name, force=force)
        typed = out.asks
        if typed:
            out.err(f"Console of {reached.address.short}: Ctrl-] leaves it, Return may bring a prompt.\n")
        with raw(sys.stdin):
            end = stream.copy(sys.stdin.fileno(), sys.stdout.fileno(), LEAVE if typed else None)
    words, code = {
        End.LEFT: ("left the console", ExitCode.OK),
        End.INPUT: ("", ExitCode.OK),
        End.OUTPUT: ("", ExitCode.OK),
        End.GUEST: ("the console ended: the VM stopped, or somebody took it", ExitCode.OK),
        End.LOST: ("the connection to the host was lost", ExitCode.FAILED),
        End.SIGNAL: ("interrupted", ExitCode.INTERRUPTED),
    }[end]
    if words:
        out.err(f"\n{words}\n" if typed else f"{words}\n")
    return code
