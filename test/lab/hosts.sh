#!/bin/sh
# hosts.sh - a fleet of fast 'hosts' on one machine, for tests of an SSH orchestrator that upgrades packages and reboots.
#   hosts.sh up     LAB_DIR COUNT [FLAVOUR]  start hosts h1..hCOUNT (el7 | deb; default el7); LAB_DIR/list = NAME ADDRESS PORT FLAVOUR, LAB_DIR/id = key
#   hosts.sh down   LAB_DIR                  stop them all and unmount (only processes of this lab)
#   hosts.sh set    LAB_DIR N NAME VALUE     fault settings of host N, see below (VALUE '' removes it)
#   hosts.sh power  LAB_DIR N                power-cycle host N from outside (also one that never came back)
#   hosts.sh freeze|thaw LAB_DIR N           SIGSTOP / SIGCONT every process of host N: TCP connects, nothing answers
#   hosts.sh boots  LAB_DIR N                how often host N has booted
# Needs: root (mount, unshare, chroot), overlayfs, tmpfs, PID/UTS/mount/time namespaces; in BASE: openssh-server, grub-common,
#   util-linux, and for el7: dnf, rpm; for deb: apt. With REPOS: the folder made by repos.sh. No network, no docker, no systemd.
# Each host: own mount, PID, UTS and time namespace, an overlayfs root (writes in a tmpfs), own hostname, os-release, rpm/dpkg database,
#   kernel version, kernel command line, boot id, uptime, fake cgroup v1 memory tree, small /dev, and a real sshd on NET.A.B:PORT.
# `reboot`, `shutdown -r`, `systemctl reboot`, `echo b > /proc/sysrq-trigger` end the host's PID 1: every process (also the SSH sessions)
#   dies, the address refuses connections for DOWN seconds, then it boots what the default entry of its grub.cfg names (grubenv's saved_entry, or
#   the first): kernel version and command line come from there. No grub.cfg, no linux line, or a missing kernel file = it never comes back.
# Real: sshd, sh, coreutils, dnf+rpm / apt+dpkg, grub-mkconfig. Emulated tools (scripts): grub-probe, grubby, systemctl, reboot, uname, dmesg, docker (repos.sh).
# MODEL, not measurement: the kmem files (see /lab/cgtree): 3.10 el7 parses nokmem only from release 1062 on; a container with a memory limit is
#   accounted unless its runc is a nokmem build; kubepods (if a kubelet version is set) is accounted unless kubelet >= 1.21.2.
# Fault settings: down S | never 1 | loop 'TIMES SECONDS' (dies again that long after each boot) | noreboot 1 (reboot says ok, nothing happens)
#   | oldboot 1 (ignores grub.cfg, boots what it had) | newkey 1 (other host key at next boot) | slowssh S | nodocker 1 | kubelet X.Y.Z | bootkb (see BOOT_KB)
# Env: BASE (lower root, default /), PORT (22), DOWN (3), REPOS (folder of repos.sh), NET (127.10), BOOT_KB (0 = /boot is not a file system of
#   its own; else its size in KiB), GRUBBY (el7: path of a real grubby; else emulated-grubby.sh), SIZE (4g, limit of the tmpfs for all hosts)
set -eu
CMD=$1 LAB=$2 PORT=${PORT:-22} DOWN=${DOWN:-3} BASE=${BASE:-/} REPOS=${REPOS:-} NET=${NET:-127.10} BOOT_KB=${BOOT_KB:-0}
addr() { echo "$NET.$(($1 / 200)).$(($1 % 200 + 1))"; }

