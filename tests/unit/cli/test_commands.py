"""Exit codes, streams and texts of each command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kvmspec.core.impact import Permission
from kvmspec.report.published import events_schema

Cli = Callable[..., Any]
EVENTS = Draft202012Validator(events_schema())
P = Permission

CODES = [
    ("same", "plan", 0),
    ("same", "plan --detailed-exitcode", 0),
    ("create", "plan", 0),
    ("create", "plan --detailed-exitcode", 2),
    ("refused", "plan --detailed-exitcode", 4),
    ("down", "plan --detailed-exitcode", 5),
    ("create-down", "plan --detailed-exitcode", 5),
    ("refused-down", "plan", 5),
    ("invalid", "plan", 3),
    ("unreachable", "plan", 5),
    ("bug", "plan", 1),
    ("interrupt", "plan", 130),
    ("same", "apply", 0),
    ("same", "apply --yes", 0),
    ("create", "apply", 4),
    ("create", "apply --yes", 0),
    ("restart", "apply --yes", 4),
    ("restart", "apply --yes --allow restart", 0),
    ("delete", "apply --yes --allow restart", 4),
    ("delete", "apply --yes --allow restart,delete", 0),
    ("delete", "apply --yes --allow restart --allow delete", 0),
    ("restart-down", "apply --yes", 5),
    ("create-down", "apply --yes", 5),
    ("down", "apply --yes", 5),
    ("refused", "apply --yes", 4),
    ("stale", "apply --yes", 4),
    ("fails", "apply --yes", 1),
    ("invalid", "apply --yes", 3),
    ("delete", "destroy", 4),
    ("delete", "destroy --yes", 0),
    ("loss", "destroy --yes", 4),
    ("loss", "destroy --yes --allow data-loss", 0),
    ("same", "destroy --yes", 0),
    ("same", "status", 0),
    ("down", "status", 5),
    ("same", "validate", 0),
    ("invalid", "validate", 3),
    ("invalid", "validate --format json", 3),
    ("same", "render", 0),
    ("same", "schema", 0),
    ("same", "--version", 0),
    ("same", "--help", 0),
    ("same", "plan --help", 0),
    ("same", "--debug plan", 0),
    ("same", "", 64),
    ("same", "nonsense", 64),
    ("same", "plan --bogus", 64),
    ("same", "--bogus", 64),
    ("same", "plan --format xml", 64),
    *(
        (scenario, f"plan --format {form}", 0)
        for form in ("markdown", "html", "github")
        for scenario in ("same", "loss")
    ),
    ("same", "plan --summary", 0),
    ("same", "validate --format github", 0),
    ("invalid", "validate --format github", 3),
    ("same", "plan --var x", 64),
    ("same", "plan --target web", 64),
    ("same", "plan --refresh-only --out f", 64),
    ("same", "plan --refresh-only --summary", 64),
    ("same", "plan --refresh-only --format html", 64),
    ("same", "plan --refresh-only", 0),
    ("drift", "plan --refresh-only --detailed-exitcode", 2),
    ("create", "plan --refresh-only --detailed-exitcode", 0),
    ("same", "show nowhere.json", 1),
    ("same", "schema --plan", 0),
    ("same", "schema --events", 0),
    ("same", "schema --events --plan", 64),
    ("same", "apply --allow everything", 64),
    ("same", "apply --replace root", 64),
    ("same", "apply --parallelism 0", 64),
    ("same", "apply --parallelism many", 64),
    ("same", "render --expanded -o d", 64),
]


@pytest.mark.parametrize(("scenario", "arguments", "code"), CODES)
def test_exit_code(kvmspec_cli: Cli, scenario: str, arguments: str, code: int) -> None:
    ran = kvmspec_cli(scenario, *arguments.split())
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("scenario", ["restart", "refused", "create-down"])
@pytest.mark.parametrize("command", ["apply", "apply --yes --format json", "apply --format json"])
def test_nothing_is_done_without_permission(kvmspec_cli: Cli, scenario: str, command: str) -> None:
    ran = kvmspec_cli(scenario, *command.split())
    assert bool(ran.fake.applied) == (scenario == "create-down" and "--yes" in command)


def test_the_request(kvmspec_cli: Cli) -> None:
    line = (
        "plan a b -f c --var x=1=2 --var y= --var-file v --connect test:///d"
        " --host hv1 --target vm/a --allow restart"
    )
    (request,) = kvmspec_cli("same", *line.split()).fake.requests
    assert request.paths == (Path("a"), Path("b"), Path("c"))
    assert request.variables == {"x": "1=2", "y": ""}
    assert request.var_files == (Path("v"),)
    assert (request.connect, request.hosts, request.targets) == ("test:///d", ("hv1",), ("vm/a",))
    assert request.granted == {P.RESTART} and not request.destroy


def test_without_a_path_it_is_this_directory(kvmspec_cli: Cli) -> None:
    assert kvmspec_cli("same", "plan").fake.requests[0].paths == (Path(),)


def test_missing_permissions_are_named_exactly(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("delete", "apply", "--yes", "--allow", "restart")
    assert ran.err == (
        "error: refused: the plan needs what was not allowed: delete\n"
        "  hint: --allow restart,delete\n"
        "Nothing was done.\n"
    )
    assert "Needs: --allow restart,delete (granted: restart; missing: delete)" in ran.out


def test_nobody_to_ask(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("restart", "apply")
    assert "! vm/db" in ran.out
    assert "--yes was not given, and standard input is not a terminal" in ran.err
    assert "to go on: --yes --allow restart" in ran.err


def test_apply_reports(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("create", "apply", "--yes")
    assert ran.err == "hv1  vm/web  start … done (0.4s)\n"
    assert "\nApply complete: 1 created in " in ran.out


def test_destroy_grants_what_it_is_about_and_says_what_stayed(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("delete", "destroy", "--yes")
    assert ran.fake.requests[0].destroy
    assert ran.fake.applied[0].granted == {P.RESTART, P.DELETE}
    assert "Needs:" not in ran.out
    assert "\nvm/old: its volumes stay: old-root.qcow2 (20GiB)\n\nDestroy complete: 1 deleted" in ran.out


def test_nothing_to_destroy(kvmspec_cli: Cli) -> None:
    assert kvmspec_cli("same", "destroy", "--yes").out == "Nothing to destroy.\n"


@pytest.mark.parametrize(
    ("scenario", "types"),
    [
        ("create", ["planned", "started", "done", "summary"]),
        ("fails", ["planned", "started", "failed", "summary"]),
        ("restart", ["planned", "summary"]),
        ("same", ["planned", "summary"]),
        ("refused", ["planned", "summary"]),
        ("invalid", ["summary"]),
        ("unreachable", ["summary"]),
        ("interrupt", ["summary"]),
    ],
)
def test_apply_as_json_is_an_event_a_line(kvmspec_cli: Cli, scenario: str, types: list[str]) -> None:
    ran = kvmspec_cli(scenario, "apply", "--yes", "--format", "json")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [event["type"] for event in events] == types
    assert types == ["summary"] or events[0]["plan"]["project"] == "shop"
    assert events[-1]["exit_code"] == ran.code and events[-1]["ok"] == (ran.code == 0)
    for event in events:
        EVENTS.validate(event)
    if scenario == "fails":
        assert events[-1]["outcomes"][0]["error"] == "no space" and events[-1]["counts"] == {"failed": 1}
    if scenario in ("restart", "refused"):
        assert events[-1]["refused"]


def test_validate(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("same", "validate")
    assert ran.out == "OK: 3 objects (1 network, 2 VMs)\n"
    assert ran.err.startswith("warning: a.yaml:3:5: vms.web:")
    ran = kvmspec_cli("invalid", "validate")
    assert ran.out == ""
    assert "    3 |   web:\n      |     ^\n" in ran.err
    data = json.loads(kvmspec_cli("invalid", "validate", "--format", "json").out)
    assert data["valid"] is False and data["problems"][0]["line"] == 3


def test_render(kvmspec_cli: Cli, tmp_path: Path) -> None:
    assert kvmspec_cli("same", "render").out == (
        "<!-- vm/a-\\-b -->\n<domain/>\n\n<!-- volume/vms/x.qcow2 -->\n<volume/>\n"
    )
    kvmspec_cli("same", "render", "-o", str(tmp_path))
    assert (tmp_path / "vm/a--b.xml").read_text() == "<domain/>\n"
    assert (tmp_path / "volume/vms/x.qcow2.xml").read_text() == "<volume/>\n"
    assert kvmspec_cli("same", "render", "--expanded").out == "vms:\n  a:\n    memory: 1GiB\n"


def test_render_into_a_file_fails_in_words(kvmspec_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    ran = kvmspec_cli("same", "render", "-o", str(tmp_path / "f"))
    assert ran.code == 1 and ran.err.startswith("error: cannot write ")


def test_schema(kvmspec_cli: Cli, tmp_path: Path) -> None:
    assert json.loads(kvmspec_cli("same", "schema").out) == {"title": "kvmspec"}
    kvmspec_cli("same", "schema", "--out", str(tmp_path / "s.json"))
    assert json.loads((tmp_path / "s.json").read_text()) == {"title": "kvmspec"}


def test_an_internal_error_is_one_line_and_with_debug_a_traceback(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("bug", "plan")
    assert ran.err == (
        "error: internal error: ZeroDivisionError: oops\n"
        "  hint: run with --debug for the traceback, and please report it\n"
    )
    assert "Traceback" in kvmspec_cli("bug", "plan", "--debug").err


def test_a_usage_error_names_what_is_meant(kvmspec_cli: Cli) -> None:
    assert "Did you mean 'plan'?" in kvmspec_cli("same", "plna").err
    assert "use text or json" in kvmspec_cli("same", "apply", "--format", "html").err


def test_every_command_is_listed_and_documented(kvmspec_cli: Cli) -> None:
    from kvmspec.cli.main import names

    for name in names():
        *group, own = name.split()
        assert f"\n  {own} " in kvmspec_cli("same", *group, "--help").out
        assert f"Usage: kvmspec {name} " in kvmspec_cli("same", *group, own, "--help").out


WAITED = [
    ("waits-same", "", 0, 1),
    ("waits-done", "", 0, 0),
    ("waits-more", "", 4, 0),
    ("waits-more", "--allow restart", 0, 1),
    ("waits-refused", "", 4, 0),
]


@pytest.mark.parametrize(("scenario", "more", "code", "applied"), WAITED)
def test_after_another_apply_it_is_planned_again(
    kvmspec_cli: Cli, scenario: str, more: str, code: int, applied: int
) -> None:
    ran = kvmspec_cli(scenario, "apply", "--yes", "--lock-timeout", "2m", *more.split())
    assert ran.code == code and len(ran.fake.applied) == applied, ran.out + ran.err
    assert "Waiting, for 120 s at the most: another apply is running on hv1: you" in ran.err
    assert ran.out.count("kvmspec will perform") == (2 if scenario == "waits-more" else 1), ran.out
    assert kvmspec_cli(scenario, "apply", "--yes", *more.split()).code == 4, "without patience it refuses"


@pytest.mark.parametrize("duration", ["5", "soon", "-1s", ""])
def test_a_lock_timeout_is_a_duration(kvmspec_cli: Cli, duration: str) -> None:
    for command in ("apply", "destroy"):
        ran = kvmspec_cli("create", command, "--yes", f"--lock-timeout={duration}")
        assert ran.code == 64 and "--lock-timeout" in ran.err and "such as 90s" in ran.err, ran.err


def test_waiting_is_an_event(kvmspec_cli: Cli) -> None:
    ran = kvmspec_cli("waits-done", "apply", "--yes", "--format", "json", "--lock-timeout", "1m")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [event["type"] for event in events] == ["planned", "waiting", "planned", "summary"]
    assert events[1]["holder"] == "you" and events[1]["seconds_left"] == 60
