# simulate: what yum or dnf would do now, as rows: up NAME ARCH NEW OLD, in NAME ARCH NEW, rm NAME ARCH OLD. Their table breaks long
# rows over lines, so its words are read: a name, an architecture, a version. Rows of skipped packages do not count.
# shellcheck disable=SC2034,SC2046,SC2086 # held and lists are words
simulated() { @tool@ --assumeno --setopt=exit_on_lock=1 $lists $held @flags@ "$@" > "$t/said" 2>&1 < /dev/null; }
have() { rpm -qa --qf '%{NAME} %{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\n'; }
rows() { have | awk '
  function flush(i, n, w) {
    n = split(all, w, " ")
    for (i = 1; i < n; i++) {
      if (w[i] == "replacing") {at = match(w[i + 1], /\.[a-z0-9_]+$/); print "rm " substr(w[i + 1], 1, at - 1) " " substr(w[i + 1], at + 1) " " w[i + 2]; i += 2}
      else if (kind != "" && w[i + 1] ~ /^(x86_64|noarch|i[3-6]86|aarch64|ppc64le|s390x|riscv64)$/ && w[i + 2] ~ /^[0-9]/) {
        print kind " " w[i] " " w[i + 1] " " w[i + 2] (kind == "up" ? " " was[w[i] " " w[i + 1]] : ""); i += 2}
    }
    all = ""
  }
  NR == FNR {was[$1 " " $2] = $3; next}
  /^Transaction Summary/ {exit}
  /^[^ ]/ {flush(); kind = ""}
  /^(Upgrading|Updating)/ {kind = "up"}
  /^Installing/ {kind = "in"}
  /^Removing/ {kind = "rm"}
  /^(Downgrading|Reinstalling)/ {kind = "dn"}
  /^[^ ]/ {next}
  {all = all " " $0}
  END {flush()}' - "$1" | sort; }
simulate() {
  have > "$t/have" || return 1
  held=$(awk -v out=@out@ -v left=@left@ -v named=@named@ '($1 ~ out || ($1 ~ left && $1 !~ named)) && !seen[$1]++ {print "--exclude=" $1}' "$t/have")
  simulated @verb@ || grep -q '^Transaction Summary' "$t/said" || return 1
  rows "$t/said"
  case $held in '') ;; *) @tool@ -q $lists check-update $(for w in $held; do echo "${w#--exclude=}"; done) < /dev/null 2> /dev/null | awk 'NF == 3 {sub(/\.[a-z0-9_]+$/, "", $1); print "kept " $1}' | sort -u;; esac
}
