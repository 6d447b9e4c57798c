"""The table of displays.

Measured on libvirt 9.0: VNC has `port='-1'` beside `autoport='yes'`, SPICE has not; a display that listens
nowhere, or at a socket, has no port.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from kvmspec.kinds.domain.elements.part import NUMBER, ON, YES, Part, Table, filled

if TYPE_CHECKING:
    from kvmspec.kinds.domain.graphics_spec import GraphicsSpec

PORTS: Table = (
    Part("@port", "port", NUMBER, usual=-1, quiet=True),
    Part("@tlsPort", "tls_port", NUMBER, quiet=True),
)
OPTIONS: Table = (
    Part("@websocket", "websocket", NUMBER),
    Part("@keymap", "keymap"),
    Part("@passwd", "password", quiet=True),
    Part("@passwdValidTo", "password_valid_to", quiet=True),
    Part("@connected", "connected"),
    Part("@sharePolicy", "share_policy"),
    Part("@powerControl", "power_control", YES),
    Part("@defaultMode", "default_mode"),
    Part("@display", "display"),
    Part("@xauth", "xauth"),
    Part("@fullscreen", "fullscreen", YES),
    Part("@address", "address"),
    Part("@p2p", "p2p", YES),
    Part("@multiUser", "multi_user", YES),
    Part("@replaceUser", "replace_user", YES),
    Part("image/@compression", "compression.image"),
    Part("jpeg/@compression", "compression.jpeg"),
    Part("zlib/@compression", "compression.zlib"),
    Part("playback/@compression", "compression.playback", ON),
    Part("streaming/@mode", "streaming"),
    Part("clipboard/@copypaste", "clipboard", YES),
    Part("mouse/@mode", "mouse"),
    Part("filetransfer/@enable", "file_transfer", YES),
    Part("gl/@enable", "gl", YES),
    Part("gl/@rendernode", "rendernode"),
    Part("audio/@id", "audio", NUMBER),
)


def graphics(display: GraphicsSpec, new: bool) -> ET.Element:
    """A display; a new one gets a port that is free, unless it is said otherwise."""
    node = filled(ET.Element("graphics", type=display.type), display, PORTS)
    fixed = display.port or display.tls_port or display.autoport is False
    if fixed:
        node.set("autoport", "no")
    elif display.has_port and (new or display.autoport):
        if new and display.type != "spice":
            node.set("port", "-1")
        node.set("autoport", "yes")
    _listen(node, display)
    filled(node, display, OPTIONS)
    for name, mode in (display.channels or {}).items():
        ET.SubElement(node, "channel", name=name, mode=mode)
    return node


def _listen(node: ET.Element, display: GraphicsSpec) -> None:
    if display.listen == "none":
        ET.SubElement(node, "listen", type="none")
    elif display.listen is not None:
        node.set("listen", display.listen)
        ET.SubElement(node, "listen", type="address", address=display.listen)
    elif display.listen_network is not None:
        ET.SubElement(node, "listen", type="network", network=display.listen_network)
    elif display.socket is not None:
        path = {} if display.socket == "auto" else {"socket": display.socket}
        if display.type == "vnc":
            node.attrib.update(path)
        ET.SubElement(node, "listen", {"type": "socket", **path})
