// Area docker: the engine that runs, as it says itself.
import { unknown, type Value } from '../model/value.ts';
import type { Area } from './area.ts';
import { readFields } from './fields.ts';

export const dockerArea: Area = {
  name: 'docker',
  facts: [
    { name: 'docker.installed', lifetime: 'disk', summary: 'there is a docker program', example: true },
    { name: 'docker.running', lifetime: 'boot', summary: 'the daemon answers, or its process is there', example: true },
    {
      name: 'docker.version',
      lifetime: 'boot',
      summary: 'version of the running engine; empty when it does not run',
      example: '18.06.1-ce',
    },
    { name: 'docker.client', lifetime: 'disk', summary: 'version of the client; empty when absent', example: '18.06.1-ce' },
    {
      name: 'docker.driver',
      lifetime: 'boot',
      summary: 'cgroup driver of the engine: cgroupfs or systemd; empty when it does not run',
      example: 'cgroupfs',
    },
    { name: 'docker.live_restore', lifetime: 'boot', summary: 'containers outlive a restart of the daemon', example: false },
  ],
  // The daemon of a sick node may hang: when the first question runs into its limit, the second is not asked.
  script: `case "$P" in *comm:dockerd*) echo process;; esac
if has docker; then
  echo installed
  v=$($T docker version --format '{{.Server.Version}} {{.Client.Version}}'); q=$?
  printf 'version %s %s\\n' $q "$v"
  if [ $q = 0 ]; then printf 'info %s\\n' "$($T docker info --format '{{.CgroupDriver}} {{.LiveRestoreEnabled}}')"
  elif [ $q != 124 ]; then printf 'client %s\\n' "$(docker --version)"; fi
fi`,
  maxBytes: 2048,
  parse: (text) => {
    const fields = readFields(text);
    const [status = '', server = '', client = ''] = fields.text('version').split(/\s+/);
    const hung = status === '124';
    const answers = status === '0' && isVersion(server);
    const [driver = '', live = ''] = fields.text('info').split(/\s+/);
    const fromRunning = (value: Value, absent: Value): Value =>
      hung ? unknown('docker did not answer within 5 s') : answers ? value : absent;
    return {
      'docker.installed': fields.has('installed'),
      'docker.running': answers || fields.has('process'),
      'docker.version': fromRunning(server, ''),
      'docker.client': clientOf(client, fields.text('client'), answers ? server : ''),
      'docker.driver': fromRunning(driver, ''),
      'docker.live_restore': fromRunning(live === 'true', false),
    };
  },
};

const isVersion = (word: string): boolean => /^[0-9]/.test(word);

function clientOf(asked: string, printed: string, server: string): string {
  if (isVersion(asked)) return asked;
  return /^Docker version ([^\s,]+)/.exec(printed)?.[1] ?? server;
}
