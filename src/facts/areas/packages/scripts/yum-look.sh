# "yum_repos" prints "repo ID ENABLED KIND ADDRESS" lines. "yum_look NAME FLAGS..." prints rows of
# the package, and of those in B, as one "list" line, and the output about repositories as "said"
# lines, each once. All queries of a probe together take 60 s of its 90 s: a stalled mirror must not
# cost the host its other facts. A failed query is not repeated for the next package (Y has its
# flags, X its output): a repository that cannot be reached fails for all of them. dnf 5 takes
# "available" for one more package, and lists installed packages too. Time limits are short, so that
# four tries of a stalled mirror fit. Another query holds yum's lock for seconds, and the script
# waits for it, but not for a change of packages (LK). "watched" prints an empty line each second
# (file descriptor 3): when its reader is gone, because the connection is lost, it ends the query.
# "full_places" prints file systems with less than 100 kB left for root.
# shellcheck disable=SC2004,SC2086 # t and B are words; k is an expression
yum_repos() {
  set --
  for f in "$R/etc/yum.conf" "$R/etc/dnf/dnf.conf" "$R"/etc/yum.repos.d/*.repo "$R"/etc/yum/repos.d/*.repo "$R"/etc/distro.repos.d/*.repo; do [ ! -r "$f" ] || set -- "$@" "$f"; done
  [ -z "${http_proxy-}${https_proxy-}${HTTPS_PROXY-}" ] || echo proxy
  [ $# = 0 ] || awk 'function out() {if (id != "" && id != "main" && rows++ < 100) printf "repo %.80s %s %s %.300s\n", id, on, kind, url; id = ""}
    {sub(/\r$/, "")}
    /^[ \t]*[#;]/ {next}
    /^\[/ {out(); id = substr($0, 2); sub(/\].*/, "", id); gsub(/[ \t]/, "_", id); on = 1; kind = url = "-"; next}
    /^[ \t]/ {if (kind == "baseurl" && url == "-") url = $1; next}
    {k = $0; sub(/[ \t]*=.*/, "", k); v = $0; sub(/^[^=]*=[ \t]*/, "", v); w = v; sub(/[ \t,].*/, "", w)}
    k == "enabled" {on = tolower(v) ~ /^(0|no|false|off)/ ? 0 : 1}
    k == "proxy" && v !~ /^(_none_)?$/ && !seen++ {print "proxy"}
    k == "reposdir" {print "elsewhere"}
    (k == "baseurl" && kind == "-") || k == "mirrorlist" || k == "metalink" {kind = k; url = w == "" ? "-" : w}
    END {out()}' "$@"
}
watched() {
  "$@" 3>&- & p=$!
  (trap '' PIPE; while sleep 1 3>&- && kill -0 $p; do echo >&3 || kill $p; done) >/dev/null 2>&1 & i=$!
  wait $p; r=$?; kill $i; return $r
}
yum_look() {
  n=$1; shift
  if [ "${Y-}" = "look $*" ]; then printf '%s\n' "$X"; return; fi
  y=yum; has yum || y=dnf
  s=$(date +%s); : "${E:=$((s + 60))}"; s=$((E - s)); [ $s -ge 5 ] || s=5
  t=${T:+timeout -k 5 $s}
  { o=$({ watched $t $y ${LK:+--setopt=exit_on_lock=1} --setopt=timeout=12 --setopt=retries=1 --disableplugin=versionlock --disableexcludes=all "$@" list --showduplicates available "$n" $B 2>&1; r=$?
    case $r in 124|137) echo "$y did not answer within $s s";; esac; echo "status $r"; } | awk -v n="$n $B" '
    BEGIN {c = split(n, names, " ")}
    function ours(i) {for (i = 1; i <= c; i++) if (index($0, names[i] ".") == 1) return 1; return 0}
    /^(Installed|Available) [Pp]ackages/ {skip = /^I/; row = 0; next}
    ours() || row && /^ / {row = 1; if (!skip && length(l) < 40000) l = l $0 " "; next}
    {row = 0}
    /^status / {bad = $2; next}
    /^(Existing lock|Waiting for process) |lock; waiting/ {next}
    /No matching/ && /ackages/ {none = 1; next}
    NF && !had[$0]++ && said++ < 80 {printf "said %.400s\n", $0}
    END {if (l != "") print "list " l; if (bad && !none) print "look_failed"}'); } 3>&1
  case $o in *look_failed*) Y="look $*" X=$o;; esac
  printf '%s\n' "$o"
}
full_places() {
  for d in "$R/var" "$R/tmp" "$R/"; do k=$($T stat -f -c '%f * %S / 1024' "$d") || continue; [ $(($k)) -ge 100 ] || echo "full ${d#"$R"}"; done
}
