// The shell round the package work of an engine: what must be the same afterwards, the restart, and what the running engine says of itself.
import { quote } from '../../model/quote.ts';
import { packageErrors } from '../package-manager/script.ts';

export const runtimeErrors: Readonly<Record<number, string>> = {
  ...packageErrors,
  50: '/etc/docker/daemon.json is not what it was before the packages moved: the engine was not restarted; put it back (the old text is beside it)',
  51: 'docker could not be restarted: look at `journalctl -u docker`; a unit or --add-runtime that names docker-runc or docker-containerd breaks from 18.09 on',
  52: 'docker was restarted and does not answer with the new version',
  53: 'the cgroup driver of docker is another one than before: a kubelet would not start; set native.cgroupdriver in daemon.json as it was',
};

/** Before anything moves. An engine that does not run is not started either. */
export const beforeScript = `T=''; if command -v timeout >/dev/null 2>&1; then T='timeout 60'; fi
server() { $T docker version --format '{{.Server.Version}}' 2>/dev/null; }
driver() { $T docker info --format '{{.CgroupDriver}}' 2>/dev/null; }
J=$R/etc/docker/daemon.json
state() { if [ -e "$J" ]; then cksum < "$J"; else echo none; fi; }
was=$(server) json=$(state) drove=''
[ -z "$was" ] || drove=$(driver)
[ ! -e "$J" ] || cp -p "$J" "$J.kmend-before"
`;

/** After: the engine says its version only once it is restarted. `version` as the engine says it. */
export const afterScript = (version: string): string => `[ "$(state)" = "$json" ] || exit 50
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
