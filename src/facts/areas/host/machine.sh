# The identity of the machine, and times. S, P and H come from the probe: lines of /proc, processes,
# and the files whose times other areas want. One program reads these times and the clock: the
# directory of a process is made when somebody first reads of it.
# shellcheck disable=SC2086 # H is lines
line "$R/etc/machine-id" machine
line "$R/proc/sys/kernel/hostname" host
line "$R/proc/sys/kernel/random/boot_id" boot
u=${S##*Uid:[[:space:]]}
case $S in *Uid:*) u=${u#*[[:space:]]} u=${u%%[[:space:]]*};; *) u=$(id -u);; esac
printf 'arch %s\nuid %s\n' "$A" "$u"
line "$R/proc/uptime" uptime
by_line
l=$(stat -L -c 'at %Z %Y %n' /proc/self/. $H)
by_word
case $l in *' /proc/self/.'*) n=${l#at }; n=${n%% *} l=${l#*/proc/self/.};; *) n=$(date +%s);; esac
printf 'clock %s%s\n%s\n' "$n" "$l" "$P"
