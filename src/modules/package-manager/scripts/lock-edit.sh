# Takes entries from the list of versionlock, and adds one. The new list is written beside the old one, keeps its
# owner and mode, and is renamed into place.
f=$R@list@
[ ! -L "$f" ] || f=$(readlink -f "$f") || exit 70
w=$(mktemp "$(dirname "$f")/.kmend.XXXXXX") || exit 70
trap 'rm -f "$w"' EXIT
if [ -e "$f" ]; then cp -a "$f" "$w"; else chmod 644 "$w"; fi || exit 70
export GONE=@gone@ ADDED=@added@
if [ -e "$f" ]; then o=$f; else o=/dev/null; fi
awk 'BEGIN {n = split(ENVIRON["GONE"], gone, "\n"); for (i = 1; i <= n; i++) if (gone[i] != "") out[gone[i]]; add = ENVIRON["ADDED"]}
  {entry = $0; gsub(/^[ \t]+|[ \t\r]+$/, "", entry)}
  entry in out {next}
  entry == add {add = ""}
  {print}
  END {if (add != "") print add}' "$o" > "$w" || exit 70
mv -f "$w" "$f" || exit 70
if command -v restorecon >/dev/null 2>&1; then restorecon "$f" >/dev/null 2>&1; fi
:
