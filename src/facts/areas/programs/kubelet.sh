# Process names come from /proc/PID/comm. Reading a command line can hang behind a process that is
# stuck in memory reclaim, so only the kubelet's own is read. The program itself (100 MB) is run
# only where no package has its version. The area pids uses U, the kubelet's arguments, C, its
# configuration, Y, what is in it, and "flags".
k='' c=$R/var/lib/kubelet/config.yaml w='' U='' Y=''
for n in kubelet hyperkube k3s-server k3s-agent k3s rke2; do
  p=${P%% "$n"
*}
  if [ "$p" != "$P" ]; then
    echo "running $n"
    p=${p##* }
    k=$R/proc/$p/exe
    U=$($T tr '\000' '\n' <"$R/proc/$p/cmdline")
    by_line
    n=0
    for l in $U; do
      n=$((n - 1)) a=${l#-}
      case ${a#-}= in cgroup-driver=*|container-runtime-endpoint=*|config=*|kubelet-arg=*) [ "$a" = "$l" ] || n=2;; esac
      [ $n -le 0 ] || printf 'arg %s\n' "$l"
      case $w in --config|-config) c=$R$l;; esac
      case $l in --config=/*|-config=/*) c=$R${l#*=};; esac
      w=$l
    done
    by_word
    break
  fi
done
for n in kubelet k3s rke2; do
  has $n || continue
  k=$(command -v $n)
  echo "program $n"
  case "$k $Q" in '/usr/bin/kubelet '*'kubelet '[0-9]*) ;; *) printf 'says %s\n' "$($T "$k" --version)";; esac
  break
done
[ -z "$k" ] || { printf 'file %s\n' "$k"; H="$H$k
"; }
case "$Q" in *'kubelet '[0-9]*) q=${Q##*kubelet }; printf 'package %s\n' "${q%% *}";; esac
flags() { for f in "$R/var/lib/kubelet/kubeadm-flags.env" "$R/etc/sysconfig/kubelet" "$R/etc/default/kubelet"; do dump "$f" flags; done; }
flags
C=$c
[ ! -r "$c" ] || Y=$(grep -E '^[A-Za-z ]' "$c")
by_line
for l in $Y; do case $l in cgroupDriver:*|containerRuntimeEndpoint:*) printf 'config %s\n' "$l";; esac; done
by_word
