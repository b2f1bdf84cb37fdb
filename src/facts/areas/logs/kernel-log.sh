# The area cgroup prints the kernel log. The kernel does not log that no cgroup can be made; the
# programs that make them do.
# Where there is no journal, /var/log/messages has their lines, also those of earlier boots.
# shellcheck disable=SC2086 # T is words
set --
if early; then
  if has journalctl; then
    set -- $T journalctl -u docker -u containerd -u kubelet -u crio -b -n 2000 -o cat --no-pager
  elif [ -r "$R/var/log/messages" ]; then
    set -- tail -c 2000000 "$R/var/log/messages"
  fi
fi
if [ $# != 0 ]; then
  open
  "$@" | @runtime@
fi
