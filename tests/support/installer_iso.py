"""A CD that installs: it writes what it was told to the first disk, and powers off or reboots.

Laid out like Debian's: /install.amd/vmlinuz and initrd.gz, started by isolinux. What the guest does is told
by words on the kernel's command line (``finish=reboot``, ``wait=SECONDS``), or on the CD by its menu.
"""

from __future__ import annotations

import gzip
import io
import shutil
from pathlib import Path

from kvmspec.images import cpio
from tests.support.guest import CMDLINE, TinyGuest

ISOLINUX = Path("/usr/lib/ISOLINUX/isolinux.bin")
LOADER = Path("/usr/lib/syslinux/modules/bios/ldlinux.c32")
MARK = b"installed by "
INIT = b"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
exec </dev/null >/dev/console 2>&1
while read -r module; do insmod "/lib/modules/$module"; done </lib/modules/order
finish=poweroff wait=0
for word in $(cat /proc/cmdline); do
  case $word in finish=*) finish=${word#finish=} ;; wait=*) wait=${word#wait=} ;; esac
done
while [ ! -b /dev/vda ]; do sleep 0.1; done
{ echo "installed by $(cat /proc/cmdline)"; cat /preseed.cfg 2>/dev/null; echo end; } >/run/mark
dd if=/run/mark of=/dev/vda conv=notrunc,fsync 2>/dev/null
echo installed
sleep "$wait"
"$finish" -f
"""


def why_no_installer() -> str | None:
    """Why no such CD can be made here; None where it can."""
    missing = [str(path) for path in (ISOLINUX, LOADER) if not path.exists()]
    return f"install isolinux and syslinux-common: no {missing[0]}" if missing else None


def build(target: Path, guest: TinyGuest, words: str = "") -> Path:
    """Write the CD to ``target``; ``words`` are what its menu adds to the kernel's command line."""
    import pycdlib

    initrd = gzip.compress(cpio.behind(guest.initrd.read_bytes(), {"init": INIT}, 0o755), 1)
    menu = f"default i\nlabel i\n  kernel /install.amd/vmlinuz\n  append initrd=/install.amd/initrd.gz {CMDLINE} {words}\n"
    disc = pycdlib.PyCdlib()
    disc.new(interchange_level=3, rock_ridge="1.09", joliet=3, vol_ident="TINY")
    for short, name in (("/ISOLINUX", "isolinux"), ("/INSTALL", "install.amd")):
        disc.add_directory(short, rr_name=name, joliet_path=f"/{name}")
    for folder, short, name, data in (
        ("ISOLINUX", "ISOLINUX.BIN", "isolinux.bin", ISOLINUX.read_bytes()),
        ("ISOLINUX", "LDLINUX.C32", "ldlinux.c32", LOADER.read_bytes()),
        ("ISOLINUX", "ISOLINUX.CFG", "isolinux.cfg", menu.encode()),
        ("INSTALL", "VMLINUZ.", "vmlinuz", guest.kernel.read_bytes()),
        ("INSTALL", "INITRD.GZ", "initrd.gz", initrd),
    ):
        long = "isolinux" if folder == "ISOLINUX" else "install.amd"
        disc.add_fp(
            io.BytesIO(data), len(data), f"/{folder}/{short};1", rr_name=name, joliet_path=f"/{long}/{name}"
        )
    disc.add_eltorito("/ISOLINUX/ISOLINUX.BIN;1", bootcatfile="/ISOLINUX/BOOT.CAT;1", boot_info_table=True)
    written = io.BytesIO()
    disc.write_fp(written)
    disc.close()
    written.seek(0)
    with target.open("wb") as file:
        shutil.copyfileobj(written, file)
    target.chmod(0o644)
    return target
