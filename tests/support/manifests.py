"""Manifests as YAML text."""

from __future__ import annotations

from typing import Any

import yaml


class _Quoted(yaml.SafeDumper):
    """Quotes every text: PyYAML leaves `1e100` bare, which is a number in YAML 1.2."""


_Quoted.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def as_yaml(data: Any) -> str:
    """Plain data as YAML that reads as the same data in version 1.1 and 1.2."""
    return yaml.dump(data, Dumper=_Quoted, sort_keys=False)
