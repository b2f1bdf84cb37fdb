#!/bin/sh
# The program is not on this host.
echo "sh: ${0##*/}: not found" >&2
exit 127
