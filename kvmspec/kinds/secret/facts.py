"""What a secret's XML says, and what kvmspec notes in its description.

A secret has no name and no metadata. In one that kvmspec made the description ends in `[kvmspec
project/name]`; it proves nothing by itself, for the UUID has to be the derived one as well.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

TAGS = {"ceph": "name", "iscsi": "target", "volume": "volume", "tls": "name", "vtpm": "name"}
"""What the usage's id is called in libvirt's XML."""

_MARK = re.compile(r"\s*\[kvmspec ([^\s/\]]+)/([^\s/\]]+)(?: (scrypt:[0-9a-f$]+))?\]$")


class Facts(NamedTuple):
    """A secret as libvirt has it: `text` is the description without kvmspec's note, `marked` whether it has
    that, and `digest` that of a private value."""

    uuid: str
    usage: str
    usage_id: str
    ephemeral: bool
    private: bool
    text: str
    project: str = ""
    name: str = ""
    digest: str = ""

    @property
    def marked(self) -> bool:
        return bool(self.name)


def read(xml: str) -> Facts:
    """The facts of a secret's XML."""
    root = ET.fromstring(xml)
    usage = root.find("usage")
    kind = usage.get("type", "none") if usage is not None else "none"
    tag = TAGS.get(kind)
    text = root.findtext("description") or ""
    mark = _MARK.search(text)
    return Facts(
        root.findtext("uuid") or "",
        kind,
        (usage.findtext(tag) or "") if usage is not None and tag else "",
        root.get("ephemeral") == "yes",
        root.get("private") == "yes",
        text[: mark.start()] if mark else text,
        *((mark[1], mark[2], mark[3] or "") if mark else ()),
    )


def noted(text: str, project: str, name: str, digest: str) -> str:
    """A description with kvmspec's note."""
    return f"{text} [kvmspec {project}/{name}{f' {digest}' if digest else ''}]".lstrip()
