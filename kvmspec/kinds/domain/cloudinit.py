"""What cloud-init says of itself, read through the guest agent.

The files: https://docs.cloud-init.io/en/latest/reference/faq.html#logs (status.json and result.json in
/run/cloud-init; result.json is written at the end of the last stage).
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

from kvmspec.adapters.libvirt.guests import Guests
from kvmspec.core.errors import LibvirtFailure

_FOLDER = "/run/cloud-init"
_STAGES = ("init-local", "init", "modules-config", "modules-final")
_FORBIDDEN = re.compile(r"disabled|not.{0,6}allowed|denied", re.I)
_LOGS = "`kvmspec ssh VM -- sudo cat /var/log/cloud-init.log` has more"


def unfinished(guests: Guests, name: str) -> str:
    """What it is doing; empty when it has finished. Raises LibvirtFailure when it ended with errors."""
    try:
        result = guests.read_file(name, f"{_FOLDER}/result.json")
        if result is not None:
            return _ended(name, _json(result).get("v1", {}).get("errors") or [])
        status = guests.read_file(name, f"{_FOLDER}/status.json")
        if status is None and guests.read_file(name, f"{_FOLDER}/disabled") is not None:
            return "cloud-init is disabled in the guest"
    except LibvirtFailure as error:
        if _FORBIDDEN.search(error.message):  # as in RHEL's guests, where guest-exec may be allowed
            return _asked(guests, name)
        return f"cloud-init cannot be read: {error.message}"
    return _doing(_json(status)) if status is not None else "cloud-init has not begun"


def _ended(name: str, errors: list[str]) -> str:
    if not errors:
        return ""
    words = "; ".join(map(str, errors))
    raise LibvirtFailure(f"cloud-init ended with errors in vm/{name}: {words}", hint=_LOGS)


def _doing(status: dict[str, Any]) -> str:
    """`cloud-init is in stage modules-final`, with the errors there are already."""
    found = status.get("v1", {})
    stage = found.get("stage") or "between two stages"
    errors = [str(e) for each in _STAGES for e in (found.get(each) or {}).get("errors") or ()]
    return f"cloud-init is in stage {stage}" + (
        f", with errors so far: {'; '.join(errors)}" if errors else ""
    )


def _json(data: bytes) -> dict[str, Any]:
    """The file, or nothing where it is being written."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _asked(guests: Guests, name: str) -> str:
    """The same from `cloud-init status --long`."""
    command = {"path": "cloud-init", "arg": ["status", "--long"], "capture-output": True}
    try:
        pid = guests.agent(name, {"execute": "guest-exec", "arguments": command})["pid"]
        ask = {"execute": "guest-exec-status", "arguments": {"pid": pid}}
        for _ in range(50):
            answer = guests.agent(name, ask)
            if answer["exited"]:
                break
            time.sleep(0.1)
    except LibvirtFailure as error:
        return f"cloud-init cannot be read: {error.message}"
    text = base64.b64decode(answer.get("out-data", "")).decode(errors="replace")
    return _long(name, text)


def _long(name: str, text: str) -> str:
    """What `cloud-init status --long` means."""
    status = re.search(r"^status: (\w+)", text, re.M)
    if status is None:
        return "cloud-init does not tell its status"
    if status[1] == "done":
        return ""
    if status[1] == "error":
        errors = re.sub(r"\s+", " ", text[status.end() :]).strip()
        raise LibvirtFailure(f"cloud-init ended with errors in vm/{name}: {errors}", hint=_LOGS)
    return f"cloud-init is {status[1]}"
