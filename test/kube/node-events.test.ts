// Kubernetes events on nodes that a run writes for `kubectl describe node`. The run does not depend
// on them.
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/local/index.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { emptyState, type RunState } from '../../src/core/run-state/state.ts';
import { createEventWriter } from '../../src/engine/node/events.ts';
import type { Cluster, NodeNote } from '../../src/engine/ports/cluster.ts';
import type { Event } from '../../src/model/run/event.ts';
import { eventsOf } from '../cli/practice.ts';
import { startFakeKube } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterOn, sleep, value } from './cluster-on.ts';
import { nodePlay, sickNode } from './fleet-nodes.ts';
import { recordNodes, type VirtualNodes, virtualNodes } from './virtual-nodes.ts';

recordNodes();
skipWaits();

let world: VirtualNodes | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const begin = async (...args: Parameters<typeof virtualNodes>): Promise<VirtualNodes> => {
  world = await virtualNodes(...args);
  return world;
};
const apply = (on: VirtualNodes, play: string, more: readonly string[] = []) =>
  on.run(['apply', on.lab.file('remedy.yaml', play), '--yes', ...more]);

interface Shown {
  readonly involvedObject: object;
  readonly reason: string;
  readonly type: string;
  readonly message: string;
  readonly count: number;
}
const shown = (on: VirtualNodes, node: string): readonly Shown[] =>
  [...on.fake.events.values()].filter((event) => event.involvedObject.name === node);
const isEvent = ({ path }: { readonly path: string }): boolean => path.includes('/events');

