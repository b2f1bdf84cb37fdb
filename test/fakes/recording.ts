// What the probe prints on a practice host before and after its remedy, for hosts on a virtual
// clock.
import { expect } from 'vitest';
import type { HostSpec } from '../../practice/index.ts';
import { buildProbe, checkWants } from '../../src/facts/index.ts';
import { baseAreas } from '../../src/facts/probe/registry.ts';
import { play, practice, sick } from '../cli/practice.ts';
import { sickNode } from '../kube/fleet-nodes.ts';
import { rebooted, ssh } from '../practice/client.ts';
import type { Recording } from './host-world.ts';

const recordings = new Map<string, Promise<Recording>>();

/** Once a process for each name: it takes two seconds. */
function once(name: string, host: HostSpec): Promise<Recording> {
  const made = recordings.get(name) ?? record(name, host);
  recordings.set(name, made);
  return made;
}

/** A node with the bug, and a host with the bug that is none. */
export const recordSick = (name: string): Promise<Recording> => once(name, sickNode(name));
export const recordHost = (): Promise<Recording> => once('host', sick('host'));

/** Sets the argument on a practice host, reboots it, and reads it at each step. */
async function record(name: string, host: HostSpec): Promise<Recording> {
  const lab = await practice([host]);
  const read = async (): Promise<string> => (await ssh(lab.fleet, name, buildProbe())).out;
  const before = lab.host(name).bootId();
  const sick = await read();
  const check = (await ssh(lab.fleet, name, buildProbe(checkWants))).out;
  expect(
    (
      await lab.run([
        'apply',
        lab.file('set.yaml', play('    - kernel_arg: {key: cgroup.memory, value: nokmem}\n')),
        '--yes',
      ])
    ).exit,
  ).toBe(0);
  const set = await read();
  await ssh(lab.fleet, name, 'reboot').catch(() => undefined);
  const after = await rebooted(lab.fleet, name, before);
  const remediated = await read();
  await lab.close();
  return {
    sick,
    check,
    set,
    remediated,
    deaf: withAreaOf(remediated, sick, 'cgroup'),
    bootIds: [before, after],
  };
}

/** A probe's output with one area as another has it. */
function withAreaOf(text: string, other: string, name: string): string {
  const index = baseAreas.findIndex((area) => area.name === name);
  const frame = new RegExp(`@@kmend area ${index}\\n[^]*?@@kmend done ${index}\\b`);
  return text.replace(frame, () => {
    const found = frame.exec(other)?.[0];
    if (found === undefined) throw new Error(`no area ${name}`);
    return found;
  });
}
