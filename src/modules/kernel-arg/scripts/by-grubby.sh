# grubby replaces the value of a key, and its --remove-args compares only the name. So the whole
# word is made first, for each kernel, because a recovery entry may differ from its sibling. One
# call may change only one of several words of a key, so those are removed one by one first.
# "others" prints each line without the words of the key: no tool may change these.
entries() { grubby --info=ALL 2>/dev/null | awk '/^kernel=/ { k = $0; sub(/^kernel="?/, "", k); sub(/"$/, "", k) }
  /^args=/ { a = $0; sub(/^args="/, "", a); sub(/"$/, "", a); print k "\t" a }'; }
entries_satisfied() { [ "$(entries | cut -f2- | awk "$edit_awk"'edit($0) != $0 { bad = 1 } END { print (NR > 0 && !bad) ? "yes" : "no" }')" = yes ]; }
words() { entries | awk -F'\t' '{ if (!($1 in A)) O[++n] = $1; A[$1] = A[$1] " " $2 } END { for (i = 1; i <= n; i++) print O[i] "\t" A[O[i]] }' \
  | awk -F'\t' "$edit_awk"'{ print $1 "\t" token(edit($2)) }'; }
run_grubby() {
  list=$(words); tab=$(printf '\t')
  most=$(entries | cut -f2- | awk "$edit_awk"'{ cut($0); if (M > most) most = M } END { print most + 0 }')
  [ -n "$list" ] || return 1
  if [ "$(printf '%s\n' "$list" | cut -f2 | sort -u | wc -l)" -eq 1 ]; then list="ALL$tab$(printf '%s\n' "$list" | cut -f2 | head -n 1)"; fi
  while IFS="$tab" read -r kernel word; do
    left=$most
    [ -z "$word" ] || [ "$most" -gt 1 ] || left=0
    while [ "$left" -gt 0 ]; do grubby --update-kernel="$kernel" --remove-args="$KM_KEY" || return 1; left=$((left - 1)); done
    [ -z "$word" ] || grubby --update-kernel="$kernel" --args="$word" || return 1
  done <<LIST
$list
LIST
}
others() {
  awk "$edit_awk"'{ cut($0); o = ""; for (i = 1; i <= N; i++) if (i >= END_ || name(T[i]) != KEY) o = o " " T[i]; print o }'
}
