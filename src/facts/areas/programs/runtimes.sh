# containerd, cri-o and podman as their configuration says.
if has containerd || has docker-containerd; then echo containerd; fi
if has crio; then echo crio; fi
case "$P" in *' crio
'*) echo crio;; esac
case "$Q" in *'cri-o '[0-9]*) q=${Q##*cri-o }; printf 'crio %s\n' "${q%% *}";; esac
n=0
for f in "$R"/etc/containerd/config.toml "$R"/var/lib/rancher/*/agent/etc/containerd/config.toml; do
  [ -r "$f" ] || { [ ! -e "$f" ] || echo toml_denied; continue; }
  echo toml
  l=$(grep -E '^[[:space:]]*(\[|imports|SystemdCgroup|systemd_cgroup|runtime|BinaryName)' "$f")
  by_line
  for l in $l; do
    by_word
    l=${l#"${l%%[![:space:]]*}"}
    case $l in
      '['*|imports*|SystemdCgroup*|systemd_cgroup*|runtime_type*) printf 'toml %s\n' "$l";;
      BinaryName*|runtime_engine*|runtime[!_]*)
        printf 'toml %s\n' "$l"
        p=${l#*\"}; p=${p%%\"*}
        case ${p##*/} in ''|docker-runc|*=*) continue;; runc) @skipSystemRunc@;; esac
        n=$((n + 1)); [ $n -le @mostAsked@ ] || continue
        case $p in /*) k=$R$p;; *) has "$p" || continue; k=$(command -v "$p");; esac
        [ ! -x "$k" ] || printf 'says %s\n' "$p $(first "$k")";;
    esac
  done
  by_word
done
manager() {
  k=$1; shift
  for f do
    shift
    if [ -r "$f" ]; then set -- "$@" "$f"; elif [ -e "$f" ]; then echo "${k}_denied"; fi
  done
  [ $# = 0 ] || pick "$k" 'cgroup_manager.*=' "$@"
}
manager crioconf "$R"/etc/crio/crio.conf "$R"/etc/crio/crio.conf.d/*
has podman || return 0
echo podman
manager podmanconf "$R"/usr/share/containers/containers.conf "$R"/etc/containers/containers.conf "$R"/usr/share/containers/libpod.conf "$R"/etc/containers/libpod.conf "$R"/etc/containers/containers.conf.d/*.conf