layer() { # builds the read-only layer that is the same for all hosts of one flavour
  L=$LAB/hosts/layer-$1; mkdir -p "$L/root/.ssh" "$L/usr/local/sbin" "$L/usr/local/bin" "$L/usr/sbin" "$L/usr/bin" "$L/lab/ctl" "$L/run" "$L/repos" "$L/etc/default" "$L/boot"
  : > "$L/root/.bashrc"; : > "$L/root/.profile" # not the developer's own
  cp "$LAB/id.pub" "$L/root/.ssh/authorized_keys"; chmod 700 "$L/root/.ssh"; chmod 600 "$L/root/.ssh/authorized_keys"
  printf 'Port %s\nHostKey /lab/host_key\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nMaxStartups 200\nPerSourcePenalties no\nSubsystem sftp internal-sftp\nListenAddress %%ADDR%%\n' "$PORT" > "$L/lab/sshd_config.in"
  cat > "$L/usr/sbin/reboot" <<'I'
#!/bin/sh
[ -e /lab/ctl/noreboot ] && exit 0
kill -USR1 1
I
  cat > "$L/usr/sbin/shutdown" <<'I'
#!/bin/sh
case " $* " in *" -r "*) exec /usr/sbin/reboot;; esac
exit 1
I
  cat > "$L/usr/bin/systemctl" <<'I'
#!/bin/sh
# emulated: units are files in /run/lab/units; docker starts with the version of the installed dockerd
case "${1:-}" in -*) shift;; esac
v=${1:-}; [ $# -gt 0 ] && shift; echo "$v $*" >> /var/log/systemctl.log; u=''
for a; do case $a in -*) ;; *) u=${a%.service};; esac; done
start() { : > "/run/lab/units/$u"; [ "$u" = docker ] || return 0
  command -v dockerd >/dev/null || { echo "Failed to start docker.service: Unit not found." >&2; exit 5; }
  dockerd --version | sed 's/Docker version \([^,]*\),.*/\1/' > /run/lab/dockerd; /lab/cgtree docker; }
stop() { rm -f "/run/lab/units/$u"; if [ "$u" = docker ]; then rm -f /run/lab/dockerd; fi; }
case $v in
  reboot) exec /usr/sbin/reboot;;
  start) start;; stop) stop;; restart|try-restart|reload-or-restart) stop; start;;
  is-active) if [ -e "/run/lab/units/$u" ]; then echo active; else echo inactive; exit 3; fi;;
  is-enabled) echo enabled;; is-system-running) echo running;; daemon-reload|enable|disable|mask|unmask|reset-failed) ;; *) exit 1;;
esac
I
  cp /usr/bin/uname "$L/lab/uname.real"
  cat > "$L/usr/bin/uname" <<'I'
#!/bin/sh
case "${1:-}" in -r) cat /lab/ctl/kernel;; -a) echo "Linux $(hostname) $(cat /lab/ctl/kernel) #1 SMP x86_64 GNU/Linux";; *) exec /lab/uname.real "$@";; esac
I
  printf '#!/bin/sh\ncat /lab/ctl/dmesg 2>/dev/null || :\n' > "$L/usr/bin/dmesg"
  cat > "$L/usr/sbin/grub-probe" <<'I'
#!/bin/sh
# emulated: the real one refuses an overlay root
case "$*" in *=device*|*"-t device"*) echo /dev/sda1;; *fs_uuid*) echo 11111111-2222-3333-4444-555555555555;; *partuuid*) echo 0a0b0c0d-01;; *target=fs*) echo ext2;;
  *partmap*) echo msdos;; *hints_string*) echo "--hint-bios=hd0,msdos1 ";; *drive*) echo '(hd0,msdos1)';; *prefix*|*rel*) echo /boot;; esac
I
  cat > "$L/lab/cgtree" <<'I'
