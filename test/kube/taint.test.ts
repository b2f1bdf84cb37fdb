// The pending taint: other taints are never lost, and no pending taint remains at the end.
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  decideCordon,
  decidePlain,
  decideRelease,
  decideUncordon,
} from '../../src/adapters/kube/node/ownership.ts';
import { decidePending, pendingRun } from '../../src/adapters/kube/node/taint.ts';
import type { NodeObject, Taint } from '../../src/adapters/kube/objects/objects.ts';
import { emptyState, type HostState, type RunState } from '../../src/core/run-state/state.ts';
import { tableOf } from '../../src/core/run-state/table.ts';
import { PendingTaints } from '../../src/engine/pending.ts';
import type { Cluster, NodeState } from '../../src/engine/ports/cluster.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import { failed, ok } from '../../src/model/run/failure.ts';
import { eventsOf } from '../cli/practice.ts';
import { startFakeKube } from '../fakes/kube-api.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, value } from './cluster-on.ts';
import { nodePlay, sickNode } from './fleet-nodes.ts';
import { recordNodes, type VirtualNodes, virtualNodes } from './virtual-nodes.ts';

recordNodes();
skipWaits();

const owner = { run: 'r1', number: 1 };

/** A merge patch replaces a whole list. */
const patched = (node: NodeObject, patch: object | undefined): NodeObject => {
  const { spec = {}, metadata = {} } = (patch ?? {}) as {
    spec?: Record<string, unknown>;
    metadata?: NodeObject['metadata'];
  };
  const merged: Record<string, unknown> = { ...node.spec, ...spec };
  for (const [key, one] of Object.entries(merged)) if (one === null) delete merged[key];
  const annotations = Object.entries({
    ...node.metadata?.annotations,
    ...metadata?.annotations,
  }).filter(([, text]) => text !== null);
  return {
    ...node,
    metadata: { ...node.metadata, annotations: Object.fromEntries(annotations) },
    spec: merged,
  };
};

const foreign = fc.record({
  key: fc.constantFrom(
    'dedicated',
    'node.kubernetes.io/unschedulable',
    'kmend.io/other',
    'kmend.io/pending',
  ),
  effect: fc.constantFrom('NoSchedule', 'NoExecute'),
  value: fc.option(fc.constantFrom('a', 'r1'), { nil: undefined }),
  timeAdded: fc.option(fc.constant('2026-11-27T10:00:00Z'), { nil: undefined }),
});
const mine = fc.record({
  key: fc.constant('kmend.io/pending'),
  effect: fc.constant('PreferNoSchedule'),
  value: fc.constantFrom('r1', 'r2'),
});
const decisions = {
  set: (node: NodeObject) => decidePending(node, 'r1', true),
  remove: (node: NodeObject) => decidePending(node, 'r1', false),
  cordon: (node: NodeObject) => decideCordon(node, { owner, at: 'now' }),
  uncordon: (node: NodeObject) => decideUncordon(node, owner),
  release: (node: NodeObject) => decideRelease(node, owner),
  plainUncordon: (node: NodeObject) => decidePlain(node, false),
} as const;
const names = Object.keys(decisions) as (keyof typeof decisions)[];

describe('the writes of taints', () => {
  it('keep all other taints in any order of decisions, and the last decision about ours wins', () => {
    const acts = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(foreign, { maxLength: 4 }),
        fc.option(mine),
        acts,
        (others, ours, order) => {
          let node: NodeObject = {
            metadata: { name: 'n1', resourceVersion: '7' },
            spec: {
              taints: [
                ...others.slice(0, 1),
                ...(ours === null ? [] : [ours]),
                ...others.slice(1),
              ] as Taint[],
            },
          };
          for (const name of order) {
            const decision: { readonly patch?: object } = decisions[name](node);
            if (decision.patch !== undefined)
              expect(decision.patch).toMatchObject({ metadata: { resourceVersion: '7' } });
            const before = node;
            node = patched(node, decision.patch);
            const left = (node.spec?.taints ?? []).filter(
              (taint) => taint.effect !== 'PreferNoSchedule',
            );
            expect(left).toEqual(others);
            if (name === 'set') expect(pendingRun(node)).toBe('r1');
            else if (name === 'remove')
              expect(pendingRun(node)).toBe(
                pendingRun(before) === 'r1' ? undefined : pendingRun(before),
              );
            else if (decision.patch !== undefined) expect(pendingRun(node)).toBeUndefined();
          }
        },
      ),
    );
  });

  it('keep a taint that comes between the read and the write', async () => {
    const fake = await startFakeKube();
    try {
      fake.addNode('n1');
      const cluster = clusterIn(fake);
      for (const pending of [true, false]) {
        let rivals = 2;
        fake.faults(({ method }) => {
          const taints = fake.nodes.get('n1')?.spec.taints ?? [];
          const rival = { key: `rival-${pending}-${rivals}`, effect: 'NoSchedule' };
          if (method === 'PATCH' && rivals-- > 0)
            fake.changeNode('n1', { spec: { taints: [...taints, rival] } });
          return undefined;
        });
        value(await cluster.taint('n1', 'r1', pending));
        expect(value(await cluster.node('n1')).pending).toBe(pending ? 'r1' : undefined);
      }
      expect(fake.nodes.get('n1')?.spec.taints.map((taint: Taint) => taint.key)).toEqual([
        'rival-true-2',
        'rival-true-1',
        'rival-false-2',
        'rival-false-1',
      ]);
      cluster.close();
    } finally {
      await fake.stop();
    }
  });
});

