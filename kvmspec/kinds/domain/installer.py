"""The actions of an installation → libvirt.

The installer runs as the VM itself, by name and UUID, with XML of its own that the definition never gets: a
CD in the drive, or the installer's kernel, and a reboot is the end. virt-install works alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from kvmspec.adapters.libvirt import Host
from kvmspec.canon.edit import edit
from kvmspec.canon.quote import quoteattr
from kvmspec.canon.read import read
from kvmspec.core.action import AwaitAgent, AwaitInstall, Edit, FinishInstall, InstallDomain
from kvmspec.core.errors import LibvirtFailure
from kvmspec.core.observed import Observed
from kvmspec.kinds import records
from kvmspec.kinds.domain import edits
from kvmspec.kinds.domain.defining import define
from kvmspec.kinds.domain.keys import letters
from kvmspec.kinds.records import Record

Report = Callable[[str], None]
_LOOK_AGAIN = 0.5  # s
_TELL_AGAIN = 60  # s


def install(action: InstallDomain, host: Host, report: Report) -> None:
    """Start the installer, unless it is there; note in the definition that it ran, then let it.

    A kill between any two calls leaves what the next plan can tell apart: stopped and pending, nothing
    has run; paused, nothing has run; else it is noted.
    """
    domains, name = host.domains, action.address.name
    observed = domains.get(name)
    record = _record(observed)
    if not observed.running:
        parts = _place(action, host, report) if action.pool else []
        changes = [*_media(action, observed, parts), *_marked(replace(record, install=records.RUNNING))]
        domains.start_paused(name, edit(observed.xml, changes))
    volumes = tuple(sorted({*record.installer, *(volume_names(action.pool, name) if action.pool else ())}))
    started = replace(record, install=records.STARTED, installer=volumes)
    define(host, name, edit(observed.xml, _marked(started)))
    domains.resume(name)


def volume_names(pool: str, name: str) -> tuple[str, ...]:
    """`pool/name` of what only the installer of the VM `name` needs; the seed may be none."""
    return tuple(f"{pool}/{name}-install-{part}" for part in ("kernel", "initrd", "seed"))


def await_install(action: AwaitInstall, host: Host, report: Report) -> None:
    """Until the domain is off. Raises LibvirtFailure after the timeout, or where it was switched off."""
    name = action.address.name

    def is_off() -> bool:
        return not host.domains.is_active(name)

    if not _wait(is_off, action.timeout, "installing", report):
        raise LibvirtFailure(
            f"the installation of vm/{name} did not end within {_minutes(action.timeout)}; it goes on",
            hint=f"look at its console (`virsh console {name}`); the next apply waits for it again",
        )
    how = host.domains.get(name).ended
    if how not in ("shutdown", ""):
        raise LibvirtFailure(
            f"vm/{name} was {how} before its installation was done",
            hint="plan again: it says what can be done",
        )


def await_agent(action: AwaitAgent, host: Host, report: Report) -> None:
    """Until the guest agent of the installed system is there."""
    name = action.address.name

    def answers() -> bool:
        if not host.domains.is_active(name):
            raise LibvirtFailure(f"vm/{name} is off, and was to start from its disk")
        return host.domains.has_agent(name)

    if not _wait(answers, action.timeout, "waiting for the guest agent", report):
        raise LibvirtFailure(
            f"the guest agent of vm/{name} did not answer within {_minutes(action.timeout)}",
            hint="is qemu-guest-agent installed in it? `install.done_when: poweroff` does without",
        )


def finish(action: FinishInstall, host: Host) -> None:
    """Note that the VM is installed, then remove what only the installer needed."""
    volumes = set(action.volumes)
    if action.record:
        observed = host.domains.get(action.address.name)
        record = _record(observed)
        volumes |= set(record.installer)
        define(
            host, action.address.name, edit(observed.xml, _marked(replace(record, install="", installer=())))
        )
        if observed.running:
            text = replace(record, install="", installer=()).xml()
            host.domains.set_metadata(action.address.name, title=None, description=None, metadata=text)
    for volume in sorted(volumes):
        pool, _, name = volume.partition("/")
        host.volumes.delete(pool, name)


def _record(observed: Observed) -> Record:
    record = records.read(observed.xml, observed.uuid)
    if record is None:
        raise LibvirtFailure(f"vm/{observed.name} has lost kvmspec's metadata", hint="plan again")
    return record


def _marked(record: Record) -> list[Edit]:
    return [Edit("remove", edits.METADATA), Edit("add", edits.METADATA, record.xml())]


# --- what the installer is started with
def _media(action: InstallDomain, observed: Observed, boot: list[Edit]) -> list[Edit]:
    """A reboot or a power-off is the end, and the CD is in its drive."""
    drive = ("devices", "disk", action.target)
    block = action.iso.startswith("/dev/")
    found = [
        Edit("remove", ("os", "boot")),
        *(Edit("remove", (*device, "boot")) for device in _with_order(observed)),
        *(boot or [Edit("add", ("os", "boot"), '<boot dev="cdrom"/>')]),
        *(Edit("set", (f"on_{event}", "#"), "destroy") for event in ("poweroff", "reboot", "crash")),
        Edit("set", (*drive, "@type"), "block" if block else "file"),
        Edit("set", (*drive, "source", "@dev" if block else "@file"), action.iso),
    ]
    if any(change.op == "add" and change.path[:1] == ("devices",) for change in boot):
        return [replace(change, value=change.value.replace("?", _free(observed))) for change in found]
    return found


def _with_order(observed: Observed) -> Iterator[tuple[str, ...]]:
    """Devices that have a place in the order of what is started from: libvirt takes no <boot dev> besides."""
    for tag, group in read(observed.xml).get("devices", {}).items():
        for key, device in group.items() if tag in ("disk", "interface") else ():
            if "boot" in device:
                yield "devices", tag, key


def _free(observed: Observed) -> str:
    """The letter of an SD target that no disk has."""
    return next(
        letters(number) for number in range(26) if f"<target dev='sd{letters(number)}'" not in observed.xml
    )


def _place(action: InstallDomain, host: Host, report: Report) -> list[Edit]:
    """The installer's own kernel and initrd, answers in it, in the pool; how the domain starts them."""
    from kvmspec.images.installer import Answers, boot_files

    iso = local_iso(action, host, report)
    answers = Answers(action.unattended, _read(action.file)) if action.unattended else None
    report("taking the kernel out of the ISO …")
    made = boot_files(iso, answers, action.cmdline)
    parts = {"kernel": made.kernel, "initrd": made.initrd, "seed": made.seed}
    paths = {}
    for part, content in parts.items():
        if content is not None:
            name = f"{action.address.name}-install-{part}"
            host.volumes.delete(action.pool, name)
            host.volumes.place(action.pool, name, content, mode="0600")
            paths[part] = f"{action.folder}/{name}"
    found = [
        Edit("set", ("os", "kernel", "#"), paths["kernel"]),
        Edit("set", ("os", "initrd", "#"), paths["initrd"]),
        Edit("set", ("os", "cmdline", "#"), made.cmdline),
    ]
    return found + ([_second_cd(paths["seed"])] if "seed" in paths else [])


