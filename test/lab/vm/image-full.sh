#!/bin/sh
# image-full.sh ROOT - the full kind of image.sh: systemd with a static address, an initramfs of Debian's own that guesses nothing,
# one memory-limited unit and one memory-limited docker container that work from boot on (the container: system.slice/docker-ID.scope).
set -eu
ROOT=$1
printf '[Match]\nType=ether\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n' > "$ROOT/etc/systemd/network/e.network"
sed -i 's/^MODULES=.*/MODULES=list/' "$ROOT/etc/initramfs-tools/initramfs.conf"
printf 'virtio_pci\nvirtio_blk\nvirtio_net\next4\n' >> "$ROOT/etc/initramfs-tools/modules"
cat > "$ROOT/etc/systemd/system/limited.service" <<'U'
[Service]
MemoryMax=64M
ExecStart=/bin/sh -c 'mkdir -p /run/lab; i=0; while [ $$i -lt 2000 ]; do : > /run/lab/$$i; i=$$((i+1)); done; exec sleep infinity'
[Install]
WantedBy=multi-user.target
U
cat > "$ROOT/etc/systemd/system/container.service" <<'U'
[Unit]
After=docker.service
Requires=docker.service
[Service]
TimeoutStartSec=900
ExecStartPre=/bin/sh -c 'docker image inspect box > /dev/null 2>&1 || { mkdir -p /run/box/bin; for n in busybox sh mkdir sleep; do cp /usr/bin/busybox /run/box/bin/$$n; done; tar -C /run/box -c . | docker import - box; }'
ExecStart=/usr/bin/docker run --rm --memory 64m --network none box /bin/sh -c 'mkdir /w; i=0; while [ $$i -lt 2000 ]; do : > /w/$$i; i=$$((i+1)); done; exec sleep 100000'
[Install]
WantedBy=multi-user.target
U
chroot "$ROOT" sh -euc '
  update-initramfs -u -k all > /dev/null 2>&1
  systemctl enable systemd-networkd ssh limited container > /dev/null 2>&1
  systemctl disable apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer systemd-networkd-wait-online > /dev/null 2>&1 || :'
