"""Does something answer at a TCP port of a guest? Asked from here, or through ssh to its host."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress

from kvmspec.adapters.jump import Jump

_TIMEOUT, _JUMPING = 3.0, 15.0  # seconds
_BANNER = 255  # bytes; RFC 4253, section 4.2


def probe(address: str, port: int, jump: Jump | None, *, greets: bool = False) -> bytes:
    """Connect. With `greets` the server speaks first, and what it says is returned.

    Raises OSError with what came of it: refused, no route, no answer.
    """
    return _through(jump, address, port) if jump else _direct(address, port, greets)


def _direct(address: str, port: int, greets: bool) -> bytes:
    try:
        with socket.create_connection((address, port), _TIMEOUT) as connection:
            return connection.recv(_BANNER) if greets else b""
    except TimeoutError:
        raise OSError("no answer") from None
    except OSError as error:
        raise OSError((error.strerror or str(error)).lower()) from error


def _through(jump: Jump, address: str, port: int) -> bytes:
    """Standard input is at its end at once: a server that greets still does, and others hang up, which
    tells a connection from a refusal."""
    command = jump.forward(address, port)
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError:
        raise OSError("ssh is not installed here") from None
    with process:
        try:
            out, err = process.communicate(timeout=_JUMPING)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            if not out:
                raise OSError("no answer") from None
            return out
        finally:
            with suppress(OSError):
                process.kill()
    if process.returncode != 0 and not out:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["ssh failed"]
        raise OSError(f"through {jump.destination}: {last[0].strip()}")
    return out
