"""The way to guests of a remote host: ssh, as libvirt itself reaches the host."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Jump:
    """How `ssh` reaches a host. Parameters of the URI: https://libvirt.org/uri.html#remote-uris"""

    destination: str
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, uri: str) -> Jump | None:
        """The jump of a libvirt URI such as `qemu+ssh://root@hv1/system`; None where there is none:
        the host is this machine, or is reached without ssh."""
        parts = urlsplit(uri)
        transport = parts.scheme.partition("+")[2]
        if transport not in ("ssh", "libssh", "libssh2") or not parts.hostname:
            return None
        query = parse_qs(parts.query)
        options: list[str] = []
        if parts.port:
            options += ["-p", str(parts.port)]
        if "keyfile" in query:
            options += ["-i", query["keyfile"][-1]]
        if query.get("no_verify", ["0"])[-1] not in ("", "0"):
            options += ["-o", "StrictHostKeyChecking=no"]
        user = f"{unquote(parts.username)}@" if parts.username else ""
        return cls(user + parts.hostname, tuple(options))

    def forward(self, address: str, port: int) -> list[str]:
        """The command whose stdin and stdout are a connection to a port of a guest."""
        quiet = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
        return ["ssh", *quiet, *self.options, "-W", f"{_bracketed(address)}:{port}", "--", self.destination]

    @property
    def proxy_command(self) -> str:
        """For ssh's option ProxyCommand. ProxyJump takes neither a key nor other options."""
        return shlex.join(
            ["ssh", *_escaped(self.options), "-W", "[%h]:%p", "--", *_escaped([self.destination])]
        )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _escaped(words: tuple[str, ...] | list[str]) -> list[str]:
    """ssh expands percent signs in a ProxyCommand."""
    return [word.replace("%", "%%") for word in words]
