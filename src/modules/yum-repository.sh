# The new text is written beside the old file, keeps its owner, mode and label, and is renamed into
# place. Cached metadata of the old address is removed: yum would trust it for hours.
d=$R/etc/yum.repos.d; l=$d/@file@
[ -d "$d" ] || mkdir -m 755 "$d" || exit 70
t=$l; if [ -L "$l" ]; then t=$(readlink -f "$l") || exit 70; fi
o=/dev/null; [ ! -e "$t" ] || o=$t
w=$(mktemp "$(dirname "$t")/.kmend.XXXXXX") || exit 70
trap 'rm -f "$w"' EXIT
if [ -e "$t" ]; then cp -a "$t" "$w"; else chmod 644 "$w"; fi || exit 70
export S=@section@
awk -v id=@header@ '@editSection@' "$o" > "$w" || exit 70
others() { awk -v id=@header@ '/^\[/ { sub(/\].*/, "]"); if ($0 != id) n++ } END { print n + 0 }' "$1"; }
[ "$(others "$o")" = "$(others "$w")" ] || exit 71
sync
if [ -z "$S" ] && ! grep -q '[^[:space:]]' "$w"; then rm -f "$t" "$l"
else mv -f "$w" "$t" || exit 70; fi
if [ -e "$t" ] && command -v restorecon >/dev/null 2>&1; then restorecon "$t" >/dev/null 2>&1; fi
if [ -n "$S" ]; then
  k=''; if command -v timeout >/dev/null 2>&1; then k='timeout 60'; fi
  $k @manager@ -q --setopt=exit_on_lock=1 --disablerepo='*' --enablerepo=@id@ clean metadata </dev/null >/dev/null 2>&1
fi
:
