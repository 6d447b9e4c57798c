"""What a plan without changes imports: most runs of kvmspec are that, and half of their time are imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from kvmspec import pipeline

ROOT = Path(__file__).resolve().parents[3]
MANIFEST = """\
kvmspec: 1
project: shop
networks:
  front: {subnet: 192.168.150.0/24, autostart: false}
vms:
  web: {memory: 1GiB, networks: [front], accel: tcg}
"""
NODE = "<node><memory>4000000</memory>{}</node>"

ONLY_FOR_CHANGES = {
    "deepdiff",
    "lxml",
    "httpx",
    "tenacity",
    "filelock",
    "zstandard",
    "kvmspec.canon.rng",
    "kvmspec.engine.closer",
    "kvmspec.engine.execute",
    "kvmspec.engine.preflight",
    "kvmspec.engine.undo",
    "kvmspec.engine.stale",
    "kvmspec.adapters.libvirt.lock",
    "kvmspec.kinds.domain.preflight.absent",
    "kvmspec.kinds.domain.preflight.capable",
    "kvmspec.kinds.domain.preflight.claims",
    "kvmspec.kinds.domain.preflight.clashing",
    "kvmspec.kinds.domain.preflight.vm",
    "kvmspec.kinds.network.preflight",
}
ONLY_FOR_OTHER_OUTPUT = {
    "rich",
    "ruamel",
    "jsonschema",
    "kvmspec.report.json",
    "kvmspec.report.saved",
    "kvmspec.report.events",
    "kvmspec.report.problems",
    "kvmspec.manifest.expand",
    "kvmspec.manifest.schema",
    "kvmspec.core.status",
    "kvmspec.core.basis",
    "kvmspec.cli.act",
}
CODE = """\
import sys
from kvmspec.adapters.libvirt.probe import Probe
from kvmspec.cli.main import run
asked = []
Probe._ask = Probe._look = lambda self, *what: asked.append(what)
code = run(sys.argv[1:])
print("asked", len(asked), "exit", code)
print(*sorted(sys.modules))
"""


def imported(tmp_path: Path, manifest: str) -> tuple[str, set[str]]:
    """What `plan` prints, and the modules it has imported, where libvirt's test driver has all of MANIFEST."""
    file, host = tmp_path / "kvmspec.yaml", tmp_path / "node.xml"
    file.write_text(MANIFEST)
    objects = pipeline.render(pipeline.Request(paths=(file,)))
    host.write_text(NODE.format("".join(item.xml for item in objects)))
    file.write_text(manifest)
    command = [sys.executable, "-c", CODE, "plan", str(file), "--connect", f"test://{host}"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *text, modules = ran.stdout.splitlines()
    return "\n".join(text), set(modules.split())


@pytest.fixture(scope="module")
def no_op(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    text, modules = imported(tmp_path_factory.mktemp("host"), MANIFEST)
    assert text == "No changes. The hosts match the manifest.\nasked 0 exit 0"
    return modules


@pytest.mark.parametrize("module", sorted(ONLY_FOR_CHANGES | ONLY_FOR_OTHER_OUTPUT))
def test_a_plan_without_changes_does_not_import(module: str, no_op: set[str]) -> None:
    assert module not in no_op


def test_the_modules_are_still_called_that() -> None:
    for name in ONLY_FOR_CHANGES | ONLY_FOR_OTHER_OUTPUT:
        if name.startswith("kvmspec."):
            assert (ROOT / name.replace(".", "/")).with_suffix(".py").exists(), name


def test_a_plan_with_a_change_does_import_what_compares(tmp_path: Path) -> None:
    text, modules = imported(tmp_path, MANIFEST.replace("1GiB", "2GiB"))
    assert "memory.size" in text and "asked 0" not in text
    assert "deepdiff" in modules and "kvmspec.engine.execute" not in modules