#!/bin/sh
# cgtree [docker | group PATH] - the fake v1 memory tree; with `docker` only the docker groups are made anew, with `group` a group that a
# script has just made gets its files. A MODEL of what was measured on booted kernels, see hosts.sh.
R=/sys/fs/cgroup/memory K=$(cat /lab/ctl/kernel) C=" $(cat /lab/ctl/cmdline) " parses=1 nokmem=0
case $K in 3.10.0-*) r=${K#3.10.0-}; [ "${r%%.*}" -ge 1062 ] || parses=0;; *) C=${C%% -- *};; esac
for t in $C; do case $t in cgroup.memory=*) case ",${t#*=}," in *,nokmem,*) nokmem=$parses;; esac;; esac; done
grp() { # PATH on|off LIMIT BUSY
  d=$R/$1; /usr/bin/mkdir -p "$d"; echo "$3" > "$d/memory.limit_in_bytes"; echo 20971520 > "$d/memory.usage_in_bytes"; echo 1 > "$d/memory.use_hierarchy"
  : > "$d/cgroup.procs"; [ -z "${4:-}" ] || echo 1 > "$d/cgroup.procs"
  echo 9223372036854771712 > "$d/memory.kmem.limit_in_bytes"; s=$2; [ $nokmem = 1 ] && s=off
  echo 0 > "$d/memory.kmem.usage_in_bytes"; : > "$d/memory.kmem.slabinfo"
  if [ $s = on ]; then
    printf 'slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n' > "$d/memory.kmem.slabinfo"
    [ -n "${4:-}" ] || return 0
    echo 962560 > "$d/memory.kmem.usage_in_bytes"; echo 962560 > $R/memory.kmem.usage_in_bytes
    printf 'kmalloc-64           128    128     64   64    1 : tunables    0    0    0 : slabdata      2      2      0\ndentry               210    210    192   21    1 : tunables    0    0    0 : slabdata     10     10      0\n' >> "$d/memory.kmem.slabinfo"
    n=$(cat /run/lab/group 2>/dev/null || echo 4); echo $((n + 1)) > /run/lab/group; /usr/bin/mkdir -p "/sys/kernel/slab/dentry($n:${1##*/})" "/sys/kernel/slab/kmalloc-64($n:${1##*/})"
  else case $K in 3.*) mount --bind /proc/1/mem "$d/memory.kmem.slabinfo";; esac; fi # a read of it at offset 0 gives a true EIO
}
B=9223372036854771712
if [ "${1:-}" = group ]; then grp "${2#"$R"/}" on $B; exit 0; fi
if [ "${1:-}" != docker ]; then
  mount -t tmpfs -o size=2m,mode=755 tmpfs /sys; /usr/bin/mkdir -p $R /sys/kernel/slab/dentry; grp . off $B; grp system.slice off $B; grp system.slice/sshd.service off $B busy
  v=$(cat /lab/ctl/kubelet 2>/dev/null || kubelet --version 2>/dev/null | sed 's/.* v//')
  if [ -n "$v" ]; then k=on; [ "$(printf '%s\n' 1.21.2 "$v" | sort -V | head -1)" = 1.21.2 ] && k=off
    p=kubepods/burstable/pod0a1b2c3d-0000-4000-8000-00000000c0de; for g in kubepods kubepods/burstable kubepods/besteffort $p; do grp $g $k $B; done
    grp $p/$(printf '%064d' 7) $k 134217728 busy
  fi
