# "started KEY ID" finds the group of the running container by its id, reads it, and writes BOOTID
# EPOCH KEY ANSWER to /run, so that the mark ends with the boot. Images are not pulled but named by
# their ids. Not every image has "sleep": the first that runs is taken. A host without such an image
# is no failure here: the wait that follows reports the missing proof. A container that is not
# removed ends by itself after 180 s.
B=$(cat "$R/proc/sys/kernel/random/boot_id") || exit 80
D=$R/run/kmend; mkdir -p "$D" || exit 80
T=''; if command -v timeout >/dev/null 2>&1; then T='timeout 60'; fi
M=$R/sys/fs/cgroup/memory
if [ ! -e "$M/memory.kmem.limit_in_bytes" ]; then
  while read -r _ d t o _; do case $t:,$o, in cgroup:*,memory,*) M=$R$d;; esac; done <<MOUNTS
$(grep ' cgroup ' "$R/proc/mounts")
MOUNTS
fi
started() {
  g=$(find "$M" -type d -name "*$2*" ! -name '*conmon*' 2>/dev/null | head -n 1)
  [ -n "$g" ] || { echo "$1: the group of its container was not found"; return; }
  case $g in "$M"/kubepods/*) echo "$1: its container is below kubepods, where a group inherits: no sample"; return;; esac
  if cat "$g/memory.kmem.slabinfo" >/dev/null 2>&1; then a=on
  else case $(cat "$g/memory.kmem.slabinfo" 2>&1 >/dev/null) in *'Input/output error'*|*'I/O error'*) a=off;; *) a=failed;; esac; fi
  echo "$1: asked, and its container reads $a"
  { grep -v " $1 " "$D/started" 2>/dev/null; printf '%s %s %s %s\n' "$B" "$(date +%s)" "$1" "$a"; } >"$D/started.new" && mv -f "$D/started.new" "$D/started" || exit 80
}
none() { echo "$1: no image on this host could be started as a sample (none is pulled)"; }
# engine KEY PROGRAM [OPTION...]: docker and podman
engine() {
  k=$1 p=$2; shift 2
  command -v "$p" >/dev/null 2>&1 || { echo "$k: there is no $p here"; return 0; }
  $T "$p" rm -f kmend-sample >/dev/null 2>&1 </dev/null
  for i in $($T "$p" images -q --no-trunc 2>/dev/null </dev/null | awk '!seen[$0]++' | head -n 20); do
    $T "$p" run -d --rm --name kmend-sample --label kmend=sample --memory 64m --network none "$@" --entrypoint sleep "${i#sha256:}" 180 >/dev/null 2>&1 </dev/null || :
    sleep 1
    case $($T "$p" inspect -f '{{.State.Running}} {{.Id}}' kmend-sample 2>/dev/null </dev/null) in
      'true '*) started "$k" "$($T "$p" inspect -f '{{.Id}}' kmend-sample </dev/null)"; $T "$p" rm -f kmend-sample >/dev/null 2>&1 </dev/null; return;;
    esac
    $T "$p" rm -f kmend-sample >/dev/null 2>&1 </dev/null
  done
  none "$k"
}
ask() { $T crictl -r "$q" "$@"; }
# cri KEY SOCKET [HANDLER]: a pod in the host's network, so that no network is set up for it
cri() {
  command -v crictl >/dev/null 2>&1 || return 1
  q=unix://$2
  w=$(mktemp -d) || exit 80
  printf '{"metadata":{"name":"kmend-sample","namespace":"kmend","uid":"kmend-sample","attempt":0},"linux":{"security_context":{"namespace_options":{"network":2}}}}' >"$w/pod.json"
  pod=$(ask runp ${3:+-r "$3"} "$w/pod.json" 2>/dev/null </dev/null) || pod=''
  ok=1
  [ -z "$pod" ] || for i in $(ask images -q 2>/dev/null </dev/null | head -n 20); do
    printf '{"metadata":{"name":"kmend-sample"},"image":{"image":"%s"},"command":["sleep","180"],"linux":{"resources":{"memory_limit_in_bytes":67108864}}}' "$i" >"$w/container.json"
    id=$(ask create "$pod" "$w/container.json" "$w/pod.json" 2>/dev/null </dev/null) || continue
    if ask start "$id" >/dev/null 2>&1 </dev/null; then started "$1" "$id"; ok=0; fi
    ask rm -f "$id" >/dev/null 2>&1 </dev/null
    [ $ok != 0 ] || break
  done
  [ -z "$pod" ] || { ask stopp "$pod" >/dev/null 2>&1 </dev/null; ask rmp -f "$pod" >/dev/null 2>&1 </dev/null; }
  rm -rf "$w"
  [ $ok = 0 ] || none "$1"
}
# containerd without crictl: its own client, in the namespace of the CRI
ctr_run() {
  command -v ctr >/dev/null 2>&1 || { echo 'containerd: there is neither crictl nor ctr here'; return 0; }
  n=$(printf '%s' "$B" | tr -d '-')$(printf '%s' "$B" | tr -d '-')
  for i in $($T ctr -n k8s.io images ls -q 2>/dev/null </dev/null | head -n 20); do
    if $T ctr -n k8s.io run -d --memory-limit 67108864 "$i" "$n" sleep 180 >/dev/null 2>&1 </dev/null; then started containerd "$n"; s=$n; else s=''; fi
    $T ctr -n k8s.io tasks kill -s KILL "$n" >/dev/null 2>&1 </dev/null; sleep 1
    $T ctr -n k8s.io tasks rm -f "$n" >/dev/null 2>&1 </dev/null; $T ctr -n k8s.io containers rm "$n" >/dev/null 2>&1 </dev/null
    [ -z "$s" ] || return 0
  done
  none containerd
}
