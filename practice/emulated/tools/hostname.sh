#!/bin/sh
# The name of the practice host.
cat "$KMEND_ROOT/etc/hostname"
