# What the query found, and the state of the package manager. awk reads dpkg's status only after grep,
# which is ten times as fast, has found something. The first twenty damaged packages are printed, and
# all that matter. rpm forgets a failed script: a run of kmend records it, with the time of that
# installation. After a new installation it no longer counts. A database that did not answer is not
# asked again.
# shellcheck disable=SC2086,SC2154 # Q is lines and T2 words; they are set before all areas
by_line
set -- $Q
by_word
[ $# = 0 ] || printf 'pkg %.300s\n' "$@"
t=''
for p in dnf yum apt-get zypper rpm-ostree; do if has $p; then t="${t}tool $p
"; fi; done
[ ! -e "$R/run/ostree-booted" ] || t="${t}ostree
"
printf 'queried %s %s %s\n%s' $F $QS "$V" "$t"
if [ $F = deb ]; then
  for l do
    f=$R/var/lib/dpkg/info/${l%% *}
    if [ -e "$f.list" ]; then H="$H$f.list
"; else for f in "$f":*.list; do [ ! -e "$f" ] || H="$H$f
"; done; fi
  done
  for f in "$R"/var/lib/dpkg/updates/[0-9]*; do [ ! -e "$f" ] || { echo 'broken dpkg was interrupted'; break; }; done
  case $D in *reinstreq*|*' half-'*|*' unpacked'*|*' triggers-'*)
    PP="^($PP|linux-image-.*)\$" PU=$PU awk '/^Package: / {p = $2} $0 ~ ENVIRON["PU"] && (p ~ ENVIRON["PP"] || n++ < 20) {
    print "damaged " p " " ($3 == "reinstreq" ? "reinst-required" : $4 == "half-installed" && $2 != "install" && $2 != "hold" ? "half-removed" : $4)
  }' "$R/var/lib/dpkg/status";;
  esac
else
  held
  for f in "$R"/var/lib/yum/transaction-all*; do [ ! -e "$f" ] || { echo 'broken an unfinished yum transaction'; break; }; done
  k=0
  [ $QS != 0 ] || [ ! -r "$R/var/lib/kmend/failed-scripts" ] || while read -r n t && [ $k -lt 20 ]; do
    k=$((k + 1))
    $T2 rpm -q --qf '%{INSTALLTIME}\n' "$n" 2>/dev/null </dev/null | grep -Fxq "$t" && echo "damaged $n script-failed"
  done <"$R/var/lib/kmend/failed-scripts"
fi
