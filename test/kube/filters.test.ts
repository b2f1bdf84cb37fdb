// The decision table of a drain: the situations in the tests of `kubectl drain`, and the order of
// the filters.
import { describe, expect, it } from 'vitest';
import {
  type DaemonSetLookup,
  daemonSetsOf,
  decidePod,
  selectPods,
} from '../../src/adapters/kube/objects/filters.ts';
import type { PodObject } from '../../src/adapters/kube/objects/objects.ts';
import { drainOptions, type PodShape, pod } from './pods.ts';

const now = Date.parse('2024-05-01T12:00:00Z');

interface Row {
  readonly name: string;
  readonly pod: PodShape;
  readonly flags?: Parameters<typeof drainOptions>[0];
  readonly daemonSet?: DaemonSetLookup;
  readonly gives: 'evict' | 'leave' | 'refuse';
  readonly says?: RegExp;
}

const none = { ignoreDaemonsets: false };
const rows: readonly Row[] = [
  {
    name: 'a pod of a replication controller goes',
    pod: { owner: 'ReplicationController/rc' },
    flags: none,
    gives: 'evict',
  },
  {
    name: 'a pod of a replica set goes',
    pod: { owner: 'ReplicaSet/rs' },
    flags: none,
    gives: 'evict',
  },
  { name: 'a pod of a job goes', pod: { owner: 'Job/j' }, flags: none, gives: 'evict' },
  {
    name: 'a pod of a stateful set goes',
    pod: { owner: 'StatefulSet/db' },
    flags: none,
    gives: 'evict',
  },
  {
    name: 'a DaemonSet pod is refused without the flag',
    pod: { owner: 'DaemonSet/ds' },
    flags: none,
    gives: 'refuse',
    says: /ignore_daemonsets/,
  },
  { name: 'a DaemonSet pod stays with the flag', pod: { owner: 'DaemonSet/ds' }, gives: 'leave' },
  {
    name: 'a DaemonSet pod with an emptyDir stays with that flag alone',
    pod: { owner: 'DaemonSet/ds', emptyDir: true },
    gives: 'leave',
  },
  {
    name: 'a finished DaemonSet pod goes',
    pod: { owner: 'DaemonSet/ds', phase: 'Succeeded' },
    flags: none,
    gives: 'evict',
  },
  {
    name: 'a pod whose DaemonSet is gone is refused',
    pod: { owner: 'DaemonSet/ds' },
    daemonSet: { kind: 'missing' },
    gives: 'refuse',
    says: /force/,
  },
  {
    name: 'a pod whose DaemonSet is gone goes with force',
    pod: { owner: 'DaemonSet/ds' },
    flags: { force: true },
    daemonSet: { kind: 'missing' },
    gives: 'evict',
    says: /does not exist/,
  },
  { name: 'a bare pod is refused', pod: {}, gives: 'refuse', says: /no controller/ },
  {
    name: 'a bare pod goes with force',
    pod: {},
    flags: { force: true },
    gives: 'evict',
    says: /no controller/,
  },
  { name: 'a bare pod that has finished goes', pod: { phase: 'Failed' }, gives: 'evict' },
  {
    name: 'a pod with an emptyDir is refused',
    pod: { owner: 'ReplicaSet/rs', emptyDir: true },
    gives: 'refuse',
    says: /emptyDir scratch/,
  },
  {
    name: 'a pod with an emptyDir goes when its data may be lost',
    pod: { owner: 'ReplicaSet/rs', emptyDir: true },
    flags: { deleteEmptydirData: true },
    gives: 'evict',
    says: /data is lost/,
  },
  {
    name: 'a mirror pod stays, whatever the flags',
    pod: { mirror: true, emptyDir: true },
    flags: none,
    gives: 'leave',
  },
  {
    name: 'a pod that is long overdue stays with the skip flag',
    pod: { deleted: '2024-05-01T11:58:00Z' },
    flags: { skipWaitForDeleteTimeout: 60 },
    gives: 'leave',
  },
];

const further: readonly Row[] = [
  {
    name: 'an orphaned DaemonSet pod with an emptyDir needs both',
    pod: { owner: 'DaemonSet/ds', emptyDir: true },
    flags: { force: true },
    daemonSet: { kind: 'missing' },
    gives: 'refuse',
    says: /emptyDir/,
  },
  {
    name: 'a DaemonSet that cannot be read is a refusal',
    pod: { owner: 'DaemonSet/ds' },
    flags: { force: true },
    daemonSet: { kind: 'error', why: 'may not get daemonsets' },
    gives: 'refuse',
    says: /may not get/,
  },
  {
    name: 'a pod just deleted is not skipped yet',
    pod: { owner: 'ReplicaSet/rs', deleted: '2024-05-01T11:59:30Z' },
    flags: { skipWaitForDeleteTimeout: 60 },
    gives: 'evict',
  },
  {
    name: 'a pod deleted long ago is evicted again without the skip flag',
    pod: { owner: 'ReplicaSet/rs', deleted: '2024-05-01T10:00:00Z' },
    gives: 'evict',
  },
  {
    name: 'a finished pod with an emptyDir goes without that flag',
    pod: { owner: 'Job/j', emptyDir: true, phase: 'Succeeded' },
    gives: 'evict',
  },
];

