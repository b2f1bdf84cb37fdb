# Limits of the number of processes; those of groups are counted by the walk of the area cgroup. The
# area kubelet sets U, its arguments, C, its configuration file, and Y, what is in it.
line "$R/proc/sys/kernel/pid_max" kernel_max
z=v1
if [ ! -d "$R/sys/fs/cgroup/pids" ]; then
  z='' l=''
  IFS= read -r l <"$R/sys/fs/cgroup/cgroup.controllers"
  case " $l " in *' pids '*) z=v2;; esac
fi
[ -z "$z" ] || echo "controller $z"
by_line
n=0
for l in $U; do
  n=$((n - 1))
  case $l= in *pod-max-pids=*|*system-reserved=*|*kube-reserved=*|*feature-gates=*|*kubelet-arg=*) n=2;; esac
  [ $n -le 0 ] || printf 'arg %s\n' "$l"
done
by_word
flags
[ ! -e "$C" ] || [ -r "$C" ] || echo config_denied
s=''
by_line
for l in $Y; do
  case $l in
    podPidsLimit:*|systemReserved:*|kubeReserved:*|featureGates:*) s=${l%%:*}; printf 'config %s\n' "$l";;
    \ *) [ -z "$s" ] || printf 'inner %s %s\n' "$s" "$l";;
    *) s='';;
  esac
done
by_word
