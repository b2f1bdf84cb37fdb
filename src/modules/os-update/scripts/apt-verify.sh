# Is each package at its version, and whole?
dpkg-query -W -f '${Package} ${Version} ${Status}\n${Package}:${Architecture} ${Version} ${Status}\n' > "$t/have"
awk 'NR == FNR {version[$1] = version[$1] " " $2 " "; state[$1] = $NF; next}
  $1 == "rm" {if (state[$2] ~ /^(installed|unpacked|half-)/) print "bad " $2 " is still installed"; next}
  index(version[$2], " " $4 " ") == 0 {print "bad " $2 " is not at " $4 ":" version[$2]; next}
  state[$2] != "installed" {print "half " $2 " is " state[$2]}' "$t/have" "$t/wanted" > "$t/wrong"
@judged@
