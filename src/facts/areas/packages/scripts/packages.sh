# O is os-release for other areas, F the family of package tools by it (a host may have both), V its
# version, Q one line a package: NAME EVR INSTALLTIME STATE. Speed matters here, because dpkg has thousands of files: lists are read
# without a pipe, only packages that dpkg named are looked up, and awk reads dpkg's status only
# after grep, which is ten times as fast, has found something. grep takes a few lines of dpkg's
# status, which is five times as fast as dpkg-query: Version is within 14 lines of Package. A
# damaged rpm database makes rpm wait for ever, so rpm has a time limit. The first twenty damaged
# packages are printed, and all that matter. rpm forgets a failed script: a run of kmend records it,
# with the time of that installation. After a new installation it no longer counts.
# shellcheck disable=SC2086,SC2194 # Q is lines and T2 words; the names are filled in
F=rpm V='' O=''
f=$R/etc/os-release; [ -e "$f" ] || f=$R/usr/lib/os-release
[ -r "$f" ] && while [ ${#O} -lt 8000 ] && { IFS= read -r l || [ -n "$l" ]; }; do
  O="${O}os $l
"
  case $l in ID*=*debian*|ID*=*ubuntu*) F=deb;; VERSION_ID=*) V=${l#*=};; esac
done <"$f"
if [ $F = deb ]; then
  if has dpkg-query; then :; else F=none; fi
elif has rpm; then :; else F=none; fi
Q='' q=127
if [ $F = deb ]; then
  D=$(grep -A 14 -E '^Package: (@pattern@)$|@unfinished@' "$R/var/lib/dpkg/status"); q=$?; [ $q = 1 ] && q=0
  set -f; IFS='
'
  n=''
  for l in $D; do
    case $l in
      'Package: '*) n=${l#Package: }; case ' @names@ ' in *" $n "*) ;; *) n='';; esac;;
      'Status: hold '*) w=h;;
      'Status: install '*) w=i;;
      'Status: '*) w=r;;
    esac
    case $l in 'Status: '*' config-files') w=${w}c;; 'Status: '*' not-installed') w=${w}n;; 'Status: '*) w=${w}i;; esac
    case $n:$l in [!:]*:'Version: '*) Q="$Q$n ${l#Version: } @ $w
"; n='';; esac
  done
  unset IFS; set +f
elif [ $F = rpm ]; then
  Q=$($T2 rpm -q --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME} rpm\n' @names@ 2>&1); q=$?; [ $q != 137 ] || q=124; [ $q -lt 100 ] && q=0
fi
set -f; IFS='
'
set -- $Q
unset IFS; set +f
[ $# = 0 ] || printf 'pkg %.300s\n' "$@"
t=''
for p in dnf yum apt-get zypper rpm-ostree; do if has $p; then t="${t}tool $p
"; fi; done
[ ! -e "$R/run/ostree-booted" ] || t="${t}ostree
"
printf 'queried %s %s %s\n%s' $F $q "$V" "$t"
if [ $F = deb ]; then
  for l do
    f=$R/var/lib/dpkg/info/${l%% *}
    if [ -e "$f.list" ]; then H="$H$f.list
"; else for f in "$f":*.list; do [ ! -e "$f" ] || H="$H$f
"; done; fi
  done
  for f in "$R"/var/lib/dpkg/updates/[0-9]*; do [ ! -e "$f" ] || { echo 'broken dpkg was interrupted'; break; }; done
  case $D in *reinstreq*|*' half-'*|*' unpacked'*|*' triggers-'*)
    awk '/^Package: / {p = $2} /@unfinished@/ && (p ~ /^(@pattern@|linux-image-.*)$/ || n++ < 20) {
    print "damaged " p " " ($3 == "reinstreq" ? "reinst-required" : $4 == "half-installed" && $2 != "install" && $2 != "hold" ? "half-removed" : $4)
  }' "$R/var/lib/dpkg/status";;
  esac
else
  held
  for f in "$R"/var/lib/yum/transaction-all*; do [ ! -e "$f" ] || { echo 'broken an unfinished yum transaction'; break; }; done
  k=0
  [ ! -r "$R/var/lib/kmend/failed-scripts" ] || while read -r n t && [ $k -lt 20 ]; do
    k=$((k + 1))
    $T2 rpm -q --qf '%{INSTALLTIME}\n' "$n" 2>/dev/null </dev/null | grep -Fxq "$t" && echo "damaged $n script-failed"
  done <"$R/var/lib/kmend/failed-scripts"
fi
