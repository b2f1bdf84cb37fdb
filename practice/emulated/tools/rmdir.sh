#!/bin/sh
# The files of a memory group are the kernel's, so they do not keep rmdir from removing it; tasks
# and children do.
for word; do case $word in "$KMEND_ROOT"/sys/fs/cgroup/*)
  for child in "$word"/*/; do [ ! -d "$child" ] || { echo "rmdir: failed to remove '$word': Device or resource busy" >&2; exit 1; }; done
  [ ! -s "$word/cgroup.procs" ] || { echo "rmdir: failed to remove '$word': Device or resource busy" >&2; exit 1; }
  @REAL@/rm -f "$word"/* ;;
esac; done
exec @REAL@/rmdir "$@"