describe('`kmend uncordon`', () => {
  it('removes the taint that a run left on a node in service', async () => {
    const fake = await startFakeKube();
    try {
      fake.addNode('n1', {
        spec: { taints: [{ key: 'kmend.io/pending', value: 'dead', effect: 'PreferNoSchedule' }] },
      });
      const cluster = clusterIn(fake);
      // `changed` is about the cordon: the node was in service.
      expect(value(await cluster.plainUncordon('n1', { dryRun: false }))).toEqual({
        changed: false,
      });
      expect(fake.nodes.get('n1')?.spec).toEqual({});
      expect(value(await cluster.plainUncordon('n1', { dryRun: false }))).toEqual({
        changed: false,
      });
      cluster.close();
    } finally {
      await fake.stop();
    }
  });
});

describe('the taints of a run', () => {
  const count = 5;
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('start', 'person'), host: fc.nat(count - 1) }),
    fc.record({
      kind: fc.constantFrom('brake', 'release', 'pause', 'continue', 'away', 'back', 'look'),
    }),
  );

  const world = (
    leftovers: Readonly<Record<string, string>>,
    policy: Pick<Rollout, 'preferNoSchedule'>,
  ) => {
    const taints = new Map(Object.entries(leftovers));
    const set: string[] = [];
    let now = 0;
    let isAway = false;
    const status = Array.from({ length: count }, () => 'planned' as HostState['status']);
    let state: RunState = { ...emptyState, run: 'r1' };
    const put = (change: Partial<RunState>): void => {
      const hosts = status.map(
        (one, index) =>
          ({ host: `h${index}`, status: one, plan: { node: `n${index}` } }) as HostState,
      );
      const started = status.filter((one) => one === 'running').length;
      // A new set after each change, as the fold makes it.
      const planned = { key: 0, index: 0, size: 1, left: undefined, right: undefined };
      state = { ...state, ...change, hosts: tableOf(hosts), started, planned };
    };
    put({});
    const cluster: Pick<Cluster, 'nodes' | 'taint'> = {
      nodes: async () =>
        isAway ? failed('unreachable', 'away', { transport: true }) : ok(nodes()),
      taint: async (node, run, pending) => {
        if (isAway) return failed('unreachable', 'away', { transport: true });
        if (pending) set.push(node);
        if (pending) taints.set(node, run);
        else if (taints.get(node) === run) taints.delete(node);
        return ok(true);
      },
    };
    const nodes = (): readonly NodeState[] =>
      ['n0', 'n1', 'n2', 'n3', 'n4', 'other'].map((name) => {
        const pending = taints.get(name);
        return { name, ...(pending === undefined ? {} : { pending }) } as NodeState;
      });
    const journal: string[] = [];
    const pending = new PendingTaints({
      cluster: cluster as Cluster,
      clock: {
        now: () => now,
        sleep: async (length, signal) => {
          if (signal === undefined) now += length;
          else
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        },
        random: () => 0,
        yield: async () => {},
        gather: async () => {},
        id: () => 'x',
      },
      run: 'r1',
      policy: policy as Rollout,
      state: () => state,
      record: async (body) => {
        journal.push(body.type);
      },
      stop: new AbortController().signal,
    });
    const act = {
      start: (host = 0) => {
        status[host] = 'running';
        put({});
      },
      person: (host = 0) => void taints.delete(`n${host}`),
      brake: () => put({ brake: { why: '', host: 'h0', acknowledged: [] } }),
      release: () => {
        const { brake: _brake, ...rest } = state;
        state = rest;
        put({});
      },
      pause: () => put({ paused: { who: '', why: '' } }),
      continue: () => {
        const { paused: _paused, ...rest } = state;
        state = rest;
        put({});
      },
      away: () => {
        isAway = true;
      },
      back: () => {
        isAway = false;
        now += 60_000;
      },
      look: () => {
        if (!isAway) pending.see(nodes());
      },
    };
    const waiting = () => status.flatMap((one, index) => (one === 'planned' ? [`n${index}`] : []));
    return {
      act,
      pending,
      taints,
      set,
      journal,
      waiting,
      state: () => state,
      isAway: () => isAway,
    };
  };

  it('are only on nodes whose turn is still to come, are set once, and are gone at the end of any run', async () => {
    const leftover = fc.dictionary(
      fc.constantFrom('n0', 'n1', 'n2'),
      fc.constantFrom('r1', 'dead'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        leftover,
        fc.boolean(),
        async (steps, before, preferNoSchedule) => {
          const on = world({ ...before, other: 'another' }, { preferNoSchedule });
          on.act.look();
          const removed = new Set<string>();
          for (const { kind, ...one } of steps) {
            on.act[kind]('host' in one ? one.host : 0);
            if (kind === 'person' && 'host' in one) removed.add(`n${one.host}`);
            await on.pending.reconcile();
            if (on.isAway()) continue;
            const { brake, paused, started } = on.state();
            const may =
              preferNoSchedule && brake === undefined && paused === undefined && started > 0;
            const ours = [...on.taints]
              .filter(([, run]) => run !== 'another')
              .map(([node]) => node);
            expect(ours.filter((node) => !may || !on.waiting().includes(node))).toEqual([]);
            if (may)
              expect(
                on.waiting().filter((node) => on.taints.get(node) !== 'r1' && !removed.has(node)),
              ).toEqual([]);
          }
          on.act.back();
          await on.pending.reconcile();
          await on.pending.end();
          expect(Object.fromEntries(on.taints)).toEqual({ other: 'another' });
          if (!preferNoSchedule) expect(on.set).toEqual([]);
        },
      ),
    );
  });

  it('are set on all pending nodes before the first host starts, and are in the journal before', async () => {
    const on = world({}, { preferNoSchedule: true });
    await on.pending.reconciled();
    expect(on.set).toEqual([]);
    on.act.start(2);
    await on.pending.reconciled();
    expect([...on.taints.keys()]).toEqual(['n0', 'n1', 'n3', 'n4']);
    expect(on.journal).toEqual(['nodes.tainted']);
    on.act.person(4);
    on.act.look();
    await on.pending.reconciled();
    expect([...on.taints.keys()]).toEqual(['n0', 'n1', 'n3']);
  });
});

