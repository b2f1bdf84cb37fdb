// A hold and a cordon by an operator, on a fake API server: in the plan, before a start and during
// a run.
import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
import { eventsOf, until } from '../cli/practice.ts';
import { startCommand } from '../cli/real-world.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterWithin } from './cluster-on.ts';
import { nodePlay, sickNode } from './fleet-nodes.ts';
import { recordNodes, type VirtualNodes, virtualNodes } from './virtual-nodes.ts';

recordNodes();
skipWaits();

let world: VirtualNodes;
afterEach(() => world.close());

const playOf = (text = nodePlay()): string => world.lab.file('remedy.yaml', text);
const apply = (text?: string, more: readonly string[] = []) =>
  world.run(['apply', playOf(text), '--yes', ...more]);
const setHold = (node: string, why: string | null) =>
  world.fake.changeNode(node, { metadata: { annotations: { 'kmend.io/hold': why } } });
const order = () => eventsOf(world.lab.journal(), 'host.started').map(({ host }) => host);
/** Writes to this node and evictions from it, as the API server recorded them. */
const writes = (node: string) =>
  world.fake.seen.filter(
    ({ method, path }) =>
      method !== 'GET' && (path.endsWith(`/nodes/${node}`) || path.includes(`-${node}-`)),
  );

describe('a hold by the plan', () => {
  it('refuses the host with its reason, and the others are remediated', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    setHold('n1', 'disk swap, ask the storage team');
    const planned = await world.run(['plan', playOf()]);
    expect(planned.exit).toBe(4);
    expect(planned.out).toMatch(
      /n1 +hold: node n1 is on hold: disk swap, ask the storage team \([\s\S]*kubectl\s+annotate\s+node\s+n1\s+kmend\.io\/hold-\)/,
    );
    const done = await apply(nodePlay({ rollout: '{unplannable: leave_out}' }));
    expect(done.exit).toBe(4);
    expect(world.boots()).toEqual([1, 2]);
    expect(writes('n1')).toEqual([]);
  });

  it('does not matter to a host without changes', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    expect((await apply()).exit).toBe(0);
    setHold('n1', '');
    const argument =
      '- name: Fix the nodes\n  hosts: all\n  tasks:\n    - name: The argument\n      kernel_arg: {key: cgroup.memory, value: nokmem}\n';
    const again = await world.run(['plan', playOf(argument)]);
    expect(again.exit, again.out).toBe(0);
  });
});