fi
[ -e /run/lab/dockerd ] || exit 0
for f in $R/docker/*/memory.kmem.slabinfo $R/docker/memory.kmem.slabinfo; do umount "$f" 2>/dev/null; done; rm -rf $R/docker
n=$(cat /usr/share/lab/runc-nokmem 2>/dev/null || cat /usr/share/lab/docker-runc-nokmem 2>/dev/null); a=on; [ "$n" = yes ] && a=off
grp docker off $B; grp "docker/$(printf '%064d' 1)" $a 536870912 busy; grp "docker/$(printf '%064d' 2)" off $B busy
printf '%012d\n' 0 0 > /run/lab/containers
I
  # The kernel's part of mkdir and rmdir in the memory tree: a new group has files, and they do not keep it from being removed
  cat > "$L/usr/local/bin/mkdir" <<'I'
#!/bin/sh
/usr/bin/mkdir "$@" || exit
for d; do case $d in /sys/fs/cgroup/memory/*) /lab/cgtree group "$d";; esac; done
I
  cat > "$L/usr/local/bin/rmdir" <<'I'
#!/bin/sh
for d; do case $d in /sys/fs/cgroup/memory/*) umount "$d/memory.kmem.slabinfo" 2>/dev/null; rm -f "$d"/*;; esac; done
exec /usr/bin/rmdir "$@"
I
  # PID 1 of a host: choose the boot entry, mounts, cgroups, docker, sshd, then wait for the reboot signal
  cat > "$L/lab/init" <<'I'
#!/bin/sh
die() { echo "no boot: $*"; exit 9; }
C=/lab/ctl; trap 'exit 0' USR1 TERM HUP
mount -t proc proc /proc
if [ ! -e $C/oldboot ] || [ ! -e $C/cmdline ]; then
  g=$(ls /boot/grub2/grub.cfg /boot/grub/grub.cfg 2>/dev/null | head -1); [ -n "$g" ] || die 'no grub.cfg'
  # the entry that grubenv names (for one boot: then its name is taken away; else the saved one), where grub.cfg asks it; else the first
  v=saved_entry; if grep -q '^next_entry=.' "${g%.cfg}env" 2>/dev/null && grep -q '^[[:space:]]*set default="${next_entry}"' "$g"; then v=next_entry; fi
  l=''; s=$(sed -n "s/^$v=//p" "${g%.cfg}env" 2>/dev/null | head -1)
  [ $v = saved_entry ] || grub-editenv "${g%.cfg}env" unset next_entry
  if [ -n "$s" ] && grep -q "^[[:space:]]*set default=\"\${$v}\"" "$g"; then l=$(awk -v s="$s" '/^[ \t]*menuentry /{t=$0; sub(/^[^\x27]*\x27/,"",t); sub(/\x27.*/,"",t)} /^[ \t]*linux[0-9]*[ \t]/{if(t==s){sub(/^[ \t]*linux[0-9]*[ \t]*/,""); print; exit}}' "$g"); fi
  [ -n "$l" ] || l=$(sed -n 's/^[[:space:]]*linux[0-9]*[[:space:]]*//p' "$g" | head -1); [ -n "$l" ] || die 'no linux line'
  k=${l%% *}; k=/boot/${k##*/}; [ -s "$k" ] || die "no kernel $k"
  echo "${k#/boot/vmlinuz-}" > $C/kernel; echo "BOOT_IMAGE=$l" > $C/cmdline
fi
cat /proc/sys/kernel/random/uuid > $C/boot_id; cat $C/boot_id >> $C/boots; readlink /proc/self/ns/pid > $C/pidns
mount -t tmpfs -o mode=755,size=16m tmpfs /run; mkdir -p /run/sshd /run/lab/units /run/lock
mount -t tmpfs -o mode=755,size=1m tmpfs /dev; mkdir /dev/pts /dev/shm
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/full c 1 7; mknod -m 666 /dev/random c 1 8; mknod -m 666 /dev/urandom c 1 9; mknod -m 666 /dev/tty c 5 0
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts /dev/pts; ln -s pts/ptmx /dev/ptmx; ln -s /proc/self/fd /dev/fd; ln -s /proc/self/fd/1 /dev/stdout; ln -s /proc/self/fd/2 /dev/stderr
# the machine's own sysctls and sysrq are out of reach: `echo b > /proc/sysrq-trigger` reboots this host only
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
if [ -e /proc/sysrq-trigger ]; then rm -f $C/sysrq; mkfifo $C/sysrq; mount --bind $C/sysrq /proc/sysrq-trigger
  ( while read -r c < $C/sysrq; do case $c in b) kill -USR1 1;; esac; done ) &
