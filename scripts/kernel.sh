# shellcheck shell=bash
# The distribution's kernel and busybox, unpacked for guests of tests; to be sourced. No root needed.
#
# The caller has say and die, and a folder for its work in $work.

PATH=$PATH:/usr/sbin:/sbin

# The kernel's package with its number: linux-image-6.1.0-9-cloud-amd64.
kernel_package() {
  local arch candidate package
  arch=$(dpkg --print-architecture)
  for candidate in "linux-image-cloud-$arch" "linux-image-$arch" linux-image-virtual linux-image-generic; do
    package=$(dependency "$candidate")
    if [ -n "$package" ]; then echo "$package"; return; fi
  done
  die "apt knows no kernel image for $arch; run apt-get update"
}

# The package that a metapackage stands for: linux-image-cloud-amd64 -> linux-image-6.1.0-9-cloud-amd64.
dependency() {
  apt-cache show --no-all-versions "$1" 2>/dev/null |
    sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1
}

candidate_version() { apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'; }

# What a build depends on, in one line: the kernel's package and version, and the scripts that build.
stamp_of() { # PACKAGE SCRIPT...
  local package=$1
  shift
  echo "$package $(candidate_version "$package") $(cat "$@" | sha256sum | cut -c1-16)"
}

is_built() { # STAMP OUTDIR FILE...
  local stamp=$1 out=$2 file
  shift 2
  for file in "$@"; do [ -f "$out/$file" ] || return 1; done
  [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ]
}

require_tools() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null || die "$tool is missing"; done
}

busybox_binary() {
  local path
  path=$(command -v busybox) || die "busybox is missing; install busybox-static"
  if ldd "$path" >/dev/null 2>&1; then die "$path is not static; install busybox-static"; fi
  echo "$path"
}

# Unpack the kernel into $work/kernel; sets kernel_version, kernel_image and kernel_root (which has lib/modules).
fetch_kernel() { # PACKAGE
  local modules=${1/linux-image-/linux-modules-} deb
  (
    cd "$work"
    say "fetching $1"
    apt-get download -q -o APT::Sandbox::User=root "$1" >/dev/null
    if [ -n "$(apt-cache show "$modules" 2>/dev/null)" ]; then # Ubuntu keeps the modules apart
      apt-get download -q -o APT::Sandbox::User=root "$modules" >/dev/null
    fi
    for deb in ./*.deb; do dpkg-deb -x "$deb" kernel; done
  )
  kernel_root=$work/kernel
  if [ -d "$work/kernel/usr/lib/modules" ]; then kernel_root=$work/kernel/usr; fi # a kernel for a merged /usr
  kernel_version=$(basename "$kernel_root"/lib/modules/*)
  kernel_image=$(echo "$work"/kernel/boot/vmlinuz-*)
  depmod -b "$kernel_root" "$kernel_version"
}

# The modules in the order in which they have to be loaded, dependencies first, each once.
ordered_modules() { # MODULE...
  local name
  for name in "$@"; do
    modprobe -d "$kernel_root" -S "$kernel_version" --show-depends "$name" 2>/dev/null || true
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}'
}

# Put modules into ROOT/lib/modules, and their names into ROOT/lib/modules/order for the guest's init.
add_modules() { # ROOT MODULE...
  local root=$1 file
  shift
  mkdir -p "$root/lib/modules"
  ordered_modules "$@" >"$work/order"
  [ -s "$work/order" ] || say "no module needed: this kernel has virtio built in"
  while read -r file; do
    unpack_module "$file" "$root/lib/modules"
    basename "$file" | sed 's/\.ko.*/.ko/' >>"$root/lib/modules/order"
  done <"$work/order"
  touch "$root/lib/modules/order"
}

unpack_module() { # FILE TARGET_FOLDER
  local base=${1##*/}
  case $base in
    *.xz) xz -dc "$1" >"$2/${base%.xz}" ;;
    *.zst) zstd -qdc "$1" >"$2/${base%.zst}" ;;
    *.gz) gzip -dc "$1" >"$2/${base%.gz}" ;;
    *) cp "$1" "$2/" ;;
  esac
}

# Not compressed: unpacking costs more under TCG than reading does.
pack_initrd() { # ROOT, to stdout
  (cd "$1" && find . | LC_ALL=C sort | cpio -o -H newc --quiet -R 0:0)
}