describe('a hold during a run', () => {
  const isEffect =
    (kind: string) =>
    (event: Event): boolean =>
      event.type === 'effect.started' && event.kind === kind && event.host === 'n1';
  const wait = '    - name: Wait\n      command: sleep 1\n';

  /** The moments, with the number of boots: no effect of this host may start after them. */
  it.each([
    ['before its start', (event: Event) => event.type === 'run.started', 1, false],
    [
      'while its first facts are read',
      (event: Event) => event.type === 'host.started' && event.host === 'n1',
      1,
      false,
    ],
    ['while its pods are evicted', isEffect('drain'), 1, false],
    ['while a task runs between the drain and the reboot', isEffect('run'), 1, true],
  ] as const)('that comes %s', async (_name, moment, boots, staysCordoned) => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')], { slow: 30 });
    world.fake.addPod({
      name: 'web-n1-0',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      annotations: { 'fake/stop': '6000' },
    });
    const running = apply(nodePlay({ between: wait, rollout: '{max_unavailable: 2}' }));
    await until('the moment', () => world.has(moment));
    setHold('n1', 'disk swap');
    const heldAt = Date.now();
    const done = await running;
    const begun = eventsOf(world.lab.journal(), 'effect.started', 'n1').filter(
      ({ at, kind }) => at > heldAt + 500 && kind !== 'uncordon',
    );
    expect(begun.map(({ what }) => what)).toEqual([]);
    expect(world.boots()).toEqual([boots, 2, 2]);
    expect(done.exit).toBe(4);
    expect(done.out).toMatch(/node n1 is on hold: disk swap/);
    expect(world.isCordoned('n1')).toBe(staysCordoned);
    expect(eventsOf(world.lab.journal(), 'brake.tripped')).toEqual([]);
    // Once it is gone the same run goes on with the host.
    setHold('n1', null);
    const resumed = await world.run(['resume', world.lab.runs().at(-1) ?? '', '--yes']);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(world.boots()).toEqual([2, 2, 2]);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([false, false]);
  });

  it('that comes after the reboot does not prevent the uncordon', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    const running = apply(undefined, ['--limit', 'n1']);
    await until('the boot', () => world.boots()[0] === 2);
    setHold('n1', 'disk swap');
    expect((await running).exit).toBe(0);
    expect([world.isCordoned('n1'), world.isMarked('n1')]).toEqual([false, false]);
  });

  it('that is removed before the others are done lets the host start', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    const running = apply();
    await until('the run', () => world.has((event) => event.type === 'run.started'));
    setHold('n1', 'disk swap');
    await until('the start of the other', () =>
      world.has((event) => event.type === 'host.started' && event.host === 'n2'),
    );
    setHold('n1', null);
    const done = await running;
    expect(done.exit, done.out).toBe(0);
    // It may have been started and put back in line before.
    expect(order().slice(-2)).toEqual(['n2', 'n1']);
  });

  it('refuses `kmend drain`, which writes nothing', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2')]);
    setHold('n1', 'disk swap');
    const done = await startCommand(['drain', 'n1', '--kubeconfig', 'kubeconfig'], {
      home: world.lab.dir,
      cluster: clusterWithin(world.fake),
    }).result;
    expect(done.exit).toBe(7);
    expect(done.err).toMatch(
      /node n1 is on hold: disk swap[\s\S]*kubectl annotate node n1 kmend\.io\/hold-/,
    );
    expect(writes('n1')).toEqual([]);
  });
});

describe('a cordon by another operator', () => {
  const cordon = (node: string) => world.fake.changeNode(node, { spec: { unschedulable: true } });

  it('is shown by the plan, and the host starts after all others', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    cordon('n1');
    const text = nodePlay({ rollout: '{max_unavailable: 2}' });
    const planned = await world.run(['plan', playOf(text)]);
    expect(planned.out).toMatch(
      /its node is cordoned by somebody else: it goes last \(rollout\.cordoned: last\)/,
    );
    expect((await apply(text)).exit).toBe(0);
    expect(order()).toEqual(['n2', 'n3', 'n1']);
    expect(world.isCordoned('n1')).toBe(true);
  });

  it('with `cordoned: skip` keeps the host out, and the plan shows it', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    cordon('n1');
    const text = nodePlay({ rollout: '{max_unavailable: 2, cordoned: skip}' });
    expect((await world.run(['plan', playOf(text)])).out).toMatch(
      /it is not started \(rollout\.cordoned: skip\)/,
    );
    expect((await apply(text)).exit).toBe(4);
    expect(order()).toEqual(['n2', 'n3']);
    expect(writes('n1')).toEqual([]);
  });

  it('since a saved plan keeps the host out without --yes, and the report gives the reason', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    const text = nodePlay({ rollout: '{max_unavailable: 2, approve: never}' });
    const plan = `${world.lab.dir}/plan.json`;
    expect((await world.run(['plan', playOf(text), '-o', plan])).exit).toBe(2);
    cordon('n1');
    const done = await world.run(['apply', plan]);
    expect(done.exit).toBe(4);
    expect(order()).toEqual(['n2', 'n3']);
    expect(writes('n1')).toEqual([]);
    const run = world.lab.runs().at(-1) ?? '';
    expect((await world.lab.run(['report', run])).out).toMatch(
      /node n1 was cordoned by somebody else since the plan was made/,
    );
    // The yes to exactly this is enough.
    expect((await world.run(['resume', run, '--yes'])).exit).toBe(0);
    expect(order()).toEqual(['n2', 'n3', 'n1']);
  });
});