describe('a rollout with prefer_no_schedule', () => {
  let world: VirtualNodes;
  afterEach(() => world.close());
  const pendingOn = () =>
    [...world.fake.nodes.values()]
      .filter((node) => pendingRun(node) !== undefined)
      .map((node) => node.metadata.name);
  const play = (drain: string) =>
    world.lab.file(
      'remedy.yaml',
      nodePlay({ drain, rollout: '{max_unavailable: 1, prefer_no_schedule: true}' }),
    );

  it('taints pending nodes while pods move, but no finished node, and none at the end', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    const dedicated = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' };
    world.fake.changeNode('n3', { spec: { taints: [dedicated] } });
    for (const name of ['n1', 'n2', 'n3']) world.web(name, 1);
    const during: string[] = [];
    world.fake.afterEviction((pod) =>
      during.push(`${pod.spec.nodeName}: ${pendingOn().join(' ')}`),
    );
    const done = await world.run(['apply', play('{timeout: 10s}'), '--yes']);
    expect(done.exit, done.out + done.err).toBe(0);
    expect(during).toEqual(['n1: n2 n3', 'n2: n3', 'n3: ']);
    expect(pendingOn()).toEqual([]);
    expect(world.fake.nodes.get('n3')?.spec.taints).toEqual([dedicated]);
    const journal = world.lab.journal();
    expect(eventsOf(journal, 'nodes.tainted').map(({ nodes }) => nodes)).toEqual([['n2', 'n3']]);
    const [first] = world.patches();
    expect(first?.at).toBeGreaterThanOrEqual(
      eventsOf(journal, 'nodes.tainted')[0]?.at ?? Number.POSITIVE_INFINITY,
    );
  });

  it('removes its taints when the brake ends the run, also those of an earlier run', async () => {
    world = await virtualNodes([sickNode('n1'), sickNode('n2'), sickNode('n3')]);
    world.fake.addPod({
      name: 'stuck',
      node: 'n1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      annotations: { 'fake/stop': 'never' },
    });
    world.fake.changeNode('n2', {
      spec: { taints: [{ key: 'kmend.io/pending', value: 'dead', effect: 'PreferNoSchedule' }] },
    });
    const done = await world.run(['apply', play('{timeout: 2s}'), '--yes']);
    expect(done.exit, done.out + done.err).toBe(5);
    expect(eventsOf(world.lab.journal(), 'nodes.tainted').map(({ nodes }) => nodes)).toEqual([
      ['n2', 'n3'],
    ]);
    expect(pendingOn()).toEqual([]);
  });
});
