# O is os-release, F the family of package tools by it (a host may have both), V its version. Q is one
# line a package: NAME EVR INSTALLTIME STATE, and QS how the query ended. Speed matters here, because
# dpkg has thousands of files: D is a few lines of its status. grep takes them, five times as fast as
# dpkg-query; Version is within 14 lines of Package. A damaged rpm database makes rpm wait for ever,
# so rpm has a time limit. PN are names of packages, PP a pattern of them, PU one of states.
# shellcheck disable=SC2086,SC2194 # T2 is words; the names are filled in
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
Q='' QS=127 PN='@names@' PP='@pattern@' PU='@unfinished@'
if [ $F = deb ]; then
  D=$(grep -A 14 -E "^Package: ($PP)\$|$PU" "$R/var/lib/dpkg/status"); QS=$?; [ $QS = 1 ] && QS=0
  by_line
  n=''
  for l in $D; do
    case $l in
      'Package: '*) n=${l#Package: }; case " $PN " in *" $n "*) ;; *) n='';; esac;;
      'Status: hold '*) w=h;;
      'Status: install '*) w=i;;
      'Status: '*) w=r;;
    esac
    case $l in 'Status: '*' config-files') w=${w}c;; 'Status: '*' not-installed') w=${w}n;; 'Status: '*) w=${w}i;; esac
    case $n:$l in [!:]*:'Version: '*) Q="$Q$n ${l#Version: } @ $w
"; n='';; esac
  done
  by_word
elif [ $F = rpm ]; then
  Q=$($T2 rpm -q --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{INSTALLTIME} rpm\n' $PN 2>&1); QS=$?; [ $QS != 137 ] || QS=124; [ $QS -lt 100 ] && QS=0
fi
