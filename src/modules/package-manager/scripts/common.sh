# For all package managers. put_back is what a script does when it ends, however it ends.
# shellcheck disable=SC2086 # an exit status needs no quotes
LOCK_WAIT=@lockWait@
log=$(mktemp) || exit 45
put_back() { :; }
ended() { put_back || { [ $1 -ne 0 ] || set -- 39; }; rm -f "$log" "$log".*; exit $1; }
trap 'ended $?' EXIT
trap 'exit 143' HUP INT TERM
# last N [FILE]: the last lines of the package manager; logins and tokens in addresses stay here
last() { tail -n "$1" "${2:-$log}" | sed 's#://[^/ ]*@#://***@#g; s#\(://[^ ?]*?\)[^] )]*#\1...#g' >&2; }
# bounded COMMAND...: runs it, again while another process holds the lock, LOCK_WAIT seconds at most;
# its output is in $log
bounded() {
  waited=0
  while :; do
    "$@" > "$log" 2>&1 < /dev/null; rc=$?
    if [ $rc -ne 0 ] && grep -Eq 'Could not get lock|Unable to (acquire|lock)|is held by process|already locked by|holding the yum lock|RPMDB already locked|Failed to obtain the transaction lock|is locked by the application' "$log"; then
      [ $waited -lt "$LOCK_WAIT" ] || { last 3; exit 40; }
      sleep 3; waited=$((waited + 3)); continue
    fi
    return $rc
  done
}
@judgeScript@
