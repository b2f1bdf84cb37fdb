// A drained node is empty: the pods and volumes on it after the evictions, on a fake API server,
// and a law over random worlds.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { sortOut } from '../../src/adapters/kube/drain/empty.ts';
import type { DaemonSetLookup } from '../../src/adapters/kube/objects/filters.ts';
import type { DrainOptions } from '../../src/model/run/effect.ts';
import { type FakeKube, type PodSpec, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, cordonAndDrain, failure, owner, value } from './cluster-on.ts';
import { drainOptions, type PodShape, pod } from './pods.ts';

skipWaits();

const tolerations = [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }];
const volume = 'kubernetes.io/csi/disk.example^vol-1';

describe('the pods on the node after the evictions', () => {
  interface Row {
    readonly name: string;
    readonly pod: PodShape;
    readonly options?: Partial<DrainOptions>;
    readonly chased?: string;
    readonly daemonSet?: 'missing';
    readonly gives: RegExp | 'late' | 'nothing';
  }
  const rows: readonly Row[] = [
    { name: 'a latecomer', pod: { owner: 'ReplicaSet/a' }, gives: 'late' },
    {
      name: 'a late pod that tolerates another taint',
      pod: { owner: 'ReplicaSet/a', spec: { tolerations: [{ key: 'x' }] } },
      gives: 'late',
    },
    {
      name: 'a late pod that tolerates the cordon',
      pod: { owner: 'ReplicaSet/a', spec: { tolerations } },
      gives: /^came .*tolerates/,
    },
    {
      name: 'a late pod that tolerates all taints',
      pod: { owner: 'ReplicaSet/a', spec: { tolerations: [{ operator: 'Exists' }] } },
      gives: /^came/,
    },
    {
      name: 'a late pod that came again',
      pod: { owner: 'ReplicaSet/a' },
      chased: 'shop/ReplicaSet/a',
      gives: /^came .*came again/,
    },
    { name: 'a latecomer that may not be evicted', pod: {}, gives: /^came .*has no controller/ },
    {
      name: 'a late pod of a DaemonSet',
      pod: { owner: 'DaemonSet/a', spec: { tolerations } },
      gives: 'nothing',
    },
    {
      name: 'a late pod whose DaemonSet is gone',
      pod: { owner: 'DaemonSet/a' },
      daemonSet: 'missing',
      gives: /^came .*does not exist any more/,
    },
    { name: 'a mirror pod', pod: { mirror: true }, gives: 'nothing' },
    {
      name: 'a pod that has completed',
      pod: { phase: 'Succeeded', spec: { tolerations } },
      gives: 'nothing',
    },
    {
      name: 'a pod that the selector leaves out',
      pod: {},
      options: { podSelector: 'app=web' },
      gives: /^left .*pod_selector/,
    },
    {
      name: 'a pod that is long overdue',
      pod: { owner: 'ReplicaSet/a', deleted: '2024-05-01T10:00:00Z' },
      options: { skipWaitForDeleteTimeout: 60 },
      gives: /^left .*skip_wait_for_delete_timeout/,
    },
  ];
  it.each(rows)('$name', ({ pod: shape, options, chased, daemonSet = 'found', gives }) => {
    const context = {
      options: drainOptions(options),
      now: Date.parse('2024-05-01T12:00:00Z'),
      daemonSet: () =>
        (daemonSet === 'missing' ? { kind: 'missing' } : { kind: 'found' }) as DaemonSetLookup,
      isSelected: () => options?.podSelector === undefined,
    };
    const { late, stays } = sortOut([pod(shape)], context, {
      asked: new Map(),
      chased: new Set(chased === undefined ? [] : [chased]),
    });
    const [stay] = stays;
    const text =
      stay === undefined
        ? late.length === 1
          ? 'late'
          : 'nothing'
        : `${stay.came ? 'came' : 'left'} ${stay.why}`;
    expect(text).toMatch(gives);
  });

  it('pods that were evicted already are skipped', () => {
    const context = {
      options: drainOptions(),
      now: 0,
      daemonSet: () => ({ kind: 'found' }) as const,
    };
    const asked = pod({ owner: 'ReplicaSet/a' });
    expect(
      sortOut([asked], context, { asked: new Map([['uid-p', asked]]), chased: new Set() }),
    ).toEqual({ late: [], stays: [] });
  });
});

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(open.map((close) => close()));
});

