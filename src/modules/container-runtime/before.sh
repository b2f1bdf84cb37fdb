# Before anything moves. An engine that does not run is not started either.
T=''; if command -v timeout >/dev/null 2>&1; then T='timeout 60'; fi
server() { $T docker version --format '{{.Server.Version}}' 2>/dev/null; }
driver() { $T docker info --format '{{.CgroupDriver}}' 2>/dev/null; }
J=$R/etc/docker/daemon.json
state() { if [ -e "$J" ]; then cksum < "$J"; else echo none; fi; }
# units, drop-ins and settings that operators wrote: NAME and checksum of each
ours() {
  for f in "$R"/etc/systemd/system/docker.service "$R"/etc/systemd/system/docker.service.d/*.conf "$R"/etc/systemd/system/docker.socket "$R"/etc/systemd/system/containerd.service "$R"/etc/systemd/system/containerd.service.d/*.conf "$R"/etc/sysconfig/docker "$R"/etc/sysconfig/docker-* "$R"/etc/default/docker "$R"/etc/containerd/config.toml; do
    [ ! -e "$f" ] || echo "${f#"$R"} $(cksum < "$f")"
  done
}
# what was there must be there, and be the same; a file that a package brings where none was is not
# one that operators wrote
other() {
  now=$(ours)
  printf '%s\n' "$had" | while IFS= read -r l; do
    case "
$now
" in *"
$l
"*) ;; *) echo "${l%% *} is not what it was";; esac
  done
}
had=$(ours)
was=$(server) json=$(state) drove=''
[ -z "$was" ] || drove=$(driver)
[ ! -e "$J" ] || cp -p "$J" "$J.kmend-before"
