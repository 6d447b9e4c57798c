"""A stand-in for the machine that runs a workflow's scripts: git, and programs that note how they are called."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[3]

GH = r"""#!/usr/bin/env bash
tr '\n' ' ' <<<"$*" >>"$LOG/gh"
echo >>"$LOG/gh"
path='' filter=. method=GET body=''
while (($#)); do
  case $1 in
    api | --silent | --paginate) ;;
    --jq) filter=$2; shift ;;
    --method) method=$2; shift ;;
    -F) body=${2#body=@}; shift ;;
    *) path=$1 ;;
  esac
  shift
done
[ "$method" = GET ] || { cp "$body" "$LOG/comment"; exit; }
name=${path%%\?*}
jq -r "$filter" <"$LOG/answers/${name##*/}.json"
"""

CURL = r"""#!/usr/bin/env bash
printf '%s\n' "$*" >>"$LOG/curl"
method=GET output=/dev/stdout body='' url=''
while (($#)); do
  case $1 in
    --globoff | --fail | --silent | --show-error) ;;
    --config) grep -q '^header = "PRIVATE-TOKEN: glpat-secret"$' "$2" || exit 22; shift ;;
    --request) method=$2; shift ;;
    --output) output=$2; shift ;;
    --data-urlencode) body=${2#body@}; shift ;;
    *) url=$1 ;;
  esac
  shift
done
[ "$method" = GET ] || { cp "$body" "$LOG/comment"; exit; }
name=${url#https://gitlab.test/api/v4/}
name=${name%%\?*}
answer=$LOG/answers/${name//\//_}
[ -e "$answer" ] || exit 22
cat "$answer" >"$output"
"""

KVMSPEC = r"""#!/usr/bin/env bash
printf '%s\n' "$*" >>"$LOG/kvmspec"
while (($#)); do
  [ "$1" != --out ] || echo '{}' >"$2"
  shift
done
[ ! -e "$LOG/says" ] || cat "$LOG/says"
exit "$(cat "$LOG/code" 2>/dev/null || echo 0)"
"""
"""Says what it is told to, and ends with the code it is told."""

REAL = f"""#!/usr/bin/env bash
PYTHONPATH={TOP} exec {sys.executable} -m kvmspec "$@"
"""


@dataclass
class Machine:
    """`folder` is a checkout with one commit; `log` has what the programs noted and shall answer."""

    folder: Path
    log: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path) -> Machine:
        """A new one below `folder`. Skips the test where a program is missing (scripts/test installs them)."""
        for program in ("bash", "git", "jq"):
            if not shutil.which(program):
                pytest.skip(f"{program} is not installed")
        site, log, temp, programs = (folder / name for name in ("site", "log", "temp", "bin"))
        for each in (site, log / "answers", temp, programs):
            each.mkdir(parents=True)
        machine = cls(site, log)
        for name, text in (("gh", GH), ("curl", CURL), ("kvmspec", KVMSPEC)):
            machine.program(programs / name, text)
        machine.env = {
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "LOG": str(log),
            "RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": str(log / "output"),
            "GITHUB_STEP_SUMMARY": str(log / "summary"), "GITHUB_PATH": str(log / "path"),
            "GITHUB_REPOSITORY": "shop/site", "LIBVIRT_DEFAULT_URI": "test:///default",
        }  # fmt: skip
        (site / "kvmspec.yaml").write_text("kvmspec: 1\nproject: shop\n")
        machine.bash(
            "git init -q . && git add . && git -c user.name=a -c user.email=a@b.c commit -qm first",
            check=True,
        )
        return machine

    def program(self, path: Path, text: str) -> None:
        """Put a program where the scripts find it."""
        path.write_text(text)
        path.chmod(0o755)

    def real_kvmspec(self) -> None:
        """From now on `kvmspec` is this one, on libvirt's test driver."""
        self.program(self.log.parent / "bin" / "kvmspec", REAL)

    def bash(self, script: str, *, check: bool = False, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script as GitHub's `shell: bash` does."""
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=self.folder, env=self.env | env, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def says(self, text: str, code: int = 0) -> None:
        """What kvmspec prints from now on, and its exit code."""
        (self.log / "says").write_text(text)
        (self.log / "code").write_text(str(code))

    def answer(self, name: str, data: Any) -> None:
        """What a request is answered with; text as it is, anything else as JSON."""
        (self.log / "answers" / name).write_text(data if isinstance(data, str) else json.dumps(data))

    def calls(self, program: str) -> list[str]:
        """How a program was called."""
        file = self.log / program
        return file.read_text().splitlines() if file.exists() else []

    def read(self, name: str) -> str:
        """A file that the scripts wrote: output, summary, comment."""
        file = self.log / name
        return file.read_text() if file.exists() else ""

    @property
    def outputs(self) -> dict[str, str]:
        """What the steps have put out."""
        return dict(line.split("=", 1) for line in self.read("output").splitlines())

    @property
    def tree(self) -> str:
        """The files of the checkout, as git names them."""
        return self.bash("git rev-parse 'HEAD^{tree}'", check=True).stdout.strip()


def expressions(text: str) -> list[str]:
    """GitHub's `${{ }}` in a text."""
    return re.findall(r"\$\{\{.*?\}\}", text)
