#!/bin/sh
# The log of its kernel, for root.
[ "$LAB_UID" = 0 ] || { echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2; exit 1; }
cat "$KMEND_ROOT/../ctl/dmesg"
