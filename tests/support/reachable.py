"""The tiny guest with something to reach: the real qemu-ga, an SSH server, HTTP, a console that answers.

All of it is a second archive behind the tiny guest's initrd, with an init of its own that starts it and then
goes on with the tiny guest's. The kernel's command line says what runs::

    reach=agent,ssh,http,echo       echo: the console answers each line
    reach=cloud-init                writes what cloud-init would, in stages; cloud-init-errors: with an error
    static=10.82.0.77               has that address, and says so to the network
"""

from __future__ import annotations

import os
import shutil
import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

from tests.support.guest import CACHE, CMDLINE, TOP, TinyGuest

FOLDER = TOP / ".cache" / "reachable"
PACKAGES = ("qemu-guest-agent", "dropbear-bin", "libtomcrypt1", "libtommath1")
PROGRAMS = ("usr/sbin/qemu-ga", "usr/sbin/dropbear")
KEY = FOLDER / "id_ed25519"
"""The private key that logs in as root."""

INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox sh /reach &
exec /init
"""

REACH = """\
export PATH=/bin:/usr/sbin
until [ -x /bin/grep ] && [ -e /proc/cmdline ] && [ -c /dev/ttyS0 ]; do /bin/busybox sleep 0.1; done
wanted() { grep -q "reach=[^ ]*$1" /proc/cmdline; }
mkdir -p /dev/pts /var/run /tmp /run/cloud-init
mount -t devpts devpts /dev/pts
if wanted agent; then
  until port=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name); do sleep 0.1; done
  qemu-ga -m virtio-serial -p "/dev/$(basename "$(dirname "$port")")" >/dev/null 2>&1 &
fi
! wanted http || httpd -p 80 -h /www
! wanted ssh || dropbear -s -r /etc/ssh/dropbear_key -p 22
if wanted echo; then
  (while read -r line; do echo "heard: $line"; done) </dev/ttyS0 >/dev/ttyS0 &
fi
address=$(sed -n 's/.*static=\\([0-9.]*\\).*/\\1/p' /proc/cmdline)
if [ -n "$address" ]; then
  until ip addr add "$address/24" dev eth0 2>/dev/null; do sleep 0.1; done
  (while true; do ping -c 1 -W 1 "${address%.*}.1"; sleep 1; done) >/dev/null 2>&1 &
fi
if wanted cloud-init; then
  echo '{"v1": {"stage": "modules-final", "modules-final": {"errors": []}}}' >/run/cloud-init/status.json
  sleep 4
  errors='[]'
  ! wanted cloud-init-errors || errors='["no package nginxx"]'
  echo "{\\"v1\\": {\\"errors\\": $errors}}" >/run/cloud-init/result.json
fi
"""


def build_reachable(tiny: TinyGuest) -> TinyGuest:
    """The tiny guest with all this in a second initrd beside its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (FOLDER / "fetched").exists():
            _fetch()
        _fill()
    packed = subprocess.run(
        "find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0",
        shell=True,
        cwd=FOLDER / "overlay",
        capture_output=True,
        check=True,
    )
    initrd = tiny.directory / "initrd-reachable"
    initrd.write_bytes((CACHE / "initrd").read_bytes() + packed.stdout)
    initrd.chmod(0o644)
    return TinyGuest(tiny.kernel, initrd, f"{CMDLINE} rdinit=/init-reachable")


def _fetch() -> None:
    shutil.rmtree(FOLDER / "root", ignore_errors=True)
    _run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *PACKAGES)
    for package in FOLDER.glob("*.deb"):
        _run("dpkg-deb", "-x", str(package), "root")
    KEY.unlink(missing_ok=True)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(KEY))
    (FOLDER / "fetched").touch()


def _fill() -> None:
    """The overlay: programs with the libraries they need, users, keys, and what starts them."""
    overlay, root = FOLDER / "overlay", FOLDER / "root"
    shutil.rmtree(overlay, ignore_errors=True)
    for program in PROGRAMS:
        _put(overlay, program, (root / program).read_bytes(), 0o755)
        for library in _libraries(root / program):
            _put(
                overlay,
                str(library).lstrip("/").removeprefix(f"{str(root).lstrip('/')}/"),
                library.read_bytes(),
                0o755,
            )
    _host_key(overlay)
    _put(overlay, "init-reachable", INIT.encode(), 0o755)
    _put(overlay, "reach", REACH.encode())
    _put(overlay, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    _put(overlay, "etc/shells", b"/bin/sh\n")
    _put(overlay, "root/.ssh/authorized_keys", KEY.with_suffix(".pub").read_bytes(), 0o600)
    _put(overlay, "www/index.html", b"hello\n")
    for folder in ("root", "root/.ssh"):
        (overlay / folder).chmod(0o700)


def _host_key(overlay: Path) -> None:
    file = overlay / "etc/ssh/dropbear_key"
    file.parent.mkdir(parents=True)
    made = _run(str(FOLDER / "root/usr/bin/dropbearkey"), "-t", "ed25519", "-f", str(file))
    public = next(line for line in made.splitlines() if line.startswith("ssh-ed25519 "))
    (file.parent / "ssh_host_ed25519_key.pub").write_text(f"{public}\n")


def _libraries(program: Path) -> list[Path]:
    words = [word for word in _run("ldd", str(program)).split() if word.startswith("/")]
    return [Path(word) for word in words if ".so" in word]


def _put(overlay: Path, name: str, data: bytes, mode: int = 0o644) -> None:
    file = overlay / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    file.chmod(mode)


def _run(*command: str) -> str:
    libraries = ":".join(map(str, (FOLDER / "root/usr/lib").glob("*-linux-gnu")))
    environment = os.environ | {"LD_LIBRARY_PATH": libraries}
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