describe('the pods that a drain evicts', () => {
  it('covers the seventeen situations of kubectl', () => expect(rows).toHaveLength(17));
  it.each([...rows, ...further])(
    '$name',
    ({ pod: shape, flags, daemonSet = { kind: 'found' }, gives, says }) => {
      const decision = decidePod(pod(shape), {
        options: drainOptions(flags),
        daemonSet: () => daemonSet,
        now,
      });
      expect(decision.kind).toBe(gives);
      const text =
        decision.kind === 'refuse'
          ? decision.why
          : decision.kind === 'evict'
            ? decision.warnings.join()
            : '';
      if (says !== undefined) expect(text).toMatch(says);
      else if (gives !== 'leave') expect(text).toBe('');
    },
  );

  it('are the same for evictions and deletions', () => {
    for (const { pod: shape, flags, daemonSet = { kind: 'found' as const }, gives } of rows) {
      const options = drainOptions({ ...flags, disableEviction: true });
      expect(decidePod(pod(shape), { options, daemonSet: () => daemonSet, now }).kind).toBe(gives);
    }
  });

  it('are listed apart from those that stay and those that an option leaves', () => {
    const pods = [
      pod({ name: 'late', owner: 'ReplicaSet/a', deleted: '2024-05-01T10:00:00Z' }),
      pod({ name: 'agent', owner: 'DaemonSet/agent' }),
      pod({ name: 'etcd', mirror: true }),
      pod({ name: 'web', owner: 'ReplicaSet/b' }),
      pod({ name: 'other', owner: 'ReplicaSet/b', labels: { app: 'other' } }),
      pod({ name: 'over', labels: { app: 'other' }, phase: 'Succeeded' }),
      pod({ name: 'other-agent', owner: 'DaemonSet/agent', labels: { app: 'other' } }),
      pod({ name: 'other-etcd', mirror: true, labels: { app: 'other' } }),
    ];
    const options = drainOptions({ skipWaitForDeleteTimeout: 60 });
    const isSelected = ({ metadata }: PodObject) => metadata?.labels?.app !== 'other';
    const selection = selectPods(pods, {
      options,
      daemonSet: () => ({ kind: 'found' }),
      now,
      isSelected,
    });
    const names = (chosen: readonly { readonly metadata?: { readonly name?: string } }[]) =>
      chosen.map((item) => item.metadata?.name);
    expect([names(selection.evict), names(selection.leave)]).toEqual([
      ['web'],
      ['late', 'agent', 'etcd', 'other', 'over', 'other-agent', 'other-etcd'],
    ]);
    expect(selection.left.map(({ pod: { metadata }, why }) => `${metadata?.name}: ${why}`)).toEqual(
      [
        'late: ending for longer than skip_wait_for_delete_timeout',
        'other: pod_selector leaves it out',
      ],
    );
  });

  it('need each DaemonSet of running pods once', () => {
    const pods = [
      pod({ name: 'a', owner: 'DaemonSet/agent' }),
      pod({ name: 'b', owner: 'DaemonSet/agent' }),
      pod({ name: 'c', owner: 'DaemonSet/agent', namespace: 'zoo' }),
      pod({ name: 'd', owner: 'DaemonSet/done', phase: 'Succeeded' }),
      pod({ name: 'e', owner: 'ReplicaSet/web' }),
      pod({ name: 'f' }),
    ];
    expect(daemonSetsOf(pods)).toEqual(['shop/agent', 'zoo/agent']);
  });

  it('may have a volume that is null, which is not an emptyDir', () => {
    const odd = pod({
      owner: 'ReplicaSet/rs',
      spec: { volumes: [{ name: 'v', emptyDir: null as never }] },
    });
    expect(
      decidePod(odd, { options: drainOptions(), daemonSet: () => ({ kind: 'found' }), now }).kind,
    ).toBe('evict');
  });

  it('are refused with all reasons at once', () => {
    const pods = [
      pod({ name: 'bare' }),
      pod({ name: 'tmp', owner: 'ReplicaSet/a', emptyDir: true }),
      pod({ name: 'web', owner: 'ReplicaSet/b' }),
    ];
    const selection = selectPods(pods, {
      options: drainOptions(),
      daemonSet: () => ({ kind: 'found' }),
      now,
    });
    expect(selection.refused).toHaveLength(2);
    expect(selection.evict.map((item) => item.metadata?.name)).toEqual(['web']);
  });
});
