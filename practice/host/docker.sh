#!/bin/sh
# The docker client of a practice package. A daemon "runs" while its file in /run has the version
# that was started.
# docker client @version@
server=$(cat "$KMEND_ROOT/run/lab/dockerd" 2>/dev/null)
[ -z "$server" ] || driver=$(cat "$KMEND_ROOT/run/lab/driver") live=$(cat "$KMEND_ROOT/run/lab/live-restore")
need() {
  [ -z "$server" ] || return 0
  echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2
  exit 1
}
fill() {
  case $1 in *Server*|*CgroupDriver*|*LiveRestore*|*CgroupVersion*) need ;; esac
  printf '%s\n' "$1" | sed "s/{{ *json *\(\.[A-Za-z.]*\) *}}/\"{{\1}}\"/g
s/{{ *\.Server\.Version *}}/$server/g; s/{{ *\.ServerVersion *}}/$server/g; s/{{ *\.Client\.Version *}}/@version@/g
s/{{ *\.CgroupDriver *}}/$driver/g; s/{{ *\.LiveRestoreEnabled *}}/$live/g; s/{{ *\.CgroupVersion *}}/1/g; s/\\\\n/\\
/g"
}
what=$1; [ $# -eq 0 ] || shift
case $what in
  --version|-v) echo 'Docker version @version@, build 0000000'; exit 0 ;;
esac
format=
while [ $# -gt 0 ]; do
  case $1 in --format=*|-f=*) format=${1#*=} ;; --format|-f) format=$2; shift ;; esac
  shift
done
case $what in
  version)
    if [ -n "$format" ]; then fill "$format"; exit 0; fi
    printf 'Client:\n Version:           @version@\n'; need
    printf '\nServer:\n Engine:\n  Version:          %s\n' "$server" ;;
  info)
    need
    if [ -n "$format" ]; then fill "$format"; exit 0; fi
    printf 'Containers: 2\nServer Version: %s\nStorage Driver: overlay2\nCgroup Driver: %s\nLive Restore Enabled: %s\n' "$server" "$driver" "$live" ;;
  ps) need; cat "$KMEND_ROOT/run/lab/containers" 2>/dev/null || : ;;
  *) need; echo "docker: the practice fleet's docker does not know '$what'" >&2; exit 1 ;;
esac
