"""The JSON Schema agrees with the loader, and editors can use it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from kvmspec.manifest.schema import manifest_schema
from tests.unit.manifest.conftest import HEAD, Load
from tests.unit.manifest.specs import SECTIONS

GOOD = """
id: abc
variables: {n: {default: 2, type: integer}, pw: {env: PW, secret: true}, short: text}
hosts: {h1: {uri: "qemu:///system", labels: {rack: a}}}
defaults: {host: h1, vms: {host: h1, profile: base}, networks: {hosts: [h1]}}
networks: {front: {mode: nat, subnet: 10.0.0.0/24, hosts: [h1]}, lan: }
pools: {vms: {type: dir, path: /srv/vms}}
volumes: {pg: {pool: vms, size: 10GiB}}
profiles: {base: {memory: 1GiB, cpus: {count: 2}}, big: {extends: base, memory: {size: 2GiB}}}
vms:
  web: {count: "${n}", profile: base, cpus: {max: 8}, autostart: true, memory: "${short}"}
  db: {profile: big, cpus: 4, boot: [disk], disks: [{name: root, size: 1GiB}], networks: [front, {network: lan}]}
  k: {boot: {kernel: /k}, serial: 5, balloon: none, state: stopped, password: "${pw}"}
moved: [{from: vm/a, to: vm/db}]
released: [vm/x]
removed: [{volume: v, pool: vms}]
"""
BAD = {
    "no head": ("{}", False),
    "unknown root": ("nope: 1", True),
    "format": ("kvmspec: 2\nproject: a", False),
    "unknown field": ("vms: {a: {memry: 1GiB}}", True),
    "size without unit": ("vms: {a: {memory: 512}}", True),
    "literal": ("vms: {a: {state: runing}}", True),
    "count": ("vms: {a: {count: -1}}", True),
    "count of a network": ("networks: {a: {count: 1}}", True),
    "hosts of a VM": ("vms: {a: {hosts: [a]}}", True),
    "bool": ("vms: {a: {autostart: 'yes'}}", True),
    "name": ("vms: {../a: {}}", True),
    "defaults": ("defaults: {vm: {}}", True),
    "profile": ("profiles: {a: {count: 1}}", True),
    "host": ("hosts: {a: {}}", True),
    "moved": ("moved: [{from: vm/a}]", True),
    "list": ("vms: []", True),
}


def errors(text: str) -> list[str]:
    schema = manifest_schema(SECTIONS)
    jsonschema.Draft202012Validator.check_schema(schema)
    found = jsonschema.Draft202012Validator(schema).iter_errors(yaml.safe_load(text))
    return [error.message for error in found]


def test_a_good_manifest() -> None:
    assert errors(HEAD + GOOD) == []


@pytest.mark.parametrize(("text", "head"), BAD.values(), ids=BAD)
def test_bad_manifests(text: str, head: bool) -> None:
    assert errors((HEAD if head else "") + text)


def test_what_the_schema_takes_loads(read: Load) -> None:
    text = GOOD.replace('memory: "${short}"', "memory: 1GiB").replace("k: {", "k: {cpus: 1, memory: 1GiB, ")
    assert len(read(text, environ={"PW": "x"}).of("vm")) == 4


def test_it_is_stable_and_described() -> None:
    schema = manifest_schema(SECTIONS)
    assert json.dumps(schema) == json.dumps(manifest_schema(SECTIONS))
    assert list(schema["$defs"]) == sorted(schema["$defs"], key=lambda name: (name == "reference", name))
    entry: dict[str, Any] = schema["$defs"]["VmSpecEntry"]
    assert entry["properties"]["cpus"]["description"] == "The guest's virtual CPUs."
    assert "title" not in json.dumps(schema["$defs"])
    references = {ref for ref in json.dumps(schema).split('"') if ref.startswith("#/$defs/")}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}
