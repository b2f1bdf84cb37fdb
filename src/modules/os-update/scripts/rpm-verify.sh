# Is each package at its version? rpm reports success where a script of a package failed; the log says so.
have > "$t/have"
awk 'NR == FNR {have[$1 " " $2 " " $3]; next}
  $1 == "rm" {if (($2 " " $3 " " $4) in have) print "bad " $2 " is still installed"; next}
  !(($2 " " $3 " " $4) in have) {print "bad " $2 " is not at " $4}' "$t/have" "$t/wanted" > "$t/wrong"
@judged@
if grep -Eq 'Error in (PRE|POST)[A-Z]* scriptlet|%(pre|post)[a-z]*\(.*\) scriptlet failed|Non-fatal (PRE|POST)' "$log"; then
@rememberFailed@
  half=1
fi
