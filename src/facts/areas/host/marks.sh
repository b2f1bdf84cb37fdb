# Files of kmend on the host. Only root may read the directory of the fence, and to other users a
# file in it seems absent. So the script also prints whether they may read the directory.
line "$R/run/kmend/active-probe" probe
dump "$R/run/kmend/started" started
line "$R/proc/sys/kernel/random/boot_id" boot
for f in fence .; do line "$R/var/lib/kmend/$f" fence; done
