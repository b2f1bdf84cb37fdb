#!/bin/sh
# Free space of the practice host, independent of this machine's, except when its fault is "full".
free=8388608
[ ! -e "$KMEND_ROOT/../ctl/full" ] || free=0
case "$*" in *-*i*) echo 'Filesystem Inodes IUsed IFree IUse% Mounted on' ;; *) echo 'Filesystem 1024-blocks Used Available Capacity Mounted on' ;; esac
for word; do case $word in -*) ;; *) echo "/dev/sda1 10485760 $((10485760 - free)) $free $(((10485760 - free) * 100 / 10485760))% ${word#"$KMEND_ROOT"}" ;; esac; done
