# Functions that start containers and report their groups; sourced as root, in a lab (creators-lab.sh) or in a virtual machine.
# Needs: docker, ctr, curl, busybox (static). Env: CONTAINERD, the path of its socket.
# shellcheck shell=sh
# A container that is looked for runs "/bin/sleep N": N names the way that it was started in. Its image is `box`, the one of a pod's sandbox too.
set -eu

# box - the image in docker, in containerd's namespaces `default` and `k8s.io`, and as the file that podman loads
box() {
  mkdir -p /run/creators/box/bin
  cp "$(command -v busybox)" /run/creators/box/bin/sleep
  tar -C /run/creators/box -c . | docker import -c 'CMD ["/bin/sleep", "70000"]' - box
  docker save -o /run/creators/box.tar box
  for namespace in default k8s.io; do ctr -a "$CONTAINERD" -n $namespace images import --snapshotter native /run/creators/box.tar; done
}

# way N COMMAND - starts a container; a failure is a line of the report
way() {
  if ! (eval "$2") > /run/creators/log 2>&1 < /dev/null; then
    printf '%s\tfailed\t%s\n' "$1" "$(tail -n 3 /run/creators/log | tr '\n\t' '  ')"
  fi
}

# cri METHOD [ID] - one call to containerd's CRI plugin: the request comes in base64, with 64 zeros for ID; prints the id in the answer
cri() {
  base64 -d | LC_ALL=C sed "s/0\{64\}/${2:-}/g" > /run/creators/request
  curl -sS -i --max-time 60 --http2-prior-knowledge --unix-socket "$CONTAINERD" -H 'content-type: application/grpc' -H 'te: trailers' \
    --data-binary @/run/creators/request "http://localhost/runtime.v1.RuntimeService/$1" | tr -d '\000\r' > /run/creators/answer
  if ! grep -aq 'grpc-status: 0' /run/creators/answer; then cat /run/creators/answer >&2; return 1; fi
  grep -aoE '[0-9a-f]{64}' /run/creators/answer || :
}

# report CONTROLLER FOLDER LIMIT - a line for each such container: N, whose group (its own, or conmon's above it), the group, its limit.
# A group is named by /proc/PID/cgroup, and the hierarchy at FOLDER must show the process in it.
report() {
  for process in /proc/[0-9]*; do
    words=$(tr '\0' ' ' < "$process/cmdline" 2> /dev/null) || continue
    case $words in '/bin/sleep 70'*) ;; *) continue ;; esac
    n=${words#/bin/sleep }
    group_of "${n% }" own "${process#/proc/}" "$@"
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "$process/status")
    [ "$(cat "/proc/$parent/comm")" != conmon ] || group_of "${n% }" conmon "$parent" "$@"
  done
}

group_of() {
  group=$(sed -n "s/^[0-9]*:$4:\///p" "/proc/$3/cgroup")
  grep -qx "$3" "$5/$group/cgroup.procs" || group="$group, which does not list the process"
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$group" "$(cat "$5/$group/$6" 2> /dev/null || echo none)"
}
