# Lifted holds are first recorded on the host. If the script is killed, the next one reads the
# record and restores all of them. A removed package needs no hold.
# shellcheck disable=SC2046 # each word is a package
note=$R/var/lib/kmend/lifted-holds
put_back() {
  [ -s "$note" ] || return 0
  tries=0
  until apt-mark hold $(cat "$note") >/dev/null 2>"$log.hold"; do
    tries=$((tries + 1)); [ $tries -lt 5 ] || { cat "$log.hold" >&2; echo "not on hold any more: $(cat "$note")" >&2; return 1; }
    sleep 2
  done
  rm -f "$note"
}
put_back || exit 39
apt-mark showhold > "$log.was" 2>/dev/null < /dev/null
mkdir -p "$R/var/lib/kmend" || exit 45
@noteHolds@
bounded apt-mark unhold @names@ || { cat "$log" >&2; exit 41; }
