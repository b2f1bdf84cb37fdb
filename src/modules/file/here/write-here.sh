# Writes a file of the machine that runs kmend: beside the old one, whose owner it keeps, and then renamed into place.
# Another host of the run may write it too: the last one wins, and each leaves a whole file.
t=$R@path@ o=@owner@ s=@size@
d=$(dirname "$t")
n=$(mktemp "$d/.kmend.XXXXXX") || exit 70
trap 'rm -f "$n"' EXIT
if [ -f "$t" ] && [ ! -L "$t" ]; then cp -a "$t" "$n" || exit 70; fi
@take@ > "$n" || exit 70
[ -z "$s" ] || [ "$(wc -c < "$n")" -eq "$s" ] || exit 71
if [ -n "$o" ]; then chown -- "$o" "$n" || exit 70; fi
chmod @mode@ "$n" || exit 70
set -- @validate@
if [ $# -gt 0 ]; then "$@" < /dev/null >&2 || exit 72; fi
[ -L "$t" ] || [ ! -d "$t" ] || exit 73
sync "$n" 2> /dev/null || sync
mv -f "$n" "$t" || exit 70
trap - EXIT
