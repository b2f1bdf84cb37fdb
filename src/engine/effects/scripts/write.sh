# Replaces a file with what arrived: through a symlink to its target, beside it and then renamed, owner, mode and SELinux label
# kept, the old one kept in backup/. The content's length is checked, so that a stream that was cut replaces nothing.
t=$R@path@
if [ -L "$t" ]; then t=$(readlink -f "$t") || exit 1; fi
d=$(dirname "$t"); mkdir -p "$d" "$D/backup" || exit 1
n=$(mktemp "$d/.kmend.XXXXXX") || exit 1
trap 'rm -f "$n" "$T"' EXIT
if [ -e "$t" ]; then cp -a "$t" "$D/backup/@backup@" && cp -a "$t" "$n" || exit 1; else chmod @mode@ "$n"; fi
cat "$T" > "$n" || exit 1
rm -f "$T"
sync; mv -f "$n" "$t" || exit 1
trap - EXIT
if command -v restorecon > /dev/null 2>&1; then restorecon "$t" > /dev/null 2>&1; fi
:
