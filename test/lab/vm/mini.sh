#!/bin/sh
# mini.sh KERNEL PROBE OUT [ARGUMENT...] - boots KERNEL directly (no disk, no network, no boot loader) with a busybox initramfs, runs the
# script PROBE inside (mini-init.sh says when) and leaves what it printed, byte for byte, in the folder OUT. About 7 s without KVM.
# Needs: qemu-system-x86, busybox-static, cpio; no root.
# Env: ACCEL (tcg), LIMIT (100 s). A /dev/kvm that opens proves nothing: with software KVM guests hang, so TCG is the default.
set -eu
KERNEL=$1 PROBE=$2 OUT=$3; shift 3
HERE=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$OUT"; D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
mkdir -p "$D/r/bin" "$D/r/proc" "$D/r/sys" "$D/r/dev" "$D/r/tmp"
cp "$(command -v busybox)" "$D/r/bin/busybox"; cp "$HERE/mini-init.sh" "$D/r/init"; cp "$PROBE" "$D/r/probe.sh"; chmod 755 "$D/r/init"
(cd "$D/r" && find . | cpio -o -H newc --quiet | gzip -1) > "$D/initrd"
# The results come over the second serial line as a tar: the console has the kernel's own messages on it.
timeout "${LIMIT:-100}" nice -n 5 qemu-system-x86_64 -machine pc -accel "${ACCEL:-tcg}" -cpu max -smp 1 -m 256 -nodefaults -no-reboot -display none \
  -kernel "$KERNEL" -initrd "$D/initrd" -append "console=ttyS0 panic=-1 quiet $*" -serial "file:$OUT/console" -serial "file:$D/out.tar"
tar -C "$OUT" -xf "$D/out.tar"
