"""A private host and a command line inside it, from where its guests can be reached."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import libvirt
import yaml

from tests.support.guest import TOP, TinyGuest
from tests.support.private_libvirt import PrivateLibvirt


class Harbour:
    """Guests by the name of a VM, all on network front."""

    def __init__(self, host: PrivateLibvirt, guest: TinyGuest, folder: Path) -> None:
        self.host, self.guest, self.folder = host, guest, folder
        self.path = folder / "kvmspec.yaml"
        self.vms: dict[str, Any] = {}
        self.conn = host.connect()
        self.first = ""

    def vm(self, reach: str = "", **fields: Any) -> dict[str, Any]:
        """A VM in which that can be reached, see tests/support/reachable.py."""
        cmdline = f"{self.guest.cmdline} {reach}".strip()
        boot = {"kernel": str(self.guest.kernel), "initrd": str(self.guest.initrd), "cmdline": cmdline}
        return {"cpus": 1, "memory": "160MiB", "boot": boot, "networks": ["front"]} | fields

    def write(self, **vms: Any) -> None:
        """The manifest with these VMs, and those of before."""
        self.vms |= vms
        dhcp = {"start": "10.81.0.100", "end": "10.81.0.150"}
        manifest = {
            "kvmspec": 1,
            "project": "shop",
            "defaults": {"vms": {"accel": "tcg"}},
            "networks": {
                "front": {"mode": "isolated", "subnet": "10.81.0.0/24", "dhcp": dhcp},
                "bare": {"mode": "isolated", "subnet": "10.82.0.0/24"},
            },
            "vms": self.vms,
        }
        self.path.write_text(yaml.safe_dump(manifest, sort_keys=False))

    def command(self, *argv: str, env: dict[str, str] | None = None) -> list[str]:
        """A kvmspec command line inside the host, on this manifest."""
        name, *rest = argv
        options = ["-f", str(self.path), "--connect", self.host.uri]
        environment = {"HOME": str(self.folder), "PYTHONPATH": str(TOP), "NO_COLOR": "1"} | (env or {})
        assigned = [f"{key}={value}" for key, value in environment.items()]
        return self.host.inside(["env", *assigned, sys.executable, "-m", "kvmspec", name, *options, *rest])

    def start(self, *argv: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*argv),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=ignore_signals,
            **more,
        )

    def kvmspec(
        self, *argv: str, expect: int = 0, typed: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*argv, env=env),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        told = f"$ kvmspec {' '.join(argv)}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in told and done.returncode == expect, told
        return done

    def apply(self, *argv: str, expect: int = 0, **vms: Any) -> str:
        """Write, and apply these VMs alone; all that it told, on one line."""
        self.write(**vms)
        targets = [word for name in vms for word in ("--target", f"vm/{name}")]
        done = self.kvmspec("apply", "--yes", *targets, *argv, expect=expect)
        return re.sub(r"\s+", " ", done.stdout + done.stderr)

    def domain(self, name: str) -> libvirt.virDomain:
        return self.conn.lookupByName(name)


def ignore_signals() -> None:
    """For nsenter, which would end before the command; that has handlers of its own."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Terminal:
    """A program at a terminal of its own, which somebody else looks at: its modes show whether it was
    put back."""

    def __init__(self, command: list[str]) -> None:
        self._ours, theirs = pty.openpty()
        self._slave = theirs
        self.modes = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=ignore_signals,
        )
        self.screen = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def see(self, text: str, timeout: float = 20) -> None:
        """Wait until it shows on the screen, anew."""
        end, begin = time.monotonic() + timeout, len(self.screen)
        while text not in self.screen[begin:]:
            assert time.monotonic() < end, f"no {text!r} on the screen:\n{self.screen}"
            if select.select([self._ours], [], [], 0.1)[0]:
                self.screen += os.read(self._ours, 4096).decode(errors="replace")

    @property
    def is_raw(self) -> bool:
        return termios.tcgetattr(self._slave)[3] & termios.ECHO == 0

    def ended(self, timeout: float = 15) -> int:
        """Its exit code, with the terminal as it was before."""
        code = self.process.wait(timeout)
        while select.select([self._ours], [], [], 0.1)[0]:
            self.screen += os.read(self._ours, 4096).decode(errors="replace")
        assert termios.tcgetattr(self._slave) == self.modes
        return code

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)
        os.close(self._slave)
