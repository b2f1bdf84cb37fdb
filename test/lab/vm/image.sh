#!/bin/sh
# image.sh OUT [tiny|full] - a bootable Debian disk (BIOS, MBR, real GRUB, Debian's kernel, sshd): OUT/disk.raw, with root's key OUT/id and the host key OUT/host_key.pub.
#   tiny  a shell script as PID 1 and a 1 MB initramfs of busybox: 14 s from power-on to login without KVM, where systemd takes 90
#   full  systemd, docker, containerd, podman, runc and crun beside it
# All is installed now; the running VM needs no network. update-grub, grub-script-check and /boot are Debian's own in both.
# Needs: root, mmdebstrap, e2fsprogs, fdisk, busybox-static, cpio, xz-utils, openssh-client; neither loop devices nor a mount of its own.
# Env: SUITE (that of this machine if it is Debian, else trixie), KERNEL (linux-image-cloud-amd64).
set -eu
OUT=$1 KIND=${2:-tiny} HERE=$(cd "$(dirname "$0")" && pwd)
. /etc/os-release
[ "$ID" = debian ] || VERSION_CODENAME=trixie
SUITE=${SUITE:-$VERSION_CODENAME} KERNEL=${KERNEL:-linux-image-cloud-amd64}
include=$KERNEL,grub-pc,openssh-server,iproute2,procps,kmod,busybox-static
case $KIND in
  tiny) size=2048 ;;
  full) size=3072 include=$include,systemd-sysv,udev,dbus,libpam-systemd,docker.io,docker-cli,containerd,runc,podman,crun,conmon,curl ;;
  *) echo "tiny or full, not $KIND" >&2; exit 2 ;;
esac
mkdir -p "$OUT"; ROOT=$OUT/root; rm -rf "$ROOT" "$OUT/disk.raw"
mmdebstrap --quiet --variant=minbase --include="$include" --aptopt='Acquire::Check-Valid-Until "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="sh '$HERE/image-$KIND.sh' \"\$1\"" "$SUITE" "$ROOT"
[ -s "$OUT/id" ] || ssh-keygen -q -t ed25519 -N '' -C kmend-vm -f "$OUT/id"
mkdir -p "$ROOT/root/.ssh"; chmod 700 "$ROOT/root/.ssh"
cp "$OUT/id.pub" "$ROOT/root/.ssh/authorized_keys"; chmod 600 "$ROOT/root/.ssh/authorized_keys"
cp "$ROOT/etc/ssh/ssh_host_ed25519_key.pub" "$OUT/host_key.pub"
echo vm > "$ROOT/etc/hostname"; echo 'LABEL=root / ext4 errors=remount-ro,noatime 0 1' > "$ROOT/etc/fstab"

cat > "$ROOT/etc/default/grub" <<'G'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0 net.ifnames=0"
GRUB_TERMINAL="serial console"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
G
# The first grub.cfg is by hand: update-grub needs the real disk under /. Whoever starts the VM runs it there first.
# shellcheck source=/dev/null
words=$(GRUB_CMDLINE_LINUX=''; . "$ROOT/etc/default/grub"; for f in "$ROOT"/etc/default/grub.d/*.cfg; do [ ! -e "$f" ] || . "$f"; done; echo "$GRUB_CMDLINE_LINUX")
K=$(cd "$ROOT/boot" && echo vmlinuz-*); K=${K#vmlinuz-}
mkdir -p "$ROOT/boot/grub"; cp -r "$ROOT/usr/lib/grub/i386-pc" "$ROOT/boot/grub/"
printf 'search --no-floppy --label root --set=root\nlinux /boot/vmlinuz-%s root=LABEL=root ro %s\ninitrd /boot/initrd.img-%s\nboot\n' "$K" "$words" "$K" > "$ROOT/boot/grub/grub.cfg"
# The pieces that grub-install writes: boot.img in the MBR, core.img in the gap behind it.
chroot "$ROOT" grub-mkimage -O i386-pc -o /boot/grub/i386-pc/core.img -p '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 search_label
truncate -s "${size}M" "$OUT/disk.raw"
printf 'label: dos\nstart=2048, type=83, bootable\n' | sfdisk -q "$OUT/disk.raw"
dd if="$ROOT/usr/lib/grub/i386-pc/boot.img" of="$OUT/disk.raw" bs=440 count=1 conv=notrunc status=none
dd if="$ROOT/boot/grub/i386-pc/core.img" of="$OUT/disk.raw" bs=512 seek=1 conv=notrunc status=none
mke2fs -q -F -t ext4 -L root -d "$ROOT" -E offset=1048576,nodiscard "$OUT/disk.raw" "$((size - 1))M"
rm -rf "$ROOT"
