# shellcheck shell=bash
# What scripts/test and scripts/demo share; to be sourced. Debian and Ubuntu, as root or through sudo.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$TOP/.venv
GUEST_CACHE=$TOP/.cache/tiny-guest
PATH=$PATH:/usr/sbin:/sbin

SYSTEM_PACKAGES=(
  libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients dnsmasq-base iptables iproute2 dmidecode
  qemu-system-x86 qemu-utils seabios ipxe-qemu
  libvirt-dev pkg-config gcc libc6-dev
  busybox-static cpio kmod xz-utils zstd
  procps util-linux iputils-ping ca-certificates openssh-client curl openssl
  git graphviz jq shellcheck zsh fish
)

# What makes and reads images for tests. Here and not only in the scripts that need them: tests run side by side,
# and apt-get installs for one at a time.
# shellcheck disable=SC2034  # used by scripts/test
TEST_PACKAGES=(
  mmdebstrap e2fsprogs dosfstools mtools fdisk syslinux syslinux-common isolinux genisoimage
  ovmf swtpm swtpm-tools # UEFI and TPMs of guests
  libvirt-daemon-driver-storage-gluster libvirt-daemon-driver-storage-iscsi-direct # pools of every type
  libvirt-daemon-driver-storage-rbd libvirt-daemon-driver-storage-zfs
)

BROWSER_PACKAGES=(chromium chromium-driver) # for the tests of the HTML report; on Ubuntu there is only a snap

say() { printf '\n== %s\n' "$*" >&2; }
die() { printf '\nerror: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

require_system() {
  command -v apt-get >/dev/null || die "these scripts set up Debian and Ubuntu; install the packages of scripts/lib.sh by hand"
  [ "$(uname -m)" = x86_64 ] || die "the tiny guest is for x86_64, this is $(uname -m)"
  [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null || die "run this as root, or install sudo"
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Install what is missing of the given packages, and say so; do nothing where all are there.
install_packages() {
  local package missing=()
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt_get update -q || die "apt-get update failed"
  apt_get install -q -y --no-install-recommends "${missing[@]}" || die "apt-get could not install ${missing[*]}"
}

# Quiet unless it fails: then all of what it said.
apt_get() {
  local log status=0
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >"$log" 2>&1 || status=$?
  [ "$status" -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

# libvirt probes QEMU anew on every call (a minute, not milliseconds) where /dev/kvm exists and QEMU's user
# cannot open it, as on machines without udev. This is what the distribution's udev rule does.
make_kvm_usable() {
  [ -e /dev/kvm ] || return 0
  case $(stat -c '%G:%a' /dev/kvm) in kvm:66? | *:666) return 0 ;; esac
  getent group kvm >/dev/null || return 0
  say "giving the group kvm access to /dev/kvm"
  as_root chgrp kvm /dev/kvm && as_root chmod 660 /dev/kvm
}

# A Python that runs (a pyenv shim may only pretend to), is new enough, can make venvs and build extensions.
find_python() {
  local name path
  for name in python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
    path=$(command -v "$name") || continue
    if "$path" -c '
import ensurepip, os, sys, sysconfig, venv
ok = sys.version_info >= (3, 11) and os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
sys.exit(not ok)' 2>/dev/null; then
      "$path" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  return 1
}

install_python() {
  local version
  find_python >/dev/null && return 0
  install_packages python3 python3-venv python3-dev
  find_python >/dev/null && return 0
  for version in 3.13 3.12 3.11; do # beside an older python3, as on Ubuntu 22.04
    apt-cache show "python$version-venv" >/dev/null 2>&1 || continue
    install_packages "python$version" "python$version-venv" "python$version-dev"
    find_python >/dev/null && return 0
  done
  die "found no Python 3.11 or newer with venv and its headers"
}

# .venv with kvmspec in editable form and its development tools; pip runs only when pyproject.toml changed.
make_venv() {
  local python stamp
  python=$(find_python) || die "found no Python 3.11 or newer"
  stamp="$python $(sha256sum <"$TOP/pyproject.toml" | cut -c1-16) $TOP"
  if [ "$(cat "$VENV/kvmspec-stamp" 2>/dev/null)" = "$stamp" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
    return 0
  fi
  say "making $VENV with $("$python" --version) and installing kvmspec and its tools into it"
  rm -f "$VENV/kvmspec-stamp"
  "$VENV/bin/python" -c 'import pip' 2>/dev/null || { rm -rf "$VENV" && "$python" -m venv "$VENV"; } ||
    die "could not make $VENV"
  (cd "$TOP" && "$VENV/bin/python" -m pip install -qq --disable-pip-version-check -e '.[dev]' </dev/null) ||
    die "pip could not install kvmspec into $VENV"
  echo "$stamp" >"$VENV/kvmspec-stamp"
}

build_tiny_guest() {
  say "tiny guest: the distribution's kernel and busybox, in $GUEST_CACHE"
  "$TOP/scripts/tiny-guest" "$GUEST_CACHE" && return 0
  say "once more, after apt-get update"
  apt_get update -q || die "apt-get update failed"
  "$TOP/scripts/tiny-guest" "$GUEST_CACHE" || die "could not build the tiny guest"
}

install_browser() {
  if grep -qx 'ID=debian' /etc/os-release; then
    install_packages "${BROWSER_PACKAGES[@]}"
  else
    say "no Chromium but as a snap here: the browser tests are skipped"
  fi
}

setup_machine() {
  require_system
  install_packages "${SYSTEM_PACKAGES[@]}"
  install_python
  make_kvm_usable
  make_venv
  build_tiny_guest
}
