"""An installer's ISO: its kernel and initrd, with the answers to its questions put in.

- Debian's installer reads /preseed.cfg of its initrd by itself:
  https://www.debian.org/releases/stable/amd64/apbs02 (initrd preseeding)
- Anaconda is told by inst.ks= where its kickstart file is, and by inst.stage2= where the rest of it is:
  https://anaconda-installer.readthedocs.io/en/latest/boot-options.html
- Ubuntu's installer reads the user-data of a NoCloud seed, and asks nothing where the kernel's command
  line says autoinstall: https://canonical-subiquity.readthedocs-hosted.com/en/latest/intro-to-autoinstall.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from kvmspec.core.errors import KvmspecError
from kvmspec.images import cpio

LAYOUTS = (
    ("/install.amd/vmlinuz", "/install.amd/initrd.gz"),  # Debian
    ("/install.a64/vmlinuz", "/install.a64/initrd.gz"),
    ("/install.386/vmlinuz", "/install.386/initrd.gz"),
    ("/install/vmlinuz", "/install/initrd.gz"),  # Ubuntu's classic server
    ("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img"),  # Fedora, RHEL and its kin
    ("/casper/vmlinuz", "/casper/initrd"),  # Ubuntu
    ("/casper/vmlinuz", "/casper/initrd.gz"),
    ("/casper/vmlinuz", "/casper/initrd.lz"),
    ("/boot/x86_64/loader/linux", "/boot/x86_64/loader/initrd"),  # openSUSE
    ("/boot/aarch64/linux", "/boot/aarch64/initrd"),
    ("/isolinux/vmlinuz", "/isolinux/initrd.img"),
    ("/linux", "/initrd.gz"),  # Debian's mini.iso
)
"""Where installers have their kernel and initrd; the first pair that is there is taken."""

_MENUS = ("/isolinux/isolinux.cfg", "/boot/isolinux/isolinux.cfg", "/syslinux/syslinux.cfg", "/isolinux.cfg")
_KERNEL = re.compile(r"^\s*(?:kernel|linux)\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_INITRD = re.compile(r"(?:^\s*initrd\s+|\binitrd=)([^\s,]+)", re.IGNORECASE | re.MULTILINE)
_ANSWERS = {"preseed": "preseed.cfg", "kickstart": "ks.cfg"}


class InstallerError(KvmspecError):
    """The ISO is none that kvmspec can start an installer from."""


class Answers(NamedTuple):
    """Answers to an installer's questions: whose they are (install.py's KINDS), and the file's content."""

    kind: str
    content: bytes


class BootFiles(NamedTuple):
    """What an installer is started with. `seed` is the image of a second CD, where it needs one."""

    kernel: bytes
    initrd: bytes
    cmdline: str
    seed: bytes | None = None


def boot_files(iso: Path, answers: Answers | None, cmdline: str = "") -> BootFiles:
    """Kernel and initrd of the ISO, with the answers in the initrd; cmdline is put behind what they need.

    Raises InstallerError where it has none, or is no ISO at all.
    """
    import pycdlib
    from pycdlib.pycdlibexception import PyCdlibException

    disc = pycdlib.PyCdlib()
    try:
        disc.open(str(iso))
        try:
            kernel, initrd = _kernel_and_initrd(_Reader(disc), iso)
            label = disc.pvd.volume_identifier.decode("ascii", "replace").strip()
        finally:
            disc.close()
    except (PyCdlibException, OSError) as error:
        raise InstallerError(f"{iso.name} cannot be read as an ISO: {error}") from error
    if answers is not None and answers.kind in _ANSWERS:
        initrd = cpio.behind(initrd, {_ANSWERS[answers.kind]: answers.content})
    return BootFiles(kernel, initrd, _cmdline(answers, label, cmdline), _seed(answers))


class _Reader:
    """Reads files by their long names, where the ISO has such."""

    def __init__(self, disc: Any) -> None:
        self._disc = disc
        self._facade = (
            disc.get_rock_ridge_facade()
            if disc.has_rock_ridge()
            else disc.get_joliet_facade()
            if disc.has_joliet()
            else None
        )

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where it is not there."""
        from pycdlib.pycdlibexception import PyCdlibInvalidInput

        out = BytesIO()
        try:
            if self._facade is not None:
                self._facade.get_file_from_iso_fp(out, path)
            else:
                folder, _, name = path.upper().rpartition("/")
                name = name if "." in name else f"{name}."
                self._disc.get_file_from_iso_fp(out, iso_path=f"{folder}/{name};1")
        except PyCdlibInvalidInput:
            return None
        return out.getvalue()


def _kernel_and_initrd(reader: _Reader, iso: Path) -> tuple[bytes, bytes]:
    for kernel, initrd in (*LAYOUTS, *_of_menu(reader)):
        found = reader.read(kernel), reader.read(initrd)
        if found[0] and found[1]:
            return found[0], found[1]
    raise InstallerError(
        f"{iso.name} has no kernel and initrd in any place kvmspec knows",
        hint="without `unattended` and `cmdline` it is started from the CD itself",
    )


def _of_menu(reader: _Reader) -> Iterator[tuple[str, str]]:
    """The first kernel of the boot menu and its initrd."""
    for menu in _MENUS:
        text = (reader.read(menu) or b"").decode("utf-8", "replace")
        kernel, initrd = _KERNEL.search(text), _INITRD.search(text)
        if kernel and initrd:
            folder = menu.rpartition("/")[0]
            yield _absolute(folder, kernel[1]), _absolute(folder, initrd[1])


def _absolute(folder: str, path: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"


def _cmdline(answers: Answers | None, label: str, extra: str) -> str:
    """The arguments that make the installer take the answers, unless `extra` says the same in its way."""
    given = {word.partition("=")[0] for word in extra.split()}
    wanted = _ARGUMENTS[answers.kind] if answers is not None else ()
    made = [word for word in wanted if word.partition("=")[0] not in given]
    if "inst.repo" in given:
        made = [word for word in made if not word.startswith("inst.stage2=")]
    written = " ".join(made).replace("LABEL=%", f"LABEL={label.replace(' ', chr(92) + 'x20')}")
    return f"{written} {extra}".strip()


_ARGUMENTS = {
    "preseed": ("auto=true", "priority=critical"),
    "kickstart": ("inst.ks=file:/ks.cfg", "inst.stage2=hd:LABEL=%"),
    "autoinstall": ("autoinstall", "ds=nocloud"),
}


def _seed(answers: Answers | None) -> bytes | None:
    """Ubuntu's installer is told like any guest with cloud-init is."""
    from kvmspec.images.seed import iso

    if answers is None or answers.kind != "autoinstall":
        return None
    return iso({"user-data": answers.content.decode("utf-8", "replace"), "meta-data": ""})
