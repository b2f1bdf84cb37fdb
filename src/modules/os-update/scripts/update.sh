# The transaction of a plan: only while the package manager would do exactly what the plan has, by versions that are named.
# shellcheck disable=SC2034,SC2046,SC2086 # an exit status needs no quotes, names are words
t=$log.d lists='' kept=' @kept@ '
mkdir "$t" || exit 45
@putBack@
cat > "$t/planned" <<'KMEND'
@planned@
KMEND
# stale FILE: the first rows that differ from the plan.
stale() { diff "$t/planned" "$1" | grep '^[<>]' | head -n 5 | sed 's/^</planned:/; s/^>/now:/' >&2; exit 59; }
awk -v kept="$kept" '$1 != "rm" || index(kept, " " $2 "=" $4 " ") == 0' "$t/planned" > "$t/wanted"
@functions@
simulate > "$t/all" || { cp "$t/said" "$log"; judge 1; exit 41; }
grep -E '^(up|in|rm|dn) ' "$t/all" > "$t/now"
cmp -s "$t/planned" "$t/now" || stale "$t/now"
@run@
judge $rc
bad=0 half=0
@verify@
if [ $bad -ne 0 ]; then last 15; if [ $rc -ne 0 ]; then exit 41; fi; exit 42; fi
if [ $half -ne 0 ]; then last 15; exit 43; fi
put_back || exit 39