async function lab() {
  const fake = await startFakeKube({ stopAfter: 30 });
  fake.addNode('n1');
  const cluster = clusterIn(fake);
  open.push(async () => {
    cluster.close();
    await fake.stop();
  });
  const evictions = (name: string): number =>
    fake.seen.filter(({ path }) => path.endsWith(`/${name}/eviction`)).length;
  return { fake, cluster, evictions };
}

/** The pod still exists when its replacement comes. */
const slow = { annotations: { 'fake/stop': '500' } };

/**
 * Binds all at once after the first eviction, like a scheduler that has not seen the cordon yet.
 */
const onFirstEviction = (fake: FakeKube, act: () => void): void => {
  let done = false;
  fake.afterEviction(() => {
    if (done) return;
    done = true;
    act();
  });
};

const of = (name: string, more: Partial<PodSpec> = {}): PodSpec => ({
  name,
  owner: { kind: 'ReplicaSet', name },
  ...more,
});

describe.skipIf(!haveOpenssl)(
  `an empty node${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`,
  () => {
    it('evicts a pod that was bound to it after the first list', async () => {
      const { fake, cluster } = await lab();
      fake.addPod(of('web'));
      onFirstEviction(fake, () => fake.addPod(of('late')));
      const result = value((await cordonAndDrain(cluster, drainOptions())).outcome);
      expect(result).toMatchObject({ evicted: ['shop/web', 'shop/late'], left: [], arrived: [] });
      expect(fake.pods.size).toBe(0);
    });

    it('evicts a pod that always comes again once, names it and fails the drain', async () => {
      const { fake, cluster, evictions } = await lab();
      let came = 0;
      fake.addPod(of('web', slow));
      // Each time before the one that was evicted is gone, as its controller does it.
      fake.afterEviction(() => {
        came += 1;
        fake.addPod(of(`late-${came}`, { owner: { kind: 'ReplicaSet', name: 'late' }, ...slow }));
      });
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 3 }));
      expect(failure(outcome)).toMatchObject({
        kind: 'timeout',
        hint: expect.stringContaining('left_behind: accept'),
      });
      expect(failure(outcome).message).toMatch(
        /pods gone; also on the node: shop\/late-2 \(came again although the node is cordoned/,
      );
      expect([1, 2, 3].map((index) => evictions(`late-${index}`))).toEqual([1, 0, 0]);
    });

    it('evicts a pod that tolerates the cordon once; when it is back, the drain names it and waits', async () => {
      const { fake, cluster, evictions } = await lab();
      const shape = { spec: { tolerations }, owner: { kind: 'ReplicaSet', name: 'web' }, ...slow };
      fake.addPod(of('web-1', shape));
      onFirstEviction(fake, () => fake.addPod(of('web-2', shape)));
      setTimeout(() => fake.remove(fake.pods.get('shop/web-2')), 5_000);
      const { outcome, said, seconds } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 20 }),
      );
      expect(value(outcome)).toMatchObject({ evicted: ['shop/web-1'], arrived: [] });
      expect(said.join('\n')).toMatch(
        /1 of 1 pods gone; also on the node: shop\/web-2 \(came after the cordon, which it tolerates/,
      );
      expect(seconds).toBeGreaterThan(3.5);
      expect([evictions('web-1'), evictions('web-2')]).toEqual([1, 0]);
    });

    it('ignores a pod that completes while the drain waits', async () => {
      const { fake, cluster } = await lab();
      fake.addPod({ name: 'job', labels: { app: 'job' } });
      setTimeout(() => (fake.pods.get('shop/job').status.phase = 'Succeeded'), 500);
      const { outcome } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 15, podSelector: 'app=web' }),
      );
      expect(value(outcome)).toMatchObject({ evicted: [], left: [] });
    });

    it.each([
      ['pod_selector', of('other'), { podSelector: 'app=web' }],
      [
        'skip_wait_for_delete_timeout',
        of('old', { deletionTimestamp: '2024-05-01T10:00:00Z' }),
        { skipWaitForDeleteTimeout: 60 },
      ],
    ])(
      'what %s leaves fails the drain at its timeout, and is named where that is accepted',
      async (name, left, options) => {
        const { fake, cluster } = await lab();
        fake.addPod(left);
        fake.addPod({ name: 'agent', owner: { kind: 'DaemonSet', name: 'agent' } });
        fake.daemonSets.add('shop/agent');
        const { outcome, seconds } = await cordonAndDrain(
          cluster,
          drainOptions({ ...options, timeout: 1.5 }),
        );
        expect(failure(outcome)).toMatchObject({
          kind: 'timeout',
          message: expect.stringMatching(`shop/${left.name} \\(.*${name}`),
        });
        expect(seconds).toBeGreaterThan(1.4);
        const accepted = await cluster.drain(
          'n1',
          drainOptions({ ...options, leftBehind: 'accept' }),
          owner,
          () => undefined,
        );
        expect(value(accepted)).toMatchObject({
          evicted: [],
          left: [`shop/${left.name}`],
          arrived: [],
        });
      },
    );

    describe('volumes', () => {
      const mount = (fake: FakeKube, volumesInUse: readonly string[]) =>
        fake.changeNode('n1', { status: { volumesInUse } });

      it('that are mounted are waited for', async () => {
        const { fake, cluster } = await lab();
        fake.addPod(of('db'));
        mount(fake, [volume]);
        setTimeout(() => mount(fake, []), 2_500);
        const { outcome, said, seconds } = await cordonAndDrain(
          cluster,
          drainOptions({ timeout: 20 }),
        );
        expect(value(outcome)).toMatchObject({ evicted: ['shop/db'], left: [] });
        expect(said.join('\n')).toContain(
          `1 of 1 pods gone; also on the node: volume ${volume} (mounted, and no pod uses it)`,
        );
        expect(seconds).toBeGreaterThan(2.4);
      });

      it('that stay mounted fail the drain, or are named if that is accepted', async () => {
        const { fake, cluster } = await lab();
        fake.addPod(of('db'));
        mount(fake, [volume]);
        const refused = await cordonAndDrain(cluster, drainOptions({ timeout: 2 }));
        expect(failure(refused.outcome).message).toContain(`volume ${volume}`);
        const accepted = await cluster.drain(
          'n1',
          drainOptions({ timeout: 2, leftBehind: 'accept' }),
          owner,
          () => undefined,
        );
        expect(value(accepted).left).toEqual([`volume ${volume}`]);
      });

      it('on a dead node are not waited for if they may be left behind', async () => {
        const { fake, cluster } = await lab();
        mount(fake, [volume]);
        fake.changeNode('n1', { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
        const options = drainOptions({
          timeout: 20,
          deadNodeSkipWaitAfter: 1,
          leftBehind: 'accept',
        });
        const { outcome, seconds } = await cordonAndDrain(cluster, options);
        expect(value(outcome).left).toEqual([`volume ${volume}`]);
        expect(seconds).toBeLessThan(5);
      });

      it.each([
        [
          'a claim',
          { persistentVolumeClaim: { claimName: 'data' } },
          'data',
          { csi: { driver: 'disk.example', volumeHandle: 'vol-1' } },
        ],
        [
          'an ephemeral claim',
          { ephemeral: {} },
          'agent-v',
          { csi: { driver: 'disk.example', volumeHandle: 'vol-1' } },
        ],
        [
          'a claim of another volume',
          { persistentVolumeClaim: { claimName: 'data' } },
          'data',
          { csi: { volumeHandle: '1' } },
        ],
        ['a disk of its own', { gcePersistentDisk: { pdName: 'vol-1' } }, undefined, {}],
        [
          'a claim that may not be read',
          { persistentVolumeClaim: { claimName: 'secret' } },
          undefined,
          {},
        ],
      ])('of a pod that stays may stay: %s', async (name, source, claim, spec) => {
        const { fake, cluster } = await lab();
        fake.addPod({
          name: 'agent',
          owner: { kind: 'DaemonSet', name: 'agent' },
          spec: { volumes: [{ name: 'v', ...source }] },
        });
        fake.daemonSets.add('shop/agent');
        mount(fake, [volume]);
        fake.faults(({ path }) => {
          if (path === `/api/v1/namespaces/shop/persistentvolumeclaims/${claim}`)
            return { status: 200, body: { spec: { volumeName: 'pv-7' } } };
          if (path === '/api/v1/persistentvolumes/pv-7') return { status: 200, body: { spec } };
          if (path.includes('persistentvolumeclaims'))
            return {
              status: 403,
              body: { kind: 'Status', message: 'pvc is forbidden: User x cannot get ' },
            };
          return undefined;
        });
        const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 1.5 }));
        if (name.includes('another'))
          expect(failure(outcome).message).toContain('mounted, and no pod uses it');
        else if (name.includes('may not'))
          expect(failure(outcome).message).toMatch(
            /whose it is cannot be read: .*may not get persistentvolumeclaims/,
          );
        else expect(value(outcome)).toMatchObject({ left: [] });
      });
    });

    it('law: a drain succeeds only if the node is empty, or if it names everything left on it', async () => {
      const { fake, cluster } = await lab();
      const kinds = [
        'web',
        'stuck',
        'daemon',
        'mirror',
        'done',
        'ending',
        'tolerating',
        'unselected',
      ] as const;
      const shapeOf = (kind: (typeof kinds)[number], name: string): PodSpec => {
        const labels = { app: kind === 'unselected' ? 'other' : 'web' };
        if (kind === 'mirror')
          return { name, labels, annotations: { 'kubernetes.io/config.mirror': 'x' } };
        if (kind === 'daemon') return { name, labels, owner: { kind: 'DaemonSet', name: 'agent' } };
        const more: Partial<PodSpec> = {
          ...(kind === 'stuck' ? { annotations: { 'fake/stop': 'never' } } : {}),
          ...(kind === 'done' ? { phase: 'Succeeded' } : {}),
          ...(kind === 'ending'
            ? { deletionTimestamp: '2024-05-01T10:00:00Z', annotations: { 'fake/stop': 'never' } }
            : {}),
          ...(kind === 'tolerating' ? { spec: { tolerations } } : {}),
        };
        return of(name, { labels, ...more });
      };
      const pods = fc.array(fc.constantFrom(...kinds), { maxLength: 5 });
      const flags = fc.record(
        {
          podSelector: fc.constant('app=web'),
          skipWaitForDeleteTimeout: fc.constant(60),
          leftBehind: fc.constant('accept' as const),
        },
        { requiredKeys: [] },
      );
      let ends = 0;
      await fc.assert(
        fc.asyncProperty(pods, pods, fc.boolean(), flags, async (first, late, mounted, options) => {
          fake.pods.clear();
          fake.daemonSets.add('shop/agent');
          fake.changeNode('n1', { status: { volumesInUse: mounted ? [volume] : [] } });
          first.forEach((kind, index) => void fake.addPod(shapeOf(kind, `first-${index}`)));
          onFirstEviction(fake, () =>
            late.forEach((kind, index) => void fake.addPod(shapeOf(kind, `late-${index}`))),
          );
          value(await cluster.cordon('n1', owner));
          const drained = await cluster.drain(
            'n1',
            drainOptions({ ...options, timeout: 0.7 }),
            owner,
            () => undefined,
          );
          fake.afterEviction(() => undefined);
          value(await cluster.uncordon('n1', owner));
          if (!drained.ok) return;
          ends += 1;
          const working = [...fake.pods.values()].filter(
            ({ metadata, status }) =>
              metadata.ownerReferences?.[0].kind !== 'DaemonSet' &&
              metadata.annotations['kubernetes.io/config.mirror'] === undefined &&
              status.phase !== 'Succeeded',
          );
          const there = [
            ...working.map(({ metadata }) => `shop/${metadata.name}`),
            ...(mounted ? [`volume ${volume}`] : []),
          ];
          const named = [...drained.value.left, ...drained.value.arrived];
          expect(named.toSorted()).toEqual(there.toSorted());
          if (options.leftBehind === undefined) expect(named).toEqual([]);
        }),
        {
          numRuns: 20,
          examples: [
            [['web'], ['web', 'tolerating'], true, { leftBehind: 'accept' }],
            [['web'], [], true, {}],
            [['web'], ['tolerating'], false, {}],
          ],
        },
      );
      expect(ends).toBeGreaterThan(3);
    });
  },
);
