# shellcheck shell=bash
# Disk images that boot by themselves, made without mounts or loop devices; to be sourced.
#
# The caller has a folder for its work in $work.

DISK_PACKAGES=(dosfstools mtools syslinux syslinux-common fdisk qemu-utils)
BOOT_AT=1 # MiB; where the first partition starts

# A raw disk of DISK_MIB with a bootable FAT partition of BOOT_MIB; what is left becomes a second partition, the
# last, so that it can grow.
make_disk() { # RAW DISK_MIB BOOT_MIB
  local next=$((BOOT_AT + $3))
  truncate -s "$2M" "$1"
  {
    printf 'start=%sMiB, size=%sMiB, type=e, bootable\n' "$BOOT_AT" "$3"
    [ "$next" -ge "$2" ] || printf 'start=%sMiB, type=83\n' "$next"
  } | sfdisk -q "$1"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$1" conv=notrunc status=none
}

# SeaBIOS runs the MBR, which runs syslinux on the first partition, which loads this kernel.
make_bootable() { # RAW BOOT_MIB KERNEL INITRD CMDLINE
  local part=$work/boot.fat
  truncate -s "$2M" "$part"
  mkfs.vfat -F 16 -n BOOT -h $((BOOT_AT * 2048)) "$part" >/dev/null
  printf 'DEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL vmlinuz\n  INITRD initrd.img\n  APPEND %s\n' "$5" \
    >"$work/syslinux.cfg"
  mcopy -i "$part" "$work/syslinux.cfg" ::
  mcopy -i "$part" "$3" ::vmlinuz
  mcopy -i "$part" "$4" ::initrd.img
  syslinux --install "$part"
  dd if="$part" of="$1" bs=1M seek="$BOOT_AT" conv=notrunc,sparse status=none
}

# With zstd: TCG and tests wait for the reader.
compress_disk() { # RAW QCOW2
  qemu-img convert -c -m 4 -W -O qcow2 -o compression_type=zstd "$1" "$2"
}
