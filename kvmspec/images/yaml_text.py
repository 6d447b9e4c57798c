"""Data as YAML that cloud-init and a person can read."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_SPECIAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML breaks lines at, or wants escaped; PyYAML leaves some of it as it is outside double quotes."""


def dump(data: Any) -> str:
    """YAML with texts of many lines in blocks; `{}` for an empty map."""
    import yaml

    text: str = yaml.dump(
        data, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=2**31, default_flow_style=False
    )
    return text


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Entries of lists are indented below their key; nothing is written as an alias."""

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = '"' if _SPECIAL.search(value) else "|" if "\n" in value and not value[0].isspace() else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper
