# The whole list is saved and restored. In between, the locks that match these packages are removed.
# shellcheck disable=SC2043,SC2254 # the names are filled in; the entry of a lock is a pattern
locks=$R/etc/zypp/locks note=$R/var/lib/kmend/zypp-locks
put_back() {
  [ -e "$note" ] || return 0
  cp -p "$note" "$locks" && rm -f "$note" || { echo "the locks of zypper are in $note" >&2; return 1; }
}
put_back || exit 39
if [ -f "$locks" ]; then
  mkdir -p "$R/var/lib/kmend" && cp -p "$locks" "$note.new" && mv "$note.new" "$note" || exit 45
  part='' keep=1
  { cat "$note"; echo; } | while IFS= read -r l; do
    case $l in
      '') [ $keep = 0 ] || [ -z "$part" ] || printf '%s\n' "$part"; part='' keep=1; continue;;
      solvable_name:*) p=${l#*:}; p=${p# }; for n in @names@; do case $n in $p) keep=0;; esac; done;;
    esac
    part="$part$l
"
  done > "$log.locks" && cat "$log.locks" > "$locks" || exit 45
fi
