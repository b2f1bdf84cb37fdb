# Leaves the mark first: with it and the same boot id a reboot was sent and has not happened; without it none was ever
# sent. Where packages began to be changed in the moment that the answer takes, nothing is rebooted, and the mark says so.
# shellcheck disable=SC2016 # the inner shell expands
b=$(cat "$R/proc/sys/kernel/random/boot_id")
if [ -e "$L/reboot" ]; then read -r r e o < "$L/reboot"; [ "$e $o" != @effect@" $b" ] || exit 0; fi
@unlocked@
m=@mark@
echo "$m $b" > "$L/reboot" || exit @noState@
sync
cd / || :
F=$F L=$L M=$m setsid sh -c 'sleep 0.3; eval "$F"; if [ -n "$(locks)" ]; then echo "$M withheld" > "$L/reboot"; else systemctl reboot || shutdown -r now || reboot; fi' < /dev/null > /dev/null 2>&1 &
