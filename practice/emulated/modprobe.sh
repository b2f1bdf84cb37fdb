#!/bin/sh
# Modules of a practice host's kernel: any plain name but `none` is one, and none is in use.
list=$KMEND_ROOT/proc/modules dry='' unload=''
while :; do case ${1-} in
  -n) dry=1 ;;
  -r) unload=1 ;;
  -*) ;;
  *) break ;;
esac; shift; done
[ "${1-none}" != none ] || { echo "modprobe: FATAL: Module ${1-} not found." >&2; exit 1; }
[ -z "$dry" ] || exit 0
name=$(printf '%s' "$1" | tr - _)
if [ -n "$unload" ]; then
  grep -v "^$name " "$list" > "$list.new"
  mv "$list.new" "$list"
elif ! grep -q "^$name " "$list"; then echo "$name 16384 0 - Live 0x0000000000000000" >> "$list"; fi
