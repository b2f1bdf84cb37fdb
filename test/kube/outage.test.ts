// An outage of the API server, and a server that refuses the uncordon of a proven node: whole runs
// on a fake server.
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, until } from '../cli/practice.ts';
import type { Fault, Seen } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { sleep } from './cluster-on.ts';
import { nodePlay, sickNode } from './fleet-nodes.ts';
import { recordNodes, type VirtualNodes, virtualNodes } from './virtual-nodes.ts';

recordNodes();
skipWaits();

let world: VirtualNodes;
afterEach(() => world.close());

const playOf = (text = nodePlay()): string => world.lab.file('remedy.yaml', text);

describe('an outage in the middle of a drain', () => {
  it('does not count against the timeout, is reported once and fails no host', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')], { stopAfter: 2_000 });
    world.web('n1', 2);
    const running = world.run([
      'apply',
      playOf(nodePlay({ drain: '{timeout: 6s}' })),
      '--yes',
      '--limit',
      'n1',
    ]);
    await until('an eviction', () => world.evictions().length > 0);
    world.fake.faults(() => 'cut');
    await until('the outage', () => world.has((event) => event.type === 'cluster.away'));
    await sleep(8_000);
    world.fake.faults(() => undefined);
    const done = await running;
    expect(done.exit, done.out + done.err).toBe(0);
    expect(done.out).toMatch(
      /cluster away since \d\d:\d\d:\d\d \S+: the API server .*cannot be reached: the connection was lost/,
    );
    expect(done.out).toMatch(/n1 +the API server does not answer: /);
    expect(done.out).toMatch(/cluster back after \d+s/);
    expect(done.out).not.toContain('is the kubelet running?');
    const types = world.lab.journal().map(({ type }) => type);
    expect(types.filter((type) => type === 'cluster.away' || type === 'cluster.back')).toEqual([
      'cluster.away',
      'cluster.back',
    ]);
    expect([world.boots(), world.isCordoned('n1'), world.isMarked('n1')]).toEqual([
      [2, 1],
      false,
      false,
    ]);
  }, 60_000);
});

describe('a proven node that could not be uncordoned', () => {
  const refuseReturn = ({ method, body }: Seen): Fault =>
    method === 'PATCH' && body?.spec?.unschedulable === null
      ? { status: 403, body: forbidden }
      : undefined;
  const forbidden = {
    kind: 'Status',
    message: 'nodes "n1" is forbidden: User "kmend" cannot patch resource "nodes"',
    reason: 'Forbidden',
  };

  async function notReturned(): Promise<string> {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    world.fake.faults(refuseReturn);
    const ran = await world.run(['apply', playOf(), '--yes', '--limit', 'n1']);
    expect(ran.exit, ran.out + ran.err).toBe(4);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([true, true]);
    world.fake.faults(() => undefined);
    return world.lab.runs()[0] ?? '';
  }

  /** The node is in service, and the journal of the run that owned it has the uncordon. */
  function expectReturned(run: string): void {
    expect([world.boots(), world.isCordoned('n1'), world.isMarked('n1')]).toEqual([
      [2, 1],
      false,
      false,
    ]);
    const done = eventsOf(world.lab.journal(run), 'effect.done', 'n1');
    expect(done.filter(({ result }) => result.data?.uncordoned === true)).toHaveLength(1);
    expect(eventsOf(world.lab.journal(run), 'host.done', 'n1')).toHaveLength(1);
  }

  it('is uncordoned by a plain resume', async () => {
    const run = await notReturned();
    const resumed = await world.run(['resume', run]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expectReturned(run);
  }, 60_000);

  it('is uncordoned by `kmend uncordon`, which names its run', async () => {
    const run = await notReturned();
    const done = await world.run(['uncordon', 'n1', '--state-dir', world.lab.state]);
    expect(done.exit, done.out + done.err).toBe(0);
    expect(done.err).toContain(`node n1: run ${run} has proven n1 and owes its return`);
    expect(done.out).toContain('node/n1 uncordoned');
    expectReturned(run);
  }, 60_000);

  it('is uncordoned by the next apply of the play (rollout.adopt)', async () => {
    const run = await notReturned();
    const next = await world.run(['apply', playOf(), '--yes', '--limit', 'n1']);
    expect(next.exit, next.out + next.err).toBe(0);
    expectReturned(run);
  }, 60_000);
});
