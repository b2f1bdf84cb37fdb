# Makes an empty group and reads whether the kernel accounts it. The answer is in /run with the boot
# id, so that it ends with the boot. Measured on 3.10.0-1062: nothing remains after 1,000 tries, as
# long as no process joins the group. runc wrote `1` and then `-1`. EIO at the first read: the group
# is not accounted, although this was requested. Where the probe failed, stdout reports why.
B=$(cat "$R/proc/sys/kernel/random/boot_id") || exit 80
D=$R/run/kmend
say() { mkdir -p "$D" && printf '%s %s\n' "$B" "$1" > "$D/active-probe.new" && mv -f "$D/active-probe.new" "$D/active-probe" || exit 80; }
M=$R/sys/fs/cgroup/memory
if [ ! -e "$M/memory.kmem.limit_in_bytes" ]; then
  M=$(awk '$3 == "cgroup" && ("," $4 ",") ~ /,memory,/ { print $2; exit }' "$R/proc/mounts" 2>/dev/null); M=$R$M
fi
G=$M/kmend-probe.$$
fail() { say failed; printf '%s\n' "${1:-a memory cgroup could not be made and asked}"; exit 0; }
[ -e "$M/memory.kmem.limit_in_bytes" ] || fail 'there is no memory.kmem.limit_in_bytes'
e=$(mkdir "$G" 2>&1) || fail "$e"
trap 'rmdir "$G" 2>/dev/null' EXIT
[ -e "$G/memory.kmem.slabinfo" ] || fail 'there is no memory.kmem.slabinfo'
for v in 1 -1; do
  e=$( { echo $v > "$G/memory.kmem.limit_in_bytes"; } 2>&1) || fail "$e"
done
if e=$(cat "$G/memory.kmem.slabinfo" 2>&1); then
  [ -n "$e" ] || fail 'memory.kmem.slabinfo is empty'
  say on
else
  case $e in *'Input/output error'*|*'I/O error'*) say off;; *) fail "$e";; esac
fi
