"""What changing a graphical console costs.

libvirt 9.0 refuses live: "cannot change port settings on vnc graphics", "cannot change listen address
setting", "cannot change keymap setting"; another share policy it takes, and does nothing (measured).
"""

from __future__ import annotations

from kvmspec.core.live import Call
from kvmspec.kinds.domain import rules
from kvmspec.kinds.domain.elements.graphics import OPTIONS
from kvmspec.kinds.domain.elements.part import rows
from kvmspec.kinds.domain.row import ANY, Field, Path, number, present
from kvmspec.kinds.domain.rules import restart

_GRAPHICS: Path = ("devices", "graphics", ANY)
_PORT = restart("a port is opened at boot")
_SERVER = restart("QEMU reads it when it starts")

ROWS: tuple[Field, ...] = (
    Field(
        "graphics.{key}.password",
        (*_GRAPHICS, "@passwd"),
        rules.password,
        removable=True,
        sensitive=True,
        call=Call.UPDATE,
    ),
    Field(
        "graphics.{key}.password_valid_to",
        (*_GRAPHICS, "@passwdValidTo"),
        rules.live("nobody connects after it"),
        removable=True,
        call=Call.UPDATE,
    ),
    Field("graphics.{key}.port", (*_GRAPHICS, "@port"), _PORT, number, removable=True),
    Field("graphics.{key}.tls_port", (*_GRAPHICS, "@tlsPort"), _PORT, number, removable=True),
    Field("graphics.{key}.autoport", (*_GRAPHICS, "@autoport"), _PORT, removable=True),
    *rows("graphics.{key}", _GRAPHICS, OPTIONS, _SERVER),
    Field("graphics.{key}.channels", (*_GRAPHICS, "channel"), _SERVER, removable=True),
    Field("graphics.{key}.socket", (*_GRAPHICS, "@socket"), _PORT, removable=True),
    Field("graphics.{key}.socket", (*_GRAPHICS, "listen", "@socket"), _PORT, removable=True),
    Field("graphics.{key}.listen_network", (*_GRAPHICS, "listen", "@network"), _PORT, removable=True),
    Field("graphics.{key}.listen", (*_GRAPHICS, "@listen"), _PORT, removable=True),
    Field("graphics.{key}.listen", (*_GRAPHICS, "listen"), _PORT, removable=True),
    Field("graphics.{key}", _GRAPHICS, restart("a display cannot be plugged in"), present, removable=True),
)
