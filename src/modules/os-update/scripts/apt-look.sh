# simulate: what apt would do now, as rows: up NAME ARCH NEW OLD, in NAME ARCH NEW, rm NAME - OLD; and kept NAME for what stays
# behind. What is left out is on hold in a copy of dpkg's status, so that the host stays as it is. $lists may name
# package lists of this script's own.
# shellcheck disable=SC2034,SC2086,SC2046 # lists and words are words
simulated() { apt-get -s -q -o "Dir::State::status=$t/status" -o Dir::Cache::pkgcache= $lists @auto@ "$@" > "$t/said" 2>&1 < /dev/null; }
rows() { awk '
  /^The following packages have been kept back|^The following upgrades have been deferred/ {k = 1; next}
  /^[^ ]/ {k = 0}
  k {for (i = 1; i <= NF; i++) print "kept " $i; next}
  /^Remv / {print "rm " $2 " - " substr($3, 2, length($3) - 2)}
  /^Inst / {
    old = ""; at = 3
    if (substr($3, 1, 1) == "[") {old = substr($3, 2, length($3) - 2); at = 4}
    for (i = at; i < NF && $i !~ /\)$/; i++);
    arch = $i; gsub(/[][)]/, "", arch)
    print (old == "" ? "in " : "up ") $2 " " arch " " substr($at, 2) (old == "" ? "" : " " old)
  }' "$1" | sort; }
simulate() {
  awk -v out=@out@ -v left=@left@ -v named=@named@ '/^Package: / {p = $2}
    /^Status: install / && (p ~ out || (p ~ left && p !~ named)) {sub(/install/, "hold")} {print}' "$R/var/lib/dpkg/status" > "$t/status" || return 1
@look@
  rows "$t/said"
}