describe('events on nodes', () => {
  it('report what was done to a node, in order and with the run, as `kubectl describe node` expects them', async () => {
    const on = await begin([sickNode('n1'), sickNode('n2')]);
    on.web('n1', 2);
    const done = await apply(on, nodePlay(), ['--limit', 'n1']);
    expect(done.exit, done.out + done.err).toBe(0);
    const [run = ''] = on.lab.runs();
    const events = shown(on, 'n1');
    expect(events.map(({ reason, type }) => `${type} ${reason}`)).toEqual([
      'Normal KmendCordoned',
      'Normal KmendDrained',
      'Normal KmendRebooted',
      'Normal KmendProven',
      'Normal KmendReturned',
    ]);
    expect(events.every(({ message }) => message.endsWith(`(kmend run ${run})`))).toBe(true);
    expect(events[1]?.message).toMatch(/^evicted 2 pods \(kmend/);
    expect(events[2]?.message).toContain(on.lab.host('n1').bootId());
    expect(events[0]).toMatchObject({
      involvedObject: { kind: 'Node', name: 'n1', uid: 'n1' },
      source: { component: 'kmend' },
      firstTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      count: 1,
    });
    expect(shown(on, 'n2')).toEqual([]);
  });

  it('report why a host failed, and the uncordon of its node', async () => {
    const on = await begin([sickNode('n1'), sickNode('n2')]);
    on.fake.addPod({
      name: 'stuck',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      annotations: { 'fake/stop': 'never' },
    });
    const done = await apply(on, nodePlay({ drain: '{timeout: 2s}' }), ['--limit', 'n1']);
    expect(done.exit).toBe(4);
    const events = shown(on, 'n1');
    expect(events.map(({ reason, type }) => `${type} ${reason}`)).toEqual([
      'Normal KmendCordoned',
      'Normal KmendReturned',
      'Warning KmendFailed',
    ]);
    expect(events[2]?.message).toMatch(
      /^timeout: drain of n1 not done within 2 s.*shop\/stuck.*\[left: in service/,
    );
  });

  it('need one call without the right to write them, and do not affect the run; a play that asks for events is warned once', async () => {
    for (const [rollout, warnings] of [
      ['{max_unavailable: 1}', 0],
      ['{max_unavailable: 1, events: true}', 1],
    ] as const) {
      const on = await begin([sickNode('n1')], { forbid: ['create events'] });
      const done = await apply(on, nodePlay({ rollout }), ['--limit', 'n1']);
      expect(done.exit, done.out + done.err).toBe(0);
      expect(on.fake.seen.filter(isEvent).length).toBe(1);
      const said = on.lab
        .journal()
        .flatMap((event) =>
          event.type === 'warning' && event.text.includes('rollout.events') ? [event.text] : [],
        );
      expect(said.length).toBe(warnings);
      for (const text of said)
        expect(text).toMatch(/may not create events \(403\).*role kmend-events/);
      await on.close();
      world = undefined;
    }
  });

  it('are not written with `events: false`', async () => {
    const on = await begin([sickNode('n1')]);
    const done = await apply(on, nodePlay({ rollout: '{max_unavailable: 1, events: false}' }), [
      '--limit',
      'n1',
    ]);
    expect(done.exit, done.out + done.err).toBe(0);
    expect(on.fake.seen.filter(isEvent)).toEqual([]);
  });

  it.each([
    ['is silent', ['hang']],
    [
      'fails',
      [
        'cut',
        { status: 500, body: { message: 'etcdserver: leader changed' } },
        { status: 429, body: {} },
        { status: 201, body: [] },
      ],
    ],
  ] as const)(
    'an API server that %s for events delays no effect and changes no end',
    async (_name, faults) => {
      const on = await begin([sickNode('n1')]);
      let asked = 0;
      on.fake.faults((request) => (isEvent(request) ? faults[asked++ % faults.length] : undefined));
      const done = await apply(on, nodePlay(), ['--limit', 'n1']);
      expect(done.exit, done.out + done.err).toBe(0);
      const effects = on.lab
        .journal()
        .filter((event) => event.type === 'effect.started' || event.type === 'effect.done');
      const [cordoned, draining] = [effects[1]?.at ?? 0, effects[2]?.at ?? 0];
      expect(draining - cordoned).toBeLessThan(2_000);
      expect(asked).toBeGreaterThan(1);
      expect(Date.now() - (eventsOf(on.lab.journal(), 'run.finished')[0]?.at ?? 0)).toBeLessThan(
        3_000,
      );
    },
  );
});

describe('a repeated event', () => {
  it('is counted, and written anew after it has expired', async () => {
    const fake = await startFakeKube();
    try {
      const cluster = await clusterOn(fake);
      const note: NodeNote = { node: 'n1', reason: 'KmendFailed', message: 'no', warning: true };
      for (let time = 0; time < 3; time += 1) value(await cluster.announce(note));
      value(await cluster.announce({ ...note, message: 'another' }));
      expect(
        [...fake.events.values()].map(({ message, count, type }) => [message, count, type]),
      ).toEqual([
        ['no', 3, 'Warning'],
        ['another', 1, 'Warning'],
      ]);
      fake.events.clear();
      value(await cluster.announce(note));
      expect([...fake.events.values()].map(({ count }) => count)).toEqual([1]);
      cluster.close();
    } finally {
      await fake.stop();
    }
  });
});

describe('events for an API server that does not answer', () => {
  const plan = {
    host: 'h',
    node: 'n1',
    tasks: [],
    risk: 'none',
    verdict: 'on',
    remedy: 'none',
    remedyWhy: '',
    reads: {},
    estimate: 1,
    warnings: [],
  };
  const begun = {
    type: 'run.started',
    hosts: [{ host: 'h', plan, down: false }],
    leftOut: [],
    run: 'r1',
    at: 1,
    seq: 1,
  } as unknown as Event;
  const failed = {
    type: 'host.failed',
    host: 'h',
    failure: { kind: 'exit', message: 'x'.repeat(5_000) },
    touched: true,
    state: 'in service',
  };

  it('are bounded in number, in flight and in length; output of a host is one printable line', async () => {
    const notes: NodeNote[] = [];
    const hanging: (() => void)[] = [];
    const announce: Cluster['announce'] = (note) => {
      notes.push(note);
      return new Promise((resolve) => hanging.push(() => resolve({ ok: true, value: true })));
    };
    const state: RunState = fold(emptyState, begun);
    const voice = createEventWriter({ announce } as Cluster, systemClock, state, () =>
      expect.fail('no right is missing'),
    );
    const hostile = {
      ...failed.failure,
      message: `bad\u001b[2J\nline \u202e ${failed.failure.message}`,
    };
    for (let count = 0; count < 2_000; count += 1)
      voice.see({ ...failed, failure: hostile, at: 2, seq: 2 } as unknown as Event, state);
    expect(notes.length).toBe(2);
    for (let free = hanging.shift(); free !== undefined; free = hanging.shift()) {
      free();
      await sleep(0);
    }
    expect(notes.length).toBeLessThanOrEqual(502);
    expect(notes.length).toBeGreaterThan(400);
    expect(notes[0]?.message.length).toBeLessThan(800);
    expect(notes[0]?.message).toMatch(/^exit: bad\?\[2J⏎line \? x+… \(kmend run r1\)$/);
    await voice.close();
  });
});