fi
for f in boot_id:sys/kernel/random/boot_id cmdline:cmdline kernel:sys/kernel/osrelease; do mount --bind $C/${f%%:*} /proc/${f#*:}; done
hostname "$(cat /etc/hostname)"
if [ -e $C/newkey ]; then rm -f /lab/host_key /lab/host_key.pub $C/newkey; ssh-keygen -q -t ed25519 -N '' -f /lab/host_key; fi
/lab/cgtree; if [ -x /usr/bin/kubelet ]; then /usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf & : > /run/lab/units/kubelet; fi
[ -e $C/nodocker ] || ! command -v dockerd >/dev/null || systemctl start docker
if [ -s $C/loop ]; then read -r t s < $C/loop; if [ "$t" -gt 0 ]; then echo "$((t-1)) $s" > $C/loop; ( sleep "$s"; kill -USR1 1 ) & fi; fi
[ -s $C/slowssh ] && { sleep "$(cat $C/slowssh)" & wait $!; }
/usr/sbin/sshd -D -e -f /lab/sshd_config 2>>$C/sshd.log &
while :; do wait; sleep 1000 & wait $!; done
I
  case $1 in
    el7) printf 'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n' > "$L/etc/os-release"
         echo 'CentOS Linux release 7.5.1804 (Core)' > "$L/etc/redhat-release"
         mkdir -p "$L/etc/yum.repos.d" "$L/boot/grub2" "$L/etc/dnf/vars" "$L/var/lib/rpm"
         printf '[lab]\nname=lab\nbaseurl=file:///repos/rpm\ngpgcheck=0\nmetadata_expire=1d\n' > "$L/etc/yum.repos.d/lab.repo"
         printf '[main]\ngpgcheck=0\ninstallonly_limit=3\nbest=True\n' > "$L/etc/dnf/dnf.conf"
         echo 7 > "$L/etc/dnf/vars/releasever"
         printf '#!/bin/sh\nexec /usr/bin/dnf "$@"\n' > "$L/usr/bin/yum"
         printf 'GRUB_TIMEOUT=5\nGRUB_DEFAULT=saved\nGRUB_DISABLE_SUBMENU=true\nGRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_LINUX="crashkernel=auto rhgb quiet"\n' > "$L/etc/default/grub"
         # real grub-mkconfig without Debian's grub.d drop-ins (el7 has none), with el7's words linux16/initrd16
         sed 's,default/grub\.d/,default/no-such.d/,g' /usr/sbin/grub-mkconfig > "$L/lab/mkconfig"
         ln -s ../boot/grub2/grub.cfg "$L/etc/grub2.cfg"
         # grubby: the emulated one, or (GRUBBY) the real one, which also wants blkid to know the root device
         if [ -z "${GRUBBY:-}" ]; then cp "$(dirname "$0")/emulated-grubby.sh" "$L/usr/sbin/grubby"
         else cp "$GRUBBY" "$L/lab/grubby"; printf '#!/bin/sh\nexec /lab/grubby --bad-image-okay "$@"\n' > "$L/usr/sbin/grubby"; fi
         cat > "$L/usr/sbin/grub2-mkconfig" <<'I'
