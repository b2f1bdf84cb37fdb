# The identity of the machine. S and P come from the probe: lines of /proc, and processes.
line "$R/etc/machine-id" machine
line "$R/proc/sys/kernel/hostname" host
line "$R/proc/sys/kernel/random/boot_id" boot
line "$R/proc/uptime" uptime
u=${S##*Uid:[[:space:]]}
case $S in *Uid:*) u=${u#*[[:space:]]} u=${u%%[[:space:]]*};; *) u=$(id -u);; esac
printf 'arch %s\nclock %s\nuid %s\n' "$A" "$(date +%s)" "$u"
printf '%s\n' "$P"
