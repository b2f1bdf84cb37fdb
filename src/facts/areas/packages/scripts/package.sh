# One package: what is installed, what holds it, and which versions the repositories have.
# shellcheck disable=SC2086 # T2 is words
n=@name@ looked=@looked@
if [ $F = deb ]; then
  dpkg-query -W -f 'installed ${Version} ${db:Status-Abbrev}\n' -- "$n"
  $T2 apt-cache madison -- "$n" | awk '{print "available " $3}'
  apt_pinned "$n"
  apt_sources
elif [ $F = rpm ]; then
  l=$(rpm -q --qf 'installed %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} rpm\n' -- "$n") && printf '%s\n' "$l"
  held
  lock_lists
  if has zypper; then $T2 zypper -nq search -s --match-exact -- "$n" | awk -F'|' 'NR > 2 {gsub(/ /, "", $4); print "available " $4}'
  elif [ -n "$looked" ]; then echo looked
  elif has yum || has dnf; then
    yum_repos
    B=@beside@
    yum_look "$n"@flags@
    case ${X-} in *'No space left'*) full_places;; esac
  fi
fi
