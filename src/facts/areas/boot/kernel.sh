# Only the builds that the table leaves open are looked up: a System.map has 3 MB.
printf 'release %s\n' "$K"
for f in "$R"/boot/vmlinuz-*; do [ ! -e "$f" ] || printf 'installed %s\n' "${f##*/vmlinuz-}"; done
set --
for f in "$R"/boot/System.map-3.* "$R"/boot/System.map-4.[0-4].*; do
  n=0; case $f in *.elrepo*) continue;; *map-3.10.0-*.el7*) n=${f##*map-3.10.0-}; n=${n%%[!0-9]*};; esac
  [ -r "$f" ] && [ "$n" != 514 ] && [ "${n:-0}" -lt 1062 ] && set -- "$@" "$f"
done
[ $# = 0 ] || grep -E ' (_text|cgroup_memory_nokmem)$' /dev/null "$@" | while IFS= read -r l; do printf 'map %s\n' "${l##*/System.map-}"; done
