# Sets a setting of the kernel, as `sysctl -w` does.
p=$R/proc/sys/@path@
[ -f "$p" ] || exit 71
printf '%s\n' @value@ > "$p" || exit 70
