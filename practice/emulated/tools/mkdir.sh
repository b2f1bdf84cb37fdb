#!/bin/sh
# A new folder in the memory tree is a new memory group: the fleet fills it as the kernel would. A
# full disk gives no new folders.
if [ -e "$KMEND_ROOT/../ctl/full" ]; then
  for word; do case $word in "$KMEND_ROOT"/sys/*|"$KMEND_ROOT"/run/*|-*) ;; "$KMEND_ROOT"/*)
    [ -d "$word" ] || { echo "mkdir: cannot create directory '$word': No space left on device" >&2; exit 1; } ;;
  esac; done
fi
@REAL@/mkdir "$@" || exit
for word; do case $word in "$KMEND_ROOT"/sys/fs/cgroup/*) LAB_AS='mkdir' exec "${0%/*}/ask" "$@" ;; esac; done
exit 0
