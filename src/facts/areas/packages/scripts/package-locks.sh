# "locks" prints a line for each holder, NAME (pid PID, for N s) holds FILE, and nothing without a
# lock. First come files whose write lock means that packages are being changed: rpm (yum and dnf
# take it through rpm; queries do not), dnf 5, and dpkg and apt. apt's lock of its lists is no such
# lock: it only guards a download of indexes. A row of /proc/locks has an inode without its file
# system (its device is another than stat's on btrfs and overlayfs). So the process must have this
# file open; where that cannot be read, the lock counts. Then come files that only name the process:
# yum 3 and zypper from their start to their end, dnf 4 for its transaction alone. A pid file
# outlives its process, so the process must be a package manager. Commands that only read hold the
# pid file too ("reads"). The command line of a process in state D is not read, because that may
# hang. /proc/PID/stat has the start in 1/100 s.
# shellcheck disable=SC2046,SC2086 # a command line and a row of /proc are words
stat_of() { n='' l=''; IFS= read -r n <"$R/proc/$1/comm"; IFS= read -r l <"$R/proc/$1/stat"; l=${l##*\) }; }
holder() {
if [ "$1" -gt 0 ]; then
  stat_of "$1"
  u=0; read -r u b <"$R/proc/uptime"
  set -- "$1" "$2" $l
  a=''; [ -z "${22-}" ] || a=", for $((${u%%.*} - ${22} / 100)) s"
  n="$n (pid $1$a)"
else n='an unseen process'; fi
printf '%s\n' "$n holds ${2#"$R"}"
}
opens() {
  [ -r "$R/proc/$1/fd" ] || { [ "$1" -le 0 ] || [ -e "$R/proc/$1" ]; return; }
  for d in "$R/proc/$1/fd"/*; do [ ! "$d" -ef "$2" ] || return 0; done
  return 1
}
reads() {
  v=''
  for w do case $w in */yum|yum|*/zypper|zypper) v=y;; -*) ;; *) [ -z "$v" ] || { v=$w; break; };; esac; done
  case $v in list|info|search|se|repolist|lr|check-update|makecache|refresh|ref|repoquery) ;; *) return 1;; esac
}
locks() {
  set --
  for f in var/lib/rpm/.rpm.lock usr/lib/sysimage/rpm/.rpm.lock run/dnf/rpmtransaction.lock var/lib/dpkg/lock-frontend var/lib/dpkg/lock var/cache/apt/archives/lock; do [ ! -e "$R/$f" ] || set -- "$@" "$R/$f"; done
  [ $# = 0 ] || stat -c '%i %n' "$@" | awk 'NR == FNR {n = $1; sub(/[^ ]+ /, ""); f[n] = $0; next}
  $2 != "->" && $4 == "WRITE" {n = $6; sub(/.*:/, "", n); if (n in f) print $5, f[n]}' - "$R/proc/locks" |
  while read -r p f; do if opens "$p" "$f"; then holder "$p" "$f"; fi; done
  set -f
  for f in var/run/yum.pid var/lib/dnf/rpmdb_lock.pid run/zypp.pid; do
    f=$R/$f p=''; [ ! -r "$f" ] || read -r p b <"$f"
    case $p in ''|*[!0-9]*) continue;; esac
    stat_of "$p"
    case $n in *yum*|*dnf*|*ypp*|y2*|python*|ruby*|*ackage*it*) ;; *) continue;; esac
    case $l in D*) ;; *) if reads $(tr '\0' ' ' <"$R/proc/$p/cmdline"); then continue; fi;; esac
    holder "$p" "$f"
  done
}
