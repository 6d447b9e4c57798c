"""One plan without changes, step by step; when each stage ended goes to stdout as JSON (Unix time).

python benchmarks/one_plan.py MANIFEST URI      a process of its own, started by stages.py
"""

import time

ends = {"interpreter": time.time()}

import os  # noqa: E402 - the clock comes first
import sys  # noqa: E402

from kvmspec.cli import memory  # noqa: E402

memory.hold()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import jinja2  # noqa: E402, F401
import libvirt  # noqa: E402, F401
import typer  # noqa: E402, F401
import yaml  # noqa: E402, F401
from pydantic import BaseModel, Field, TypeAdapter  # noqa: E402, F401

ends["imports: libraries"] = time.time()

import json  # noqa: E402
from pathlib import Path  # noqa: E402

import kvmspec.cli.plan  # noqa: E402, F401
from kvmspec import pipeline  # noqa: E402
from kvmspec.engine.desire import desire  # noqa: E402
from kvmspec.manifest import yaml as strict  # noqa: E402
from kvmspec.report.text import plan_text  # noqa: E402

ends["imports: kvmspec"] = time.time()

file, uri = sys.argv[1:]
strict.parse(strict.decode(Path(file).read_bytes(), file), file)
ends["YAML"] = time.time()

session = pipeline.Session(pipeline.Request(paths=(Path(file),), connect=uri))
manifest = session.manifest
ends["YAML once more, validate, resolve"] = time.time()

for entry in manifest.hosts.values():
    session._connect(entry)
ends["connect"] = time.time()

views = pipeline.observe(manifest.hosts.values(), manifest, session._connect)
ends["list and dump"] = time.time()

desired = desire(manifest, pipeline.KINDS, views)
ends["what is wanted, what was last applied"] = time.time()

context = pipeline.Context(manifest, pipeline._renderer(), views, desired, hosts=frozenset(views))
differences = pipeline.diff(context, pipeline.KINDS)
ends["render and compare"] = time.time()

plan = pipeline.make_plan(differences, context, pipeline.KINDS)
assert plan.empty, "the plan is not empty"
text = plan_text(plan)
ends["plan and report"] = time.time()

print(json.dumps(ends), flush=True)
session.__exit__()
memory.leave()
