"""Rows of serial and parallel ports, consoles and channels.

A running guest gets none of them but channels: qemuDomainAttachChrDevice plugs serial ports on USB and PCI
only, and what is open stays as it was opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kvmspec.core.live import Call
from kvmspec.kinds.domain.row import ANY, Field, Path, number, present
from kvmspec.kinds.domain.rules import Rule, restart
from kvmspec.kinds.domain.tables.devices import AGENT, CHANNEL_PLUG

_OPENED = restart("it is opened when the channel is plugged in")
_PORT = restart("a port cannot be plugged in")
_CONSOLE = restart("a serial port cannot be plugged in")
_AT_START = restart("it is opened when the VM starts")

SERIAL, CONSOLE = ("devices", "serial"), ("devices", "console")


def _end(value: Any) -> Any:
    """`/run/web.sock`, `127.0.0.1:4555`; of UDP both ends."""
    listed = value if isinstance(value, list) else []
    return ", ".join(filter(None, map(_place, listed))) or (True if value is not None else None)


def _place(source: Mapping[str, Any]) -> str:
    at = (
        source.get("@path")
        or source.get("@channel")
        or ":".join(source[name] for name in ("@host", "@service") if name in source)
    )
    mode = source.get("@mode")
    return f"{at} ({mode})" if mode and at else at


def _log(value: Any) -> Any:
    return value.get("@file") if isinstance(value, dict) else value


def _rows(tag: str, field: str, rule: Rule) -> Iterator[Field]:
    """What is in one of them. Its <source> is one thing: another end is opened anew."""
    name, at = f"devices.{field}.{{key}}", ("devices", tag, ANY)
    yield Field(f"{name}.type", (*at, "@type"), rule)
    yield Field(f"{name}.path", (*at, "source"), rule, _end, removable=True, whole=True)
    yield Field(f"{name}.protocol", (*at, "protocol"), rule, removable=True)
    yield Field(f"{name}.log.append", (*at, "log", "@append"), rule, removable=True)
    yield Field(f"{name}.log", (*at, "log"), rule, _log, removable=True, whole=True)


AGENT_AT: Path = ("devices", "channel", AGENT)
ROWS: tuple[Field, ...] = (
    Field("guest_agent", (*AGENT_AT, "source"), _OPENED, _end, removable=True, whole=True),
    Field("guest_agent", AGENT_AT, CHANNEL_PLUG, present, removable=True, call=Call.PLUG),
    *_rows("channel", "channels", _OPENED),
    Field(
        "devices.channels.{key}",
        ("devices", "channel", ANY),
        CHANNEL_PLUG,
        present,
        removable=True,
        call=Call.PLUG,
    ),
    Field("console", (*CONSOLE, "serial"), _CONSOLE, present, removable=True),
    *_rows("console", "consoles", _AT_START),
    Field("devices.consoles.{key}", (*CONSOLE, ANY), _CONSOLE, present, removable=True),
    *_rows("serial", "serials", _AT_START),
    Field("devices.serials.{key}.number", (*SERIAL, ANY, "target", "@port"), _PORT, number, removable=True),
    Field(
        "devices.serials.{key}.model",
        (*SERIAL, ANY, "target"),
        _PORT,
        lambda value: _model(value),
        removable=True,
        whole=True,
    ),
    Field("devices.serials.{key}", (*SERIAL, ANY), _CONSOLE, present, removable=True),
    *_rows("parallel", "parallels", _AT_START),
    Field(
        "devices.parallels.{key}.number",
        ("devices", "parallel", ANY, "target", "@port"),
        _PORT,
        number,
        removable=True,
    ),
    Field("devices.parallels.{key}", ("devices", "parallel", ANY), _PORT, present, removable=True),
)


def _model(value: Any) -> Any:
    model = value.get("model", {}) if isinstance(value, dict) else {}
    return model.get("@name") or (value.get("@type") if isinstance(value, dict) else value)
