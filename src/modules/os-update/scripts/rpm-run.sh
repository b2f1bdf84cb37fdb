# One transaction of named versions, after a simulation of just these words.
# shellcheck disable=SC2086 # words are words
specs() { awk -v verb="$1" '(verb == "remove") == ($1 == "rm") {print $2 "-" $4 "." $3}' "$t/wanted"; }
words=$(specs @word@)
simulated @word@ $words || grep -q '^Transaction Summary' "$t/said" || { cp "$t/said" "$log"; judge 1; exit 41; }
rows "$t/said" > "$t/named"
cmp -s "$t/wanted" "$t/named" || stale "$t/named"
bounded @tool@ -y --setopt=exit_on_lock=1 $held @flags@ @word@ $words; rc=$?
