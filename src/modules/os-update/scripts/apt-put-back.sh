# Packages that came by a dependency, and were named only for their versions, count as before.
# shellcheck disable=SC2046 # names are words
put_back() {
  if [ -s "$t/auto" ]; then
    set -- $(dpkg-query -W -f '${binary:Package}\n' $(cat "$t/auto") 2> /dev/null)
    [ $# = 0 ] || apt-mark auto "$@" > "$t/marked" 2>&1 || { cat "$t/marked" >&2; return 1; }
  fi
  rm -rf "$t"
}
