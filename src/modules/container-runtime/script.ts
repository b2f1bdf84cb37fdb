// The shell round the package work of an engine: what must be the same afterwards, the restart, and what the running engine says of itself.
import { quote } from '../../model/text/quote.ts';
import { packageErrors, packageHints } from '../package-manager/errors.ts';

export const runtimeErrors: Readonly<Record<number, string>> = {
  ...packageErrors,
  50: '/etc/docker/daemon.json is not what it was before the packages moved: the engine was not restarted',
  51: 'docker could not be restarted',
  52: 'docker was restarted and does not answer with the new version',
  53: 'the cgroup driver of docker is another one than before: a kubelet would not start',
  54: 'a unit, a drop-in or a setting of docker or containerd is not what it was before the packages moved: the engine was not restarted',
  55: 'a unit, a drop-in or daemon.json names docker-runc or docker-containerd, which are gone from 18.09 on: nothing was changed',
};

export const runtimeHints: Readonly<Record<number, string>> = {
  ...packageHints,
  50: 'put it back (the old text is beside it, as daemon.json.kmend-before), then restart docker',
  51: 'look at `journalctl -u docker`; another storage driver or an option that is gone are the usual causes',
  52: 'look at `docker version` and `journalctl -u docker` on the host: does another program hold the socket?',
  53: 'set native.cgroupdriver in daemon.json as it was, and restart docker',
  54: 'the last lines say which file: put it back as it was, then restart docker',
  55: 'name runc and containerd there instead (or take the setting out), once the fleet is on 18.09',
};

/** Before anything moves. An engine that does not run is not started either. */
export const beforeScript = `T=''; if command -v timeout >/dev/null 2>&1; then T='timeout 60'; fi
server() { $T docker version --format '{{.Server.Version}}' 2>/dev/null; }
driver() { $T docker info --format '{{.CgroupDriver}}' 2>/dev/null; }
J=$R/etc/docker/daemon.json
state() { if [ -e "$J" ]; then cksum < "$J"; else echo none; fi; }
# units, drop-ins and settings that people wrote: NAME and checksum of each
ours() {
  for f in "$R"/etc/systemd/system/docker.service "$R"/etc/systemd/system/docker.service.d/*.conf "$R"/etc/systemd/system/docker.socket "$R"/etc/systemd/system/containerd.service "$R"/etc/systemd/system/containerd.service.d/*.conf "$R"/etc/sysconfig/docker "$R"/etc/sysconfig/docker-* "$R"/etc/default/docker "$R"/etc/containerd/config.toml; do
    [ ! -e "$f" ] || echo "\${f#"$R"} $(cksum < "$f")"
  done
}
# what was there must be there, and be the same; a file that a package brings where none was is not one that people wrote
other() {
  now=$(ours)
  printf '%s\\n' "$had" | while IFS= read -r l; do
    case "
$now
" in *"
$l
"*) ;; *) echo "\${l%% *} is not what it was";; esac
  done
}
had=$(ours)
was=$(server) json=$(state) drove=''
[ -z "$was" ] || drove=$(driver)
[ ! -e "$J" ] || cp -p "$J" "$J.kmend-before"
`;

/** Before the packages move, and only where the engine goes from before 18.09 to a later one. */
export const oldNamesScript = `old=$({ echo "\${J#"$R"}"; printf '%s\\n' "$had"; } | while read -r f l; do
  [ ! -e "$R$f" ] || sed -n "/^[^#]*docker-\\(runc\\|containerd\\)/{s,^,$f: ,p;q;}" "$R$f"
done)
[ -z "$old" ] || { printf '%s\\n' "$old" >&2; exit 55; }
`;

/** After: the engine says its version only once it is restarted. `version` as the engine says it. */
export const afterScript = (version: string): string => `[ "$(state)" = "$json" ] || exit 50
changed=$(other); [ -z "$changed" ] || { printf '%s\\n' "$changed" >&2; exit 54; }
if [ -n "$was" ]; then
  systemctl daemon-reload </dev/null >/dev/null 2>&1 || :
  if systemctl cat containerd.service </dev/null >/dev/null 2>&1; then systemctl restart containerd </dev/null >&2 || exit 51; fi
  systemctl restart docker </dev/null >&2 || exit 51
  n=0; now=$(server)
  while [ "$now" != ${quote(version)} ] && [ $n -lt 20 ]; do sleep 3; n=$((n + 1)); now=$(server); done
  [ "$now" = ${quote(version)} ] || { echo "docker says: \${now:-nothing}" >&2; exit 52; }
  [ "$(driver)" = "$drove" ] || { echo "was $drove, is $(driver)" >&2; exit 53; }
fi
`;
