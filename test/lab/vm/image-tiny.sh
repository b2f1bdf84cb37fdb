#!/bin/sh
# image-tiny.sh ROOT - the tiny kind of image.sh: busybox initramfs, a shell script as PID 1, one memory-limited cgroup that works from boot on.
# Left out: systemd, and with it `systemctl reboot`: the `reboot` here syncs, remounts read-only and resets the machine.
set -eu
ROOT=$1
K=$(cd "$ROOT/boot" && echo vmlinuz-*); K=${K#vmlinuz-}; M=$ROOT/usr/lib/modules/$K/kernel
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
mkdir -p "$D/bin" "$D/proc" "$D/sys" "$D/dev" "$D/r" "$D/m"; cp "$ROOT/usr/bin/busybox" "$D/bin/busybox"; ln -s busybox "$D/bin/sh"
for m in drivers/block/virtio_blk net/core/failover drivers/net/net_failover drivers/net/virtio_net; do
  if [ -e "$M/$m.ko.xz" ]; then xz -dc "$M/$m.ko.xz" > "$D/m/${m##*/}.ko"; elif [ -e "$M/$m.ko" ]; then cp "$M/$m.ko" "$D/m/"; fi
done
cat > "$D/init" <<'I'
#!/bin/sh
b=/bin/busybox; $b mount -t proc p /proc; $b mount -t sysfs s /sys; $b mount -t devtmpfs d /dev
for m in virtio_blk failover net_failover virtio_net; do [ ! -e /m/$m.ko ] || $b insmod /m/$m.ko; done
i=0; until $b mount -t ext4 -o noatime /dev/vda1 /r 2>/dev/null || [ $i -gt 100 ]; do i=$((i+1)); $b usleep 50000; done
init=/sbin/init; for w in $($b cat /proc/cmdline); do case $w in init=*) init=${w#init=};; esac; done
$b umount /sys; $b mount --move /dev /r/dev; $b umount /proc; exec $b switch_root /r "$init"
I
chmod 755 "$D/init"; (cd "$D" && find . | cpio -o -H newc --quiet | gzip -9) > "$ROOT/boot/initrd.img-$K"

cat > "$ROOT/usr/sbin/lab-init" <<'I'
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc p /proc; mount -t sysfs s /sys; mkdir -p /dev/pts /dev/shm; mount -t devpts d /dev/pts; mount -t tmpfs -o mode=755 r /run
mount -o remount,rw /
c=/sys/fs/cgroup; mount -t cgroup2 c $c; echo +memory > $c/cgroup.subtree_control
mkdir -p /run/sshd /run/lock /run/lab; hostname "$(cat /etc/hostname)"
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
mkdir $c/limited; echo 67108864 > $c/limited/memory.max
sh -c "echo \$\$ > $c/limited/cgroup.procs; i=0; while [ \$i -lt 2000 ]; do : > /run/lab/\$i; i=\$((i+1)); done; exec sleep infinity" </dev/null >/dev/null 2>&1 &
/usr/sbin/sshd; echo "lab-init: sshd at $(cut -d' ' -f1 /proc/uptime)" > /dev/console
while :; do wait; sleep 1000; done
I
printf '#!/bin/sh\nsync; mount -o remount,ro / 2>/dev/null; busybox reboot -f\n' > "$ROOT/usr/local/sbin/reboot"
chmod 755 "$ROOT/usr/sbin/lab-init" "$ROOT/usr/local/sbin/reboot"
mkdir -p "$ROOT/etc/default/grub.d"
printf 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX mitigations=off init=/usr/sbin/lab-init"\n' > "$ROOT/etc/default/grub.d/10-lab.cfg"
printf 'UsePAM no\n' > "$ROOT/etc/ssh/sshd_config.d/lab.conf"