#!/bin/sh
set -e
[ "${1:-}" = -o ] || exec sh /lab/mkconfig "$@"
t=$(mktemp "$2.newXXXXXX"); trap 'rm -f "$t"' EXIT
sh /lab/mkconfig > "$t"; sed -i 's/^\([[:space:]]*\)linux[[:space:]]/\1linux16 /; s/^\([[:space:]]*\)initrd[[:space:]]/\1initrd16 /' "$t"
cat "$t" > "$2"
I
         IN='mkdir -p /boot/grub2; rpm -i --nodeps /repos/rpm/*/bash-4*.rpm /repos/rpm/*/centos-release-7-*.rpm /repos/rpm/*/kernel-3.10.0-862*.rpm /repos/rpm/*/container-selinux-*.rpm /repos/rpm/*/docker-ce-18.06.1*.rpm; grub-editenv /boot/grub2/grubenv create' ;;
    deb) printf 'PRETTY_NAME="Debian GNU/Linux 9 (stretch)"\nNAME="Debian GNU/Linux"\nVERSION_ID="9"\nVERSION="9 (stretch)"\nID=debian\n' > "$L/etc/os-release"
         printf 'GRUB_TIMEOUT=5\nGRUB_DISABLE_OS_PROBER=true\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n' > "$L/etc/default/grub"
         printf '#!/bin/sh\nexec grub-mkconfig -o /boot/grub/grub.cfg "$@"\n' > "$L/usr/sbin/update-grub"
         IN='rm -rf /boot/grub /var/lib/dpkg /var/lib/apt /var/cache/apt /etc/apt/sources.list /etc/apt/sources.list.d /etc/default/grub.d /etc/apt/apt.conf.d/70debconf; mkdir -p /boot/grub /var/lib/dpkg/info /var/lib/dpkg/updates /var/lib/dpkg/alternatives /var/lib/dpkg/triggers /var/lib/apt/lists/partial /var/cache/apt/archives/partial /etc/apt/sources.list.d /etc/default/grub.d; : > /var/lib/dpkg/status; : > /var/lib/dpkg/available
           echo "deb [trusted=yes] file:/repos/deb ./" > /etc/apt/sources.list.d/lab.list
           dpkg -i /repos/deb/linux-image-4.9.0-6-*.deb /repos/deb/docker-ce_18.06*.deb && apt-get -q update' ;;
  esac
  for f in "$L"/usr/sbin/* "$L"/usr/bin/* "$L"/usr/local/bin/* "$L/lab/init" "$L/lab/cgtree"; do if [ -f "$f" ]; then chmod 755 "$f"; fi; done
  mkdir -p "$L/etc/grub.d"; : > "$L/etc/grub.d/05_debian_theme" # not executable: it fails without /boot/grub
  # the package work runs inside the layer, mounted over BASE, so that whiteouts and scriptlets come out right
  W=$LAB/hosts/build; mkdir -p "$W/work" "$W/root"; mount -t overlay -o "lowerdir=$BASE,upperdir=$L,workdir=$W/work" build "$W/root"
  mount -t proc proc "$W/root/proc"; mount --bind /dev "$W/root/dev"
  if [ -n "$REPOS" ]; then mount --bind -o ro "$REPOS" "$W/root/repos"; chroot "$W/root" sh -c "$IN"; umount "$W/root/repos"; fi >&2
  umount "$W/root/dev" "$W/root/proc" "$W/root"
}

host() { # one host's supervisor
  n=$1 fl=$2 H=$LAB/hosts/h$1 a=$(addr "$1"); R=$H/root
  mkdir -p "$H/up/etc" "$H/up/lab" "$H/work" "$R"
  echo "h$n" > "$H/up/etc/hostname"; sed "s/%ADDR%/$a/" "$LAB/hosts/layer-$fl/lab/sshd_config.in" > "$H/up/lab/sshd_config"
  cp "$LAB/host_key" "$H/up/lab/host_key"; chmod 600 "$H/up/lab/host_key"
  mount -t overlay -o "lowerdir=$LAB/hosts/layer-$fl:$BASE,upperdir=$H/up,workdir=$H/work" /dev/sda1 "$R" # named so for grubby
  rm -rf "$R/var/lib/kmend" # kmend may have worked on this machine, and no host begins with that
  mount --bind "$H/ctl" "$R/lab/ctl"
  [ -n "$REPOS" ] && mount --bind -o ro "$REPOS" "$R/repos"
  if [ "$BOOT_KB" -gt 0 ]; then mkdir "$H/boot"; mount -t tmpfs -o "size=${BOOT_KB}k,mode=755" boot "$H/boot"; cp -a "$R/boot/." "$H/boot/"; mount --move "$H/boot" "$R/boot"; fi
  while :; do
    # the time namespace makes /proc/uptime start at 0 again, as after a real boot
    unshare --mount --uts --ipc --pid --time --boottime "-$(cut -d. -f1 /proc/uptime)" --fork --kill-child --propagation slave chroot "$R" /lab/init < /dev/null >> "$H/init.log" 2>&1 && rc=0 || rc=$?
    rm -f "$H/ctl/pidns" # the number may be used again
    d=$DOWN; [ -s "$H/ctl/down" ] && d=$(cat "$H/ctl/down")
    [ "$rc" = 9 ] && echo dead > "$H/ctl/state"
    until [ "$rc" != 9 ] && [ ! -e "$H/ctl/never" ]; do if [ -e "$H/ctl/power" ]; then break; fi; sleep 0.2; done
    if [ -e "$H/ctl/power" ]; then rm -f "$H/ctl/power" "$H/ctl/never" "$H/ctl/state"; else sleep "$d"; fi
  done
}
# pids of host N, seen from outside: those in its PID namespace
pids() { ns=$(cat "$LAB/hosts/h$1/ctl/pidns" 2>/dev/null) || return 0; for p in /proc/[0-9]*; do if [ "$(readlink "$p/ns/pid" 2>/dev/null)" = "$ns" ]; then echo "${p#/proc/}"; fi; done; }

case $CMD in
  up) N=$3 FL=${4:-el7}; mkdir -p "$LAB"; LAB=$(cd "$LAB" && pwd)
      [ -n "$REPOS" ] && REPOS=$(cd "$REPOS" && pwd)
      [ -s "$LAB/id" ] || ssh-keygen -q -t ed25519 -N '' -f "$LAB/id"; [ -s "$LAB/host_key" ] || ssh-keygen -q -t ed25519 -N '' -f "$LAB/host_key"
      # a tmpfs, also because overlayfs refuses layers that lie inside one another (BASE=/)
      mkdir -p "$LAB/hosts"; mount -t tmpfs -o "size=${SIZE:-4g},mode=755" lab "$LAB/hosts"
      layer "$FL" 2>"$LAB/layer.log"
      i=1; while [ "$i" -le "$N" ]; do echo "h$i $(addr "$i") $PORT $FL"; mkdir -p "$LAB/hosts/h$i/ctl"; i=$((i+1)); done > "$LAB/list"
      # one process holds the whole lab: its end ends every host, and every mount goes with the namespace
      export PORT DOWN BASE REPOS NET BOOT_KB
      unshare --mount --propagation private --pid --fork --kill-child sh "$0" inside "$LAB" "$N" "$FL" </dev/null >"$LAB/lab.log" 2>&1 &
      echo $! > "$LAB/pid" ;;
  inside) mount -t proc proc /proc
      i=1; while [ "$i" -le "$3" ]; do ( host "$i" "$4" ) & i=$((i+1)); done; wait ;;
  set) f=$LAB/hosts/h$3/ctl/$4; if [ -n "${5:-}" ]; then echo "$5" > "$f"; else rm -f "$f"; fi ;;
  boots) wc -l < "$LAB/hosts/h$3/ctl/boots" ;;
  freeze) for p in $(pids "$3"); do kill -STOP "$p"; done ;;
  thaw) for p in $(pids "$3"); do kill -CONT "$p"; done ;;
  power) : > "$LAB/hosts/h$3/ctl/power"; for p in $(pids "$3"); do kill -KILL "$p" 2>/dev/null || :; done ;;
  down) LAB=$(cd "$LAB" && pwd); kill -9 "$(cat "$LAB/pid")" 2>/dev/null || :
      k=0; until umount "$LAB/hosts" 2>/dev/null || [ $k -ge 100 ]; do sleep 0.1; k=$((k+1)); done ;;
  *) sed -n '2,/^set -eu/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
