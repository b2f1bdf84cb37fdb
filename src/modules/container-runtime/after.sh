# After the packages moved: the engine reports its version only once it is restarted.
[ "$(state)" = "$json" ] || exit 50
changed=$(other); [ -z "$changed" ] || { printf '%s\n' "$changed" >&2; exit 54; }
if [ -n "$was" ]; then
  systemctl daemon-reload </dev/null >/dev/null 2>&1 || :
  if systemctl cat containerd.service </dev/null >/dev/null 2>&1; then systemctl restart containerd </dev/null >&2 || exit 51; fi
  systemctl restart docker </dev/null >&2 || exit 51
  n=0; now=$(server)
  while [ "$now" != @version@ ] && [ $n -lt 20 ]; do sleep 3; n=$((n + 1)); now=$(server); done
  [ "$now" = @version@ ] || { echo "docker says: ${now:-nothing}" >&2; exit 52; }
  [ "$(driver)" = "$drove" ] || { echo "was $drove, is $(driver)" >&2; exit 53; }
fi
