# The lock is a symbolic link that names the shell's pid: made in one step, and a dead owner is seen.
# The fence file holds RUN NUMBER open|closed; checked and raised while the lock is held, and so is what has to happen
# before another controller may pass (@held@). What came on stdin is in "$T": it had arrived before the check, since a
# controller that was stopped in between is an older one when it goes on.
i=0
until ln -s "$$" "$L/fence.lock" 2>/dev/null; do
  p=$(readlink "$L/fence.lock" 2>/dev/null)
  if [ -n "$p" ] && ! kill -0 "$p" 2>/dev/null; then rm -f "$L/fence.lock"; fi
  i=$((i+1)); [ "$i" -lt 50 ] || { echo "process $p holds the fence lock" >&2; exit @busy@; }
  sleep 0.1
done
trap 'rm -f "$L/fence.lock" ${T:+"$T"}' EXIT
run=@run@ number=@number@ takeover=@takeover@
if [ -s "$D/revoked" ] && [ -z "$takeover" ] && grep -qx "$run" "$D/revoked"; then echo "$(sed -n 's/ .*//p' "$D/fence") (it took this host over)" >&2; exit @fenced@; fi
if [ -n "$takeover" ] && [ "$takeover" != "$run" ]; then
  { grep -vx -e "$run" -e "$takeover" "$D/revoked" 2>/dev/null; echo "$takeover"; } > "$D/revoked.new" && mv "$D/revoked.new" "$D/revoked" || exit @noState@
fi
if [ -s "$D/fence" ]; then
  read -r r n s < "$D/fence"
  if [ "$r" = "$run" ]; then [ "$n" -le "$number" ] || { echo "$r (a newer controller, number $n)" >&2; exit @fenced@; }
  elif [ "$s" = open ] && [ "$r" != "$takeover" ]; then echo "$r" >&2; exit @fenced@; fi
fi
echo "$run $number open" > "$D/fence.new" && mv "$D/fence.new" "$D/fence" || exit @noState@
@held@
rm -f "$L/fence.lock"; trap - EXIT
