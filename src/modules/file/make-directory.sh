# Makes a directory and those above it that are missing, all with the wanted rights.
t=$R@path@ o=@owner@
make() {
  [ -d "$1" ] && return 0
  make "$(dirname "$1")" || return 1
  mkdir "$1" || return 1
  if [ -n "$o" ]; then chown -- "$o" "$1" || return 1; fi
  chmod @mode@ "$1"
}
make "$t" || exit 70
if command -v restorecon >/dev/null 2>&1; then restorecon -R "$t" >/dev/null 2>&1; fi
:
