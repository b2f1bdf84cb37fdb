#!/bin/sh
# Space of its own: what this machine has left says nothing about a practice host, except when that is full.
free=8388608
[ ! -e "$KMEND_ROOT/../ctl/full" ] || free=0
case "$*" in *-*i*) echo 'Filesystem Inodes IUsed IFree IUse% Mounted on' ;; *) echo 'Filesystem 1024-blocks Used Available Capacity Mounted on' ;; esac
for word; do case $word in -*) ;; *) echo "/dev/sda1 10485760 $((10485760 - free)) $free $(((10485760 - free) * 100 / 10485760))% ${word#"$KMEND_ROOT"}" ;; esac; done
