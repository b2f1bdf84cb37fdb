# Limits of the number of processes. The area kubelet sets U, its arguments, C, its configuration
# file, and Y, what is in it; the area cgroup sets A0, the awk function rowOf. A pod has its name in
# its path, and a container its id: where no path has either, nothing is left to count.
line "$R/proc/sys/kernel/pid_max" kernel_max
d=$R/sys/fs/cgroup/pids z=v1
if [ ! -d "$d" ]; then
  d=$R/sys/fs/cgroup z='' l=''
  IFS= read -r l <"$d/cgroup.controllers"
  case " $l " in *' pids '*) z=v2;; esac
fi
if [ -n "$z" ]; then
  echo "controller $z"
  g=$(command -v grep)
  if [ -f "$g" ] && [ ! -L "$g" ]; then l=$(grep -R --include=pids.max '' "$d/.")
  else l=$(find "$d/." -name pids.max -exec grep '' /dev/null {} +); fi
  h='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
  case $l in
    *pod*|*/*$h$h$h$h*) printf '%s\n' "$l" | M=$d $AW "$A0"'@countProgram@';;
    *) echo 'counts 0 0 0 0';;
  esac
fi
set -f; IFS='
'
n=0
for l in $U; do
  n=$((n - 1))
  case $l= in *pod-max-pids=*|*system-reserved=*|*kube-reserved=*|*feature-gates=*|*kubelet-arg=*) n=2;; esac
  [ $n -le 0 ] || printf 'arg %s\n' "$l"
done
unset IFS; set +f
flags
[ ! -e "$C" ] || [ -r "$C" ] || echo config_denied
s=''
set -f; IFS='
'
for l in $Y; do
  case $l in
    podPidsLimit:*|systemReserved:*|kubeReserved:*|featureGates:*) s=${l%%:*}; printf 'config %s\n' "$l";;
    \ *) [ -z "$s" ] || printf 'inner %s %s\n' "$s" "$l";;
    *) s='';;
  esac
done
unset IFS; set +f
