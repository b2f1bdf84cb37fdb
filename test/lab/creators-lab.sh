#!/bin/sh
# creators-lab.sh run ROOT < STEPS - runs STEPS (sh, with the functions of creators.sh) beside a containerd and a docker daemon of ROOT
# (creators-root.sh), on this machine's cgroup v1 hierarchies, and prints what they print.
# All of it lives in namespaces that end with STEPS: processes, mounts, network and data; ROOT stays as it was built. In the cgroup namespace the
# root of each hierarchy is a group of this run, so that paths read as on a whole machine; these groups are removed at the end.
# Needs: root, Linux with v1 hierarchies, util-linux.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
hierarchies() { sed -n 's/^[1-9][0-9]*:\([^:]*\):.*/\1/p' /proc/self/cgroup; }
place() { printf '%s/sys/fs/cgroup/%s' "${2:-}" "${1#name=}"; }

# run ROOT - in a group of its own in each hierarchy; a signal ends all of it
run() {
  name=kmend-creators-$$
  trap leave EXIT
  for one in $(hierarchies); do mkdir "$(place "$one")/$name"; done
  # A v1 cpuset takes no process before it has processors
  for file in /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/cpuset/cpuset.mems; do
    [ ! -e "$file" ] || cat "$file" > "${file%/*}/$name/${file##*/}"
  done
  exec 3<&0 # a shell gives its background commands no input
  sh "$HERE/creators-lab.sh" enter "$1" "$name" <&3 &
  trap 'kill -KILL $!' INT TERM # unshare ignores what can be ignored
  wait $!
}

# enter ROOT GROUP - in that group of each hierarchy, into namespaces of its own
enter() {
  for one in $(hierarchies); do echo $$ > "$(place "$one")/$2/cgroup.procs"; done
  exec unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child --mount-proc sh "$HERE/creators-lab.sh" inside "$1"
}

# leave - removes the groups; the last processes may need a moment to end
leave() {
  for one in $(hierarchies); do
    left=50
    until find "$(place "$one")/$name" -depth -type d -exec rmdir {} + 2> /dev/null || [ $left = 0 ]; do left=$((left - 1)); sleep 0.1; done
  done
}

# inside ROOT - makes ROOT the root, and starts
inside() {
  mount --bind -o ro "$1" "$1"
  for folder in proc sys sys/fs/cgroup run tmp var; do
    case $folder in proc) type=proc ;; sys) type=sysfs ;; *) type=tmpfs ;; esac
    mount -t "$type" none "$1/$folder"
  done
  mount --rbind /dev "$1/dev"
  for one in $(hierarchies); do
    mkdir "$(place "$one" "$1")"
    case $one in name=*) options=none,$one ;; *) options=$one ;; esac
    mount -t cgroup -o "$options" none "$(place "$one" "$1")"
  done
  mkdir "$1/run/lab" "$1/run/before" "$1/var/cache" "$1/var/lib" "$1/var/tmp"
  ln -s /run "$1/var/run"
  cp "$HERE"/creators*.sh "$1/run/lab/"
  cd "$1"
  pivot_root . run/before
  umount -l run/before
  exec sh run/lab/creators-lab.sh start
}

# unit NAME COMMAND... - a daemon in the group that systemd gives its unit (Delegate=yes: in every hierarchy); runc joins relative paths to it
unit() {
  group=system.slice/$1.service log=/run/lab/$1.log
  for folder in /sys/fs/cgroup/*; do
    mkdir -p "$folder/$group"
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$folder/$file" ] || for one in system.slice "$group"; do cat "$folder/$file" > "$folder/$one/$file"; done
    done
  done
  shift
  sh -eu -c 'for folder in /sys/fs/cgroup/*; do echo $$ > "$folder/$0/cgroup.procs"; done; exec "$@"' "$group" "$@" > "$log" 2>&1 < /dev/null &
}

# answers COMMAND... - waits up to 30 s until it succeeds
answers() {
  left=150
  until "$@" > /dev/null 2>&1; do
    left=$((left - 1)); [ $left -gt 0 ] || { echo "no answer: $*" >&2; tail -n 5 /run/lab/*.log >&2; exit 1; }
    sleep 0.2
  done
}

start() {
  ip link set lo up
  export CONTAINERD=/run/containerd/containerd.sock
  # The score of a sandbox is below that of containerd: a root without CAP_SYS_RESOURCE cannot set it
  cat > /run/lab/containerd.toml <<'T'
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/library/box:latest"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
T
  unit containerd containerd -c /run/lab/containerd.toml
  answers ctr version
  unit docker dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --containerd "$CONTAINERD"
  answers docker version
  . /run/lab/creators.sh
  cat > /run/lab/steps.sh
  . /run/lab/steps.sh
}

"$@"
