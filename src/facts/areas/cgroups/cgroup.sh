# The kernel log, and one walk over all memory groups, by one awk. A word that nobody else on the host
# knows ends the log. Where the host has a timeout and a kernel that leaks, the walk ends after 25 s: the
# counts up to then are printed, and marked as incomplete.
# GNU grep walks by itself, which costs half of find and grep, and it names a file that it cannot
# read. A grep that is a symbolic link, or part of the shell, is busybox's; in the practice fleet it
# is a link too. busybox's grep reads EIO as an empty file, so md5sum runs first and names what it
# cannot read. Its find passes more arguments than new kernels accept.
# Cheap and informative lines come first, because they count even where the probe is interrupted.
# Links are followed by name: the practice fleet makes EIO with them.
# shellcheck disable=SC2086 # a row of /proc is words
c=$R/sys/fs/cgroup m=$c/memory W=''
if early && command -v timeout >/dev/null; then W='timeout 25'; fi
if [ ! -e "$m/memory.limit_in_bytes" ]; then
  by_line
  for l in $S; do
    unset IFS
    set -- $l
    case $#:$3:,$4, in 6:cgroup:*,memory,*) m=$R$2;; esac
  done
  by_word
fi
l=''
[ ! -e "$c/cgroup.controllers" ] || l='unified
'
[ ! -d "$c/unified" ] || l="${l}hybrid
"
for d in "$c"/*/; do [ ! -e "$d/cgroup.procs" ] || [ -e "$c/cgroup.controllers" ] || { l="${l}v1
"; break; }; done
G=$(command -v grep)
b=@; IFS= read -r b <"$R/proc/sys/kernel/random/uuid"
kernel_log() { dmesg 2>/dev/null || echo '@denied'; echo "$b"; }
sums() { export B="$b" M="$1" Z="$2" L="$3" D="$R/sys/kernel/slab/./"; exec $AW '@walkProgram@'; }
# Where limits of pids are wanted: their own tree, and whether it is there.
p=${N:+$c/pids} q=$p; [ -d "$p" ] || q=''
if [ -e "$m/memory.limit_in_bytes" ]; then
  z=absent
  if [ -e "$m/memory.kmem.slabinfo" ]; then z=empty; fi
  if [ $z = empty ] || [ -e "$m/memory.kmem.usage_in_bytes" ]; then l="${l}files
"; fi
  u=$m/memory.kmem.usage_in_bytes
  if [ -r "$u" ]; then
    d=''; IFS= read -r d <"$u"; l="${l}usage $d
"
  elif [ -e "$u" ]; then l="${l}usage_denied
"; fi
  open "$l$S
memory v1
"
  {
    kernel_log
    d=$R/sys/kernel/slab s=0
    if early; then
      $W ls -1Uq "$d" 2>/dev/null; s=$?
      case $s in 1|2) $W find "$d/." -maxdepth 1 -name '*(*:*'; s=$?;; esac
    fi
    echo "@ $s"
    if [ -f "$G" ] && [ ! -L "$G" ]; then
      $W grep -R -m 3 --include=memory.kmem.slabinfo --include=memory.limit_in_bytes --include=memory.kmem.usage_in_bytes --include=cgroup.procs ${q:+--include=pids.max} '' ${q:+"$q/."} "$m/."
    else
      set -- ${q:+"$q/."} "$m/." \( -name pids.max -o -name memory.kmem.slabinfo -o -name memory.limit_in_bytes -o -name memory.kmem.usage_in_bytes -o -name cgroup.procs \)
      case $K:$z in
        3.*:empty) $W sh -c 'find "$@" -print0 | xargs -0 sh -c "md5sum \"\$@\" >/dev/null; exec grep -m 3 \"\" /dev/null \"\$@\"" sh' sh "$@";;
        *) $W find "$@" -exec grep -m 3 '' /dev/null {} +;;
      esac
    fi
    echo "@ $?"
  } 2>&1 | sums "$m" $z "$p"
elif [ -e "$c/cgroup.controllers" ]; then
  open "$l$S
memory v2
"
  {
    kernel_log
    echo '@ 0'
    set -- '^((kernel|slab) [0-9]+|max|[0-9]+)$' "$c/."
    if [ -f "$G" ] && [ ! -L "$G" ]; then $W grep -R -m 3 --include=memory.stat --include=memory.max --include=cgroup.procs ${N:+--include=pids.max} -E "$@"
    else $W find "$2" \( -name memory.stat -o -name memory.max -o -name cgroup.procs ${N:+-o -name pids.max} \) -exec grep -m 3 -E "$1" /dev/null {} +; fi
    echo "@ $?"
  } 2>&1 | sums "$c" v2 "$p"
else
  open "$l$S
"
  {
    kernel_log
    echo '@ 0'
    [ -z "$q" ] || $W find "$q/." -name pids.max -exec grep '' /dev/null {} +
    echo "@ $?"
  } 2>&1 | sums "$m" absent "$p"
fi
