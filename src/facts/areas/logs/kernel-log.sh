# The area cgroup prints the kernel log. The kernel does not log that no cgroup can be made; the
# programs that make them do.
# Where there is no journal, /var/log/messages has their lines, also those of earlier boots.
if early; then
  if has journalctl; then
    $T journalctl -u docker -u containerd -u kubelet -u crio -b -n 2000 -o cat --no-pager | @runtime@
  elif [ -r "$R/var/log/messages" ]; then
    tail -c 2000000 "$R/var/log/messages" | @runtime@
  fi
fi
