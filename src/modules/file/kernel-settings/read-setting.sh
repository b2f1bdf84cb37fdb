# Prints the value of a setting of the kernel. Status 3 = there is none, 4 = it cannot be read.
p=$R/proc/sys/@path@
[ -f "$p" ] || exit 3
cat "$p" 2>/dev/null || exit 4
