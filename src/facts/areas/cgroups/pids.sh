# Limits of the number of processes. The area kubelet sets U, its process, and C, its configuration
# file; the area cgroup sets A0, the awk function rowOf.
line "$R/proc/sys/kernel/pid_max" kernel_max
d=$R/sys/fs/cgroup/pids z=v1
if [ ! -d "$d" ]; then
  d=$R/sys/fs/cgroup z=''
  if grep -qw pids "$d/cgroup.controllers"; then z=v2; fi
fi
if [ -n "$z" ]; then
  echo "controller $z"
  $T2 find "$d/." -name pids.max -exec grep '' /dev/null {} + | M=$d awk "$A0"'@countProgram@'
fi
if [ -n "$U" ]; then
  $T tr '\000' '\n' <"$R/proc/$U/cmdline" | grep -E -A 1 '(pod-max-pids|system-reserved|kube-reserved|feature-gates|kubelet-arg)(=|$)' | sed 's/^/arg /'
fi
flags
[ ! -e "$C" ] || [ -r "$C" ] || echo config_denied
if [ -r "$C" ]; then
  s=''
  while IFS= read -r l || [ -n "$l" ]; do
    case $l in
      podPidsLimit:*|systemReserved:*|kubeReserved:*|featureGates:*) s=${l%%:*}; printf 'config %s\n' "$l";;
      \ *) [ -z "$s" ] || printf 'inner %s %s\n' "$s" "$l";;
      *) s='';;
    esac
  done <"$C"
fi
