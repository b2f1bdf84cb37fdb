#!/bin/busybox sh
# mini-init.sh - PID 1 of the VM of mini.sh: two memory-limited cgroups (v2), one of them works; the probe before and after, and what the kernel's
# own memory.stat says. (Debian's kernel has no CONFIG_MEMCG_V1: a v1 memory controller cannot be had on it.)
/bin/busybox --install -s /bin; export PATH=/bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /tmp
c=/sys/fs/cgroup; mount -t cgroup2 c $c; echo +memory > $c/cgroup.subtree_control
mkdir -p $c/pods /tmp/out /tmp/files; echo +memory > $c/pods/cgroup.subtree_control
for g in busy idle; do mkdir $c/pods/$g; echo 67108864 > $c/pods/$g/memory.max; done
sh /probe.sh > /tmp/out/before.txt
# Each file of a tmpfs costs an inode and a dentry in the slab of the group that made it, for as long as it is there.
sh -c "echo \$\$ > $c/pods/busy/cgroup.procs; i=0; while [ \$i -lt 3000 ]; do : > /tmp/files/\$i; i=\$((i+1)); done; : > /tmp/ready; exec sleep 1000" &
until [ -e /tmp/ready ]; do sleep 0.1; done
sh /probe.sh > /tmp/out/after.txt
for g in busy idle; do cat $c/pods/$g/memory.stat > /tmp/out/$g.stat; cat $c/pods/$g/memory.current > /tmp/out/$g.current; done
cut -d' ' -f1 /proc/uptime > /tmp/out/seconds
stty -F /dev/ttyS1 raw -echo; tar -C /tmp/out -c . > /dev/ttyS1; poweroff -f
