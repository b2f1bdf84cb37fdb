# A harder way, for a host that still runs the boot that our reboot was sent to; each is sent once a boot. Detached: a
# shutdown that hangs must not hold it.
[ "$(cat "$R/proc/sys/kernel/random/boot_id")" = @boot@ ] || exit 0
m=@mark@
if [ -e "$L/escalated" ] && grep -Fxq -e "$m" "$L/escalated"; then exit 0; fi
@unlocked@
echo "$m" >> "$L/escalated" || exit @noState@
cd / || :
setsid sh -c 'sleep 0.3; @harder@' < /dev/null > /dev/null 2>&1 &
