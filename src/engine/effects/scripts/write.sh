# Replaces a file with what is in $T: beside it and then renamed, owner and SELinux label kept, the old one kept in backup/
# under its checksum. A file that has the content already is not replaced: the connection may have been lost after the first time.
t=$R@path@
@sha256Shell@
d=$(dirname "$t"); (umask 022; mkdir -p "$d") || exit 1
n=$(mktemp "$d/.kmend.XXXXXX") || exit 1
trap 'rm -f "$n" "$T"' EXIT
if [ -f "$t" ] && [ ! -L "$t" ]; then cp -a "$t" "$n" || exit 1; fi
cat "$T" > "$n" || exit 1
rm -f "$T"
r=@replaces@
if [ "$r" != any ] && { [ -L "$t" ] || ! cmp -s "$n" "$t"; }; then
  b=''
  if [ -e "$t" ]; then b=$(sha256 "$t") || exit 1; fi
  [ "$b" = "$r" ] || exit @otherFile@
  if [ -n "$b" ]; then mkdir -p "$D/backup" && cat "$t" > "$D/backup/$b" || exit 1; fi
fi
o=@owner@
if [ -n "$o" ]; then chown -- "$o" "$n" || exit 1; fi
chmod @mode@ "$n" || exit 1
set -- @validate@
if [ $# -gt 0 ]; then "$@" < /dev/null >&2 || exit @invalid@; fi
sync; mv -f "$n" "$t" || exit 1
trap - EXIT
if command -v restorecon > /dev/null 2>&1; then restorecon "$t" > /dev/null 2>&1; fi
:
