# The daemon of an affected node may hang: when the first query reaches its time limit, the second
# is skipped.
# shellcheck disable=SC2086 # j is lines
case "$P" in *' dockerd
'*|*' dockerd-current
'*) echo process;; esac
j=''
if has docker; then
  echo installed
  v=$($T docker version --format '{{.Server.Version}} {{.Client.Version}}'); q=$?
  printf 'version %s %s\n' $q "$v"
  if [ $q = 0 ]; then
    j=$($T docker info --format '{{.CgroupDriver}} {{.LiveRestoreEnabled}} {{json .Runtimes}}')
    printf 'info %.30000s\n' "$j"
  elif [ $q != 124 ]; then printf 'client %s\n' "$(docker --version)"; fi
fi
if [ -z "$j" ] && [ -r "$R/etc/docker/daemon.json" ]; then
  j=$(head -c 30000 "$R/etc/docker/daemon.json")
  by_line
  set -- $j
  by_word
  j="$*"
  printf 'daemon %s\n' "$j"
fi
n=0
while :; do
  case $j in *'"path"'*) ;; *) break;; esac
  j=${j#*\"path\"}; j=${j#*\"}; p=${j%%\"*}
  case ${p##*/} in ''|docker-runc|docker-runc-current) continue;; runc) @skipSystemRunc@;; esac
  n=$((n + 1)); [ $n -lt 5 ] || break
  case $p in /*) k=$R$p;; *) has "$p" || continue; k=$(command -v "$p");; esac
  [ ! -x "$k" ] || printf 'says %s\n' "$p $(first "$k")"
done
