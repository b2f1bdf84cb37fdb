# What kmend left on the host. The directory of the fence is for root only: to others a file in it looks absent, so
# whether they may read the directory is printed too.
line "$R/run/kmend/active-probe" probe
dump "$R/run/kmend/started" started
line "$R/proc/sys/kernel/random/boot_id" boot
for f in fence .; do line "$R/var/lib/kmend/$f" fence; done
