// The inventory and the known hosts of a practice fleet, as text.

import ssh2 from 'ssh2';
import { present } from '../src/model/present.ts';
import { loopback } from './host/host-server.ts';
import type { HostSpec } from './spec.ts';

/** A scalar that YAML reads back as it is: JSON is YAML. */
const scalar = (value: string | number | boolean): string => JSON.stringify(value);

export function inventoryOf(
  hosts: readonly HostSpec[],
  ports: readonly number[],
  keyFile: string,
  knownHostsFile: string,
): string {
  const groups = [...new Set(hosts.map((host) => host.group ?? 'fleet'))];
  const hostText = (host: HostSpec): string => {
    const vars = {
      ansible_port: ports[hosts.indexOf(host)] ?? 0,
      ...present({ ansible_user: host.user }),
      ...host.vars,
    };
    return `        ${host.name}: {${Object.entries(vars)
      .map(([name, value]) => `${name}: ${scalar(value)}`)
      .join(', ')}}\n`;
  };
  return `# The practice fleet: every host is a port on this machine.
all:
  vars:
    ansible_host: ${loopback}
    ansible_user: root
    ansible_ssh_private_key_file: ${scalar(keyFile)}
    ansible_ssh_common_args: ${scalar(`-o UserKnownHostsFile=${knownHostsFile}`)}
  children:
${groups
  .map(
    (group) =>
      `    ${group}:\n      hosts:\n${hosts
        .filter((host) => (host.group ?? 'fleet') === group)
        .map(hostText)
        .join('')}`,
  )
  .join('')}`;
}

export function knownHostsOf(
  members: readonly { readonly port: number; readonly hostKey: string }[],
): string {
  return members
    .map(({ port, hostKey }) => {
      const key = ssh2.utils.parseKey(hostKey);
      if (key instanceof Error) throw key;
      return `[${loopback}]:${port} ${key.type} ${key.getPublicSSH().toString('base64')}\n`;
    })
    .join('');
}
