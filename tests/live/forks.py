"""A kvmspec that is already imported: each call runs in a fork of it, so that it can be killed at will.

As a module it is the server: it reads one request a line (JSON) and answers with one line (JSON). A request is
either a command line (``argv``), or a manifest to bring about through the pipeline, with the event at which
the process kills itself or stops to hold what it holds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

TOP = Path(__file__).resolve().parents[2]


class Forks:
    """The test's side of the server."""

    def __enter__(self) -> Forks:
        kept = {
            key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "LC_ALL", "TMPDIR")
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | {"PYTHONPATH": str(TOP), "NO_COLOR": "1", "COLUMNS": "200"},
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def cli(
        self, *argv: str | Path, expect: int | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line to its end."""
        answer = self.ask(argv=[str(arg) for arg in argv], **more)
        done = subprocess.CompletedProcess(list(argv), answer["code"], answer["stdout"], answer["stderr"])
        told = f"$ kvmspec {' '.join(map(str, argv))}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr, told
        assert expect is None or done.returncode == expect, told
        return done

    def apply(self, path: Path, uri: str, **more: Any) -> dict[str, Any]:
        """Plan and apply through the pipeline; ``kill_at=N`` dies of signal 9 at the Nth boundary: before the
        first action, or after an action. ``kill_after=N`` dies after the Nth call that changes anything in
        libvirt, which an action may make several of.

        Gives ``code`` (-9 when killed), and, where it came to its end, ``steps`` of the plan, ``events``,
        ``missing`` permissions, ``failed``, and of another plan the steps ``left`` and what is ``pending``.
        """
        return self.ask(manifest=str(path), uri=uri, **more)


def serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            started = time.monotonic()
            pid = os.fork()
            if pid == 0:
                _child(request, out.fileno(), err.fileno())
            _, status, usage = os.wait4(pid, 0)
            out.seek(0)
            err.seek(0)
            answer = {"code": os.waitstatus_to_exitcode(status), "stdout": out.read(), "stderr": err.read()}
        answer |= {"seconds": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime}
        if "manifest" in request and answer["code"] == 0:
            answer |= json.loads(answer["stdout"])
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


def _child(request: dict[str, Any], out: int, err: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.update(request.get("env", {}))
    os.chdir(request.get("cwd", "/"))
    try:
        if "argv" in request:
            sys.argv = ["kvmspec", *request["argv"]]
            main()
        else:
            _pipeline(request)
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException as error:  # noqa: BLE001 - told to the test
        traceback.print_exc()
        print(*getattr(error, "problems", ()), sep="\n", file=sys.stderr)  # noqa: T201
        sys.stderr.flush()
        os._exit(70)
    sys.stdout.flush()
    os._exit(0)


CHANGING = {
    "virDomain": (
        *("attachDeviceFlags", "detachDeviceAlias", "updateDeviceFlags", "setMetadata", "setVcpusFlags"),
        *("setMemoryFlags", "setAutostart", "blockResize", "create", "destroy", "shutdownFlags"),
    ),
    "virConnect": ("defineXMLFlags", "networkDefineXML", "storagePoolDefineXML"),
    "virNetwork": ("update", "create"),
    "virStoragePool": ("createXML", "refresh"),
    "virStorageVol": ("resize", "delete"),
}
"""What changes anything, by libvirt's classes."""


def _kill_after(calls: int) -> None:
    """Die of signal 9 as soon as so many of the calls have returned."""
    left = calls

    def counted(method: Any) -> Any:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal left
            result = method(self, *args, **kwargs)
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name, methods in CHANGING.items():
        for method in methods:
            kind = getattr(libvirt, name)
            setattr(kind, method, counted(getattr(kind, method)))


def _pipeline(request: dict[str, Any]) -> None:
    wanted = Request(
        paths=(Path(request["manifest"]),),
        connect=request["uri"],
        granted=frozenset(map(Permission, request.get("allow", ()))),
        destroy=request.get("destroy", False),
        replaced=tuple(request.get("replaced", ())),
    )
    session = Session(wanted)
    plan = session.plan()
    if "kill_after" in request:
        _kill_after(request["kill_after"])
    events = 0

    def on_event(event: Any) -> None:
        nonlocal events
        if event.what == "started" and events:
            return  # the same boundary as the end of the action before it
        events += 1
        if events == request.get("kill_at"):
            os.kill(os.getpid(), signal.SIGKILL)
        if events == request.get("hold_at"):
            Path(request["held"]).touch()
            time.sleep(600)

    answer: dict[str, Any] = {"steps": [step.text for step in plan.steps]}
    answer["refused"] = [problem.message for problem in plan.refusals]
    answer["missing"] = sorted(permission.value for permission in plan.missing)
    if not plan.refusals and not request.get("plan_only"):
        result = session.apply(plan, on_event=on_event, interrupted=threading.Event(), parallelism=1)
        answer["failed"] = [str(o.error) for o in result.outcomes if o.status is not Status.DONE]
        after = Session(wanted).plan()
        answer["left"] = [step.text for step in after.steps]
        answer["pending"] = [field.path for difference in after.differences for field in difference.pending]
    print(json.dumps(answer | {"events": events}))  # noqa: T201 - the answer


if __name__ == "__main__":
    import importlib
    import pkgutil
    import signal
    import threading
    import traceback

    import libvirt

    import kvmspec
    from kvmspec.cli import main
    from kvmspec.core.impact import Permission
    from kvmspec.core.plan import Status
    from kvmspec.pipeline import Request, Session

    for module in pkgutil.walk_packages(kvmspec.__path__, "kvmspec."):  # all of it, before the first fork
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    serve()
