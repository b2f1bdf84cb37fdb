# The runc that starts the containers. k3s and RKE2 unpack one of their own.
# shellcheck disable=SC2086 # T is words; the names need no quotes
for p in docker-runc "$R"/usr/libexec/docker/docker-runc-current runc "$R"/var/lib/rancher/k3s/data/current/bin/runc "$R"/var/lib/rancher/rke2/data/current/bin/runc "$R"/var/lib/rancher/rke2/bin/runc; do
  case $p in */*) [ -x "$p" ] || continue;; *) has $p || continue; p=$(command -v $p);; esac
  printf 'path %s\n' "${p#"$R"}"
  case $p in *docker-runc*) echo bundled;; esac
  stat -L -c 'changed %Z' "$p"
  rows says "$($T "$p" --version)"
  break
done
if has docker-containerd || has containerd; then echo containerd; fi
