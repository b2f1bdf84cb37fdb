# One section of a yum repository file, and other files with a section of that id. A section has a
# dozen lines, and at most 200 are printed. The host hides passwords, because the output becomes
# part of plans and journals.
d=$R/etc/yum.repos.d; f=$d/@file@
set --
for g in "$d"/*.repo; do [ ! -r "$g" ] || set -- "$@" "$g"; done
if [ -e "$f" ] && [ ! -r "$f" ]; then echo denied; fi
[ $# = 0 ] || awk -v id=@header@ -v own="$f" '
  { sub(/\r$/, "") }
  FNR == 1 { mine = 0 }
  /^\[/ {
    h = $0; sub(/\].*/, "]", h); mine = h == id
    if (mine && FILENAME == own) print "line " h
    if (mine && FILENAME != own && also++ < 20) { g = FILENAME; sub(/.*\//, "", g); sub(/[.]repo$/, "", g); print "also " g }
    next
  }
  mine && FILENAME == own {
    if (n++ >= 200) { print "long"; exit }
    if ($0 !~ /^[ \t]/) secret = tolower($0) ~ /^[a-z_]*password[ \t]*[=:]/
    else if (secret) next
    if (secret) sub(/[=:].*/, "=@hiddenPart@")
    gsub(/:\/\/[^\/ \t]*@/, "://@hiddenPart@@")
    if (tolower($0) ~ /^proxy[ \t]*[=:]/) sub(/[^ \t=:][^\/ \t=]*@/, "@hiddenPart@@")
    print "line " substr($0, 1, 2000)
  }' "$@"
