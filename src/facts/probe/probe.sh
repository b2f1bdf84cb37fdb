# The probe: a frame around the areas. First functions for the scripts of all areas:
# "has PROGRAM": is it on this host? In the practice fleet the machine's own docker does not count,
# only emulated tools. "line FILE KEY" prints the first line of a file, "dump FILE KEY" all of them,
# up to a limit. A shell reads a file with a system call for each byte: so what is longer than most
# comes from head, and "pick KEY PATTERN FILE..." prints the lines that match, of all files by one
# grep. "first PROGRAM" prints the first line of its --version. After "by_line" a text without quotes is
# its lines, until "by_word". "early": is the kernel older than 4.5, where accounting leaks?
# "frame" prints one area between marks. All quick areas run in one shell, and all others, because a
# subshell for each costs as much as a program. So later areas see the variables of earlier ones, and
# cut=' cut' means that the output is truncated.
# Then the work that is done once, before the areas: time limits, the architecture, the kernel, and
# the processes: "process PID NAME" of those that matter, and which are in uninterruptible sleep.
# One grep reads /proc/PID/stat, which never blocks. It also reads the few lines (S) of other files
# of /proc that areas print. H is for paths, a line each: the area machine prints their times, by one
# program. AW is the awk of the long programs: mawk, which starts in a quarter of gawk's time, where
# the host has it.
# T is a time limit for programs that may hang (docker on an affected node), T2 a longer one for a
# package database. rpm and zypper may ignore TERM, and on their hosts timeout has -k.
# OP is what "open TEXT" prints before a text: a mark is no write, and no packet, of its own. MK puts
# the marks together, so that an echo of the script itself (sh -v, a pasted terminal) does not look like
# its output. All of it is one function, called in the last line, because the script may come over the
# very stdin that is closed here.
# shellcheck disable=SC2059,SC2086,SC2120,SC2194 # areas pass a text; a key is a format, a text is lines, the names are filled in
has() { command -v "$1" >/dev/null || return 1; [ -n "$R" ] || return 0; case $(command -v "$1") in /usr/*|/bin/*|/sbin/*) return 1;; esac; }
line() { [ -r "$1" ] || { [ ! -e "$1" ] || echo "$2_denied"; return 0; }; l=''; IFS= read -r l <"$1"; printf '%s %s\n' "$2" "$l"; }
early() { case $K in [0-3].*|4.[0-4]|4.[0-4][!0-9]*) ;; *) return 1;; esac; }
first() { $T "$1" --version | { l=''; IFS= read -r l; printf '%s\n' "$l"; }; }
by_line() { set -f; IFS='
'; }
by_word() { unset IFS; set +f; }
dump() {
  [ -r "$1" ] || { [ ! -e "$1" ] || echo "$2_denied"; return 0; }
  b=0
  while IFS= read -r l || [ -n "$l" ]; do
    b=$((b + ${#l} + 8)); [ $b -le 60000 ] || { cut=' cut'; break; }
    printf '%s %s\n' "$2" "$l"
    [ $b -gt 2000 ] || continue
    by_line
    for l in $(head -c 60000); do
      b=$((b + ${#l} + 8)); [ $b -le 60000 ] || { cut=' cut'; break; }
      printf '%s %s\n' "$2" "$l"
    done
    by_word
    break
  done <"$1"
}
rows() {
  [ -n "$2" ] || return 0
  by_line
  printf "$1 %s\n" $2
  by_word
}
pick() {
  l=$(shift; e=$1; shift; grep -hE "$e" "$@") || return 0
  rows "$1" "$l"
}
open() { printf '%s%s' "$OP" "${1-}"; OP=''; }
frame() {
  cut='' OP="$OP$MK area $1
"
  [ -n "${2-}" ] || open
  "area_$1"
  OP="$OP
$MK done $1$cut
"
}
@shared@
@areas@
quick() {
@quick@
open
}
probe() {
AW='awk'; if command -v mawk >/dev/null; then AW='mawk'; fi
T='' T2=''
if command -v timeout >/dev/null; then T='timeout 5' T2='timeout 20'; fi
if [ -n "$T" ] && has rpm; then T2='timeout -k 5 20'; fi
IFS= read -r A <"$R/proc/sys/kernel/arch" || A=''
IFS= read -r K <"$R/proc/sys/kernel/osrelease" || K=$(uname -r)
case $A:$K in :*.el*.x86_64) A=x86_64;; :*) A=$(uname -m);; esac
P='' S='' H='' b=0
by_line
for l in $(set +f; grep -hE '^[0-9]+ .*\) D |^[0-9]+ \((@processNames@)\) [A-Z]|^(Slab|SUnreclaim|Uid):|^memory[[:space:]]|^[^ ]+ (/(boot[^ ]*)? |[^ ]+ cgroup ([^ ]*,)?memory[, ])' "$R"/proc/[0-9]*/stat "$R/proc/meminfo" "$R/proc/self/status" "$R/proc/cgroups" "$R/proc/mounts"); do
  case $l in [0-9]*' ('*) ;; *) S="${S}$l
"; continue;; esac
  n=${l#*\(}; n=${n%) *}
  case '|@processNames@|' in *"|$n|"*) P="${P}process ${l%% *} $n
";; esac
  case ${l##*\) } in D*) b=$((b + 1)); [ $b -gt 5 ] || P="${P}stuck $n (pid ${l%% *})
";; esac
done
by_word
P="${P}blocked $b
"
MK=@@kmen
MK=${MK}d
OP="
$MK begin @frameVersion@ @parts@
"
@first@
# What was printed before a time limit counts: without limits of their own these may last that long.
if [ -n "$T" ]; then printf '%s\n' "$(quick)"; else quick; fi
OP=''
@rest@
printf '%s%s end\n' "$OP" "$MK"
}
probe </dev/null 2>/dev/null
