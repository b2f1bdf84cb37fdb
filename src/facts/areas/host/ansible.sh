# What Ansible's names say beside facts of other areas. F, V and O come from the area packages.
# shellcheck disable=SC2154 # they are of another area
printf %s "$O"
line "$R/etc/redhat-release" redhat
line "$R/etc/debian_version" debian
line "$R/proc/sys/kernel/hostname" host
printf 'kernel %s\narch %s\nfamily %s\nversion %s\n' "$K" "$A" "$F" "$V"
for p in dnf yum apt-get zypper rpm-ostree; do if has $p; then echo "tool $p"; fi; done
[ ! -e "$R/run/ostree-booted" ] || echo ostree
grep '^MemTotal:' "$R/proc/meminfo"
line "$R/proc/1/comm" init
if has systemctl; then for f in run/systemd/system dev/.run/systemd dev/.systemd; do [ ! -e "$R/$f" ] || echo systemd; done; fi
for f in sbin/openrc etc/init.d; do [ ! -e "$R/$f" ] || printf 'there /%s\n' "$f"; done
for d in sys/fs/selinux selinux; do line "$R/$d/enforce" enforce; line "$R/$d/policyvers" policy; done
dump "$R/etc/selinux/config" selinux
