// What a run shows in a real cluster: events in `kubectl describe node`, and the taint on nodes
// that are still to come, though the controller is killed.
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import { nodePlay } from '../kube/fleet-nodes.ts';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';

const title = `a voice in a real cluster${missing === undefined ? '' : ` (skipped: ${missing})`}`;

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(world.lab.logs());
    await world.close();
  });

  interface Taint {
    readonly key: string;
    readonly value?: string;
    readonly effect: string;
  }
  const taints = (): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries(
      world.names.map((name) => [
        name,
        ((world.node(name).spec.taints ?? []) as readonly Taint[])
          .filter(({ effect }) => effect === 'PreferNoSchedule')
          .map(({ key, value = '' }) => `${key}=${value}`),
      ]),
    );

  it('events say what was done, and the taint is gone from every node after a kill -9 and a resume', async () => {
    const pool = { pool: 'a' };
    world = await nodeHosts({ n1: pool, n2: pool, n3: pool, n4: pool });
    const { hosts, lab } = world;
    const binding = ['-n', 'default', 'create', 'rolebinding', 'kmend-events'];
    lab.kubectl(...binding, '--role=kmend-events', '--user=kmend');
    lab.kubectl('taint', 'node', 'n3', 'team=a:PreferNoSchedule');
    world.deploy('web', 2, 'n1');
    const inventory = ['-i', hosts.fleet.inventoryFile];
    const doctor = await world.run(['doctor', ...inventory]);
    expect(doctor.out).not.toMatch(/needed only for events/);

    const rollout = '{max_unavailable: 1, prefer_no_schedule: true, events: true}';
    const play = hosts.file(
      'fix.yaml',
      nodePlay({ rollout, drain: '{timeout: 60s}', reboot: '{timeout: 60s, stable_for: 1s}' }),
    );
    const controller = await world.spawn(['apply', play, ...inventory, '-l', 'n1,n2,n3', '--yes']);
    const rebooting = () =>
      hosts.runs().length > 0 &&
      eventsOf(hosts.journal(), 'effect.started', 'n1').some((event) => event.kind === 'reboot');
    await until('the reboot of n1', rebooting, 60);
    controller.signal('SIGKILL');
    expect(await controller.ended).toBe('SIGKILL');
    const [run = ''] = hosts.runs();
    const own = `kmend.io/pending=${run}`;
    expect(taints()).toEqual({ n1: [], n2: [own], n3: ['team=a', own], n4: [] });

    const resumed = await world.spawn(['resume', run]);
    expect(await resumed.ended, resumed.out() + resumed.err()).toBe(0);
    expect(taints()).toEqual({ n1: [], n2: [], n3: ['team=a'], n4: [] });
    const shown = lab.kubectl('describe', 'node', 'n1').split('\nEvents:')[1] ?? '';
    const described = shown.split('\n').filter((line) => line.includes('kmend'));
    const reasons = [
      'KmendCordoned',
      'KmendDrained',
      'KmendRebooted',
      'KmendProven',
      'KmendReturned',
    ];
    expect(
      reasons.filter(
        (reason) =>
          !described.some((line) => line.includes(reason) && line.includes(`(kmend run ${run})`)),
      ),
    ).toEqual([]);
    expect(eventsOf(hosts.journal(), 'warning')).toEqual([]);
  });
});