def local_iso(action: InstallDomain, host: Host, report: Report) -> Path:
    """The ISO as a file of this machine. Raises ImageError."""
    if host.images is None:
        raise LibvirtFailure(f"image {action.image} cannot be fetched here")
    return host.images.fetch(action.image, action.identity, report).path


def _second_cd(path: str) -> Edit:
    xml = (
        '<disk type="file" device="cdrom"><driver name="qemu" type="raw"/>'
        f"<source file={quoteattr(path)}/>"
        '<target dev="sd?" bus="sata"/><readonly/></disk>'
    )
    return Edit("add", ("devices", "disk", "seed"), xml)


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise LibvirtFailure(f"{file} cannot be read: {error.strerror}") from error


# --- waiting
def _wait(done: Callable[[], bool], timeout: int, what: str, report: Report) -> bool:
    """Whether it was done in time; told every minute, and interruptible."""
    begin = time.monotonic()
    tell_at = 0.0
    while not done():
        passed = time.monotonic() - begin
        if passed >= timeout:
            return False
        if passed >= tell_at:
            report(f"{what}, {_minutes(int(passed))} of at most {_minutes(timeout)} …")
            tell_at += _TELL_AGAIN
        report("")
        time.sleep(_LOOK_AGAIN)
    return True


def _minutes(seconds: int) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} h"
    return f"{seconds // 60} min" if seconds >= 60 or seconds == 0 else f"{seconds} s"
