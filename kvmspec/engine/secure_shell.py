"""The ssh command that reaches a VM, with its host keys where they can be known."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kvmspec.adapters.files import write_private
from kvmspec.adapters.jump import Jump
from kvmspec.core.errors import KvmspecError, LibvirtFailure
from kvmspec.engine.reach import Reached
from kvmspec.resources import data_folder

_KEYS = ("ed25519", "ecdsa", "rsa")
_KEY_FILE = "/etc/ssh/ssh_host_{}_key.pub"


@dataclass(frozen=True)
class Login:
    """What the command line says; None where it says nothing."""

    user: str | None = None
    identity: Path | None = None
    port: int | None = None


def command_line(reached: Reached, login: Login, project: str, command: Sequence[str]) -> list[str]:
    """The command and its arguments; no secret is in them. Renews the VM's lines in the project's file
    of known hosts. Raises KvmspecError where the VM does not run or has no address."""
    uuid = reached.must_run()
    address = reached.best_address().address
    known_hosts = data_folder("known_hosts") / project
    checked = _remember(known_hosts, uuid, host_keys(reached))
    options = {
        "HostKeyAlias": uuid,
        "UserKnownHostsFile": _quoted(known_hosts),
        "StrictHostKeyChecking": "yes" if checked else "accept-new",
        "CheckHostIP": "no",
    }
    if jump := Jump.of(reached.host.uri):
        options["ProxyCommand"] = jump.proxy_command
    arguments = ["ssh"]
    for name, value in options.items():
        arguments += ["-o", f"{name}={value}"]
    for option, given in (
        ("-l", login.user or first_user(reached)),
        ("-i", login.identity),
        ("-p", login.port),
    ):
        if given:
            arguments += [option, str(given)]
    return [*arguments, address, *(("--", *command) if command else ())]


def first_user(reached: Reached) -> str | None:
    """The first user that the manifest makes in the VM; ssh's own default without."""
    users = getattr(getattr(reached.spec, "cloud_init", None), "users", None) or ()
    return next((name for user in users if (name := getattr(user, "name", None))), None)


def host_keys(reached: Reached) -> list[str]:
    """`type key` of each of the VM's SSH host keys, as its agent reads them; none without an agent that
    may. The agent's channel goes through QEMU, so nobody on the network can forge them."""
    guests, found = reached.host.guests, []
    with suppress(LibvirtFailure):
        if guests.agent_connected(reached.name):
            for kind in _KEYS:
                data = guests.read_file(reached.name, _KEY_FILE.format(kind), most=1 << 14) or b""
                words = data.decode("ascii", errors="replace").split()
                if len(words) >= 2:
                    found.append(" ".join(words[:2]))
    return found


def _remember(file: Path, uuid: str, keys: Sequence[str]) -> bool:
    """Put the keys in place of those of this VM; whether there are any. Without keys the file stays:
    ssh adds what it accepts at first sight."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not keys:
            return False
        lines = file.read_text().splitlines() if file.exists() else []
        others = [line for line in lines if not line.startswith(f"{uuid} ")]
        wanted = [*others, *(f"{uuid} {key}" for key in keys)]
        if wanted != lines:
            write_private(file, "".join(f"{line}\n" for line in wanted).encode())
    except OSError as error:
        raise KvmspecError(f"cannot write {file}: {error.strerror}") from error
    return True


def _quoted(path: Path) -> str:
    """As ssh's configuration wants it: in quotes, percent signs doubled."""
    return f'"{str(path).replace("%", "%%")}"'
