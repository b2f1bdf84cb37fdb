#!/bin/sh
# Only the kernel's part is known.
for word; do case $word in -k|--dmesg|_TRANSPORT=kernel) exec cat "$KMEND_ROOT/../ctl/dmesg" ;; esac; done
echo '-- No entries --'
