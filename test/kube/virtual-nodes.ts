// Hosts on a virtual clock that are nodes of a fake cluster without a network: command lines run in
// milliseconds. Kubelets report the data of the hosts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll } from 'vitest';
import type { HostSpec } from '../../practice/index.ts';
import { failed } from '../../src/model/run/failure.ts';
import { practiceOn } from '../cli/practice.ts';
import type { WorldChanges } from '../cli/real-world.ts';
import { type Fate, HostWorld, type Recording } from '../fakes/host-world.ts';
import { type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { recordSick } from '../fakes/recording.ts';
import { clusterWithin } from './cluster-on.ts';
import { type KubeletOptions, nodesOf } from './fleet-nodes.ts';

/** Scripts take two seconds, so that a test can change something between two steps. */
const fate: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 2,
  bootSeconds: 3,
  reboot: 'good',
  drain: 'good',
};

const time = {
  get now() {
    return Date.now();
  },
  set now(_now: number) {
    throw new Error("the clock is everybody's");
  },
  spend: (milliseconds: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

let recorded: Recording;
/**
 * The output of hosts is recorded once per test file. It comes from real programs, so it is
 * recorded before the file skips its waits.
 */
export const recordNodes = (): void =>
  beforeAll(async () => {
    recorded = await recordSick('n1');
  });

const recordingFor = (name: string): Recording => {
  const renamed = (text: string): string => text.replaceAll(/\bn1\b/g, name);
  const { sick, check, set, remediated, deaf, bootIds } = recorded;
  return {
    sick: renamed(sick),
    check: renamed(check),
    set: renamed(set),
    remediated: renamed(remediated),
    deaf: renamed(deaf),
    bootIds,
  };
};

function virtualHost({ name, vars, faults }: HostSpec) {
  const world = new HostWorld(
    recordingFor(name),
    { ...fate, reboot: faults?.oldboot === true ? 'old' : 'good' },
    {},
    time,
    name,
  );
  return {
    name,
    vars,
    connect: world.transport.connect,
    boots: () => world.boots,
    bootId: () => world.bootId,
    isUp: () => world.isUp,
    kernel: () => '3.10.0-1160.el7.x86_64',
  };
}

export async function virtualNodes(
  specs: readonly HostSpec[],
  options: KubeletOptions & FakeKubeOptions = {},
) {
  const fake = await startFakeKube({ stopAfter: 100, ...options });
  const hosts = specs.map(virtualHost);
  const lab = await practiceOn((dir) => {
    const inventoryFile = join(dir, 'inventory.json');
    const entries = hosts.map(({ name, vars }) => [name, { ansible_host: '127.0.0.1', ...vars }]);
    writeFileSync(inventoryFile, JSON.stringify({ all: { hosts: Object.fromEntries(entries) } }));
    return { hosts, inventoryFile, close: async () => undefined };
  });
  const transport: WorldChanges['transport'] = async () => ({
    connect: async (target, more) =>
      hosts.find(({ name }) => name === target.name)?.connect(target, more) ??
      failed('unreachable', `no host ${target.name}`),
    close: async () => undefined,
  });
  return nodesOf(fake, lab, { transport, cluster: clusterWithin(fake) }, options);
}

export type VirtualNodes = Awaited<ReturnType<typeof virtualNodes>>;
