# Answers "done RC", "running LAST-LINE", "interrupted" (another boot, no status) or "absent"; after "done" the output follows.
[ -e "$S/boot" ] || { echo absent; exit 0; }
i=0
while [ ! -e "$S/rc" ] && [ "$i" -lt @polls@ ]; do
  [ "$(cat "$S/boot")" = "$(cat "$R/proc/sys/kernel/random/boot_id")" ] || { echo interrupted; exit 0; }
  sleep 0.2; i=$((i+1))
done
if [ -e "$S/rc" ]; then echo "done $(cat "$S/rc")"; tail -c @maxBytes@ "$S/out"; tail -c @maxBytes@ "$S/err" >&2
else echo "running $(tail -n 1 "$S/out" 2>/dev/null | cut -c 1-200)"; fi
