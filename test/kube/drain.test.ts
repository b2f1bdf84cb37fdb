// Drains of a node on a fake API server over real TLS: which pods go, what is retried, and what
// ends the drain.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type ClusterOptions,
  type KubeCluster,
  ownerAnnotation,
} from '../../src/adapters/kube/index.ts';
import type { DrainOptions } from '../../src/model/run/effect.ts';
import {
  type FakeKube,
  type FakeKubeOptions,
  type Fault,
  type PodSpec,
  type Seen,
  startFakeKube,
} from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, cordonAndDrain, failure, owner, sleep, value } from './cluster-on.ts';
import { drainOptions } from './pods.ts';

skipWaits();

const title = `draining a node${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`;

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(open.map((close) => close()));
});

interface Lab {
  readonly fake: FakeKube;
  readonly cluster: KubeCluster;
}

async function lab(server?: FakeKubeOptions, options?: Partial<ClusterOptions>): Promise<Lab> {
  const fake = await startFakeKube(server);
  fake.addNode('n1');
  const cluster = clusterIn(fake, options);
  open.push(async () => {
    cluster.close();
    await fake.stop();
  });
  return { fake, cluster };
}

/** Pods of one ReplicaSet: web-0, web-1 and so on. */
const web = (count: number, more: Partial<PodSpec> = {}): readonly PodSpec[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `web-${index}`,
    owner: { kind: 'ReplicaSet', name: 'web' },
    labels: { app: 'web' },
    ...more,
  }));
const stuck = { annotations: { 'fake/stop': 'never' } };
const endsAfter = (milliseconds: number): Partial<PodSpec> => ({
  annotations: { 'fake/stop': String(milliseconds) },
});
const replica = (name: string, more: Partial<PodSpec> = {}): PodSpec => ({
  name,
  owner: { kind: 'ReplicaSet', name },
  ...more,
});

const isEviction = ({ path }: { readonly path: string }): boolean => path.endsWith('/eviction');
const isWatch = ({ query }: Seen): boolean => query.get('watch') === '1';
const isPodList = ({ method, path }: Seen): boolean => method === 'GET' && path === '/api/v1/pods';
const status = (
  code: number,
  message: string,
  more: object = {},
): Exclude<Fault, string | undefined> => ({
  status: code,
  body: { kind: 'Status', message, ...more },
});
/** Evictions only. */
const faultyEvictions =
  (fault: Fault, name = '') =>
  ({ fake }: Lab): void =>
    fake.faults((seen) => (isEviction(seen) && seen.path.includes(name) ? fault : undefined));
const after =
  (milliseconds: number, act: (lab: Lab) => void) =>
  (on: Lab): void =>
    void setTimeout(() => act(on), milliseconds);
const afterEviction =
  (act: (lab: Lab, pod: Parameters<FakeKube['emit']>[1]) => void) =>
  (on: Lab): void =>
    on.fake.afterEviction((pod) => act(on, pod));
const allows = (fake: FakeKube): void => {
  for (const pdb of fake.pdbs) pdb.status.disruptionsAllowed = 1;
};
const budget = ({ fake }: Lab): void => void fake.addPdb('web', { app: 'web' });
const neverAllows = ({ fake }: Lab): void =>
  void fake.addPdb(
    'web',
    { app: 'web' },
    { spec: { minAvailable: 2 }, status: { desiredHealthy: 2 } },
  );
const allOf =
  (...acts: readonly ((lab: Lab) => void)[]) =>
  (on: Lab): void => {
    for (const act of acts) act(on);
  };

interface Row {
  readonly name: string;
  readonly server?: FakeKubeOptions;
  readonly pods?: readonly PodSpec[];
  /** What else exists, and what happens during the drain. */
  readonly world?: (lab: Lab) => void;
  readonly options?: Partial<DrainOptions>;
  /** Names of evicted pods, or their number. */
  readonly evicted?: readonly string[] | number;
  /** Further fields of the result. */
  readonly result?: object;
  readonly failure?: {
    readonly kind: string;
    readonly says?: RegExp;
    readonly neverSays?: RegExp;
    readonly hint?: string;
  };
  /** Seconds: at least, and less than. */
  readonly seconds?: readonly [number, number];
  /** Number of calls whose "METHOD path" matches: exact, or a range. */
  readonly calls?: readonly (readonly [RegExp, number | readonly [number, number]])[];
  /** Pods that remain in the cluster. */
  readonly left?: readonly string[];
  readonly cordoned?: boolean;
  readonly check?: (lab: Lab & { readonly said: readonly string[] }) => void;
}

async function holds(row: Row): Promise<void> {
  const on = await lab(row.server);
  const { fake, cluster } = on;
  for (const pod of row.pods ?? []) fake.addPod(pod);
  row.world?.(on);
  const { outcome, said, seconds } = await cordonAndDrain(cluster, drainOptions(row.options));
  if (row.failure === undefined) {
    const { evicted } = value(outcome);
    expect(typeof row.evicted === 'number' ? evicted.length : evicted).toEqual(row.evicted ?? []);
    expect(outcome).toMatchObject({ value: row.result ?? {} });
  } else {
    const { kind, says = /./, neverSays = /^$/, hint } = row.failure;
    const failed = failure(outcome);
    expect(failed.kind).toBe(kind);
    expect(failed.message).toMatch(says);
    expect(failed.message).not.toMatch(neverSays);
    if (hint !== undefined) expect(failed.hint).toBe(hint);
  }
  const [from, below] = row.seconds ?? [0, Number.POSITIVE_INFINITY];
  expect(seconds).toBeGreaterThanOrEqual(from);
  expect(seconds).toBeLessThan(below);
  for (const [pattern, times] of row.calls ?? []) {
    const made = fake.seen.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length;
    const [least, most] = typeof times === 'number' ? [times, times] : times;
    expect([pattern, made >= least && made <= most, made]).toEqual([pattern, true, made]);
  }
  if (row.left !== undefined) expect([...fake.pods.keys()]).toEqual(row.left);
  if (row.cordoned !== undefined)
    expect(fake.nodes.get('n1').spec.unschedulable === true).toBe(row.cordoned);
  row.check?.({ ...on, said });
}

const evictions = /eviction$/;
const deletions = /^DELETE/;
const nodeReads = /^GET \/api\/v1\/nodes\/n1$/;
const podLists = /^GET \/api\/v1\/pods$/;

const whatGoes: readonly Row[] = [
  {
    name: 'evicts what must go, leaves DaemonSet and mirror pods, and ends when the API server shows none of the evicted pods',
    pods: [
      ...web(3),
      { name: 'agent', owner: { kind: 'DaemonSet', name: 'agent' }, emptyDir: true },
      { name: 'etcd', annotations: { 'kubernetes.io/config.mirror': 'x' } },
    ],
    world: ({ fake }) => void fake.daemonSets.add('shop/agent'),
    evicted: ['shop/web-0', 'shop/web-1', 'shop/web-2'],
    result: { left: [], arrived: [] },
    left: ['shop/agent', 'shop/etcd'],
    cordoned: true,
  },
  {
    name: 'makes few calls beside the evictions, and starts its watch after the last eviction',
    server: { stopAfter: 1_200 },
    pods: web(40),
    evicted: 40,
    // Cordon (2), version, read of the node, three lists (before, after the evictions, at the end);
    // another look in case it takes long.
    calls: [
      [evictions, 40],
      [/./, [41, 41 + 9]],
      [nodeReads, [2, 9]],
    ],
    check: ({ fake, cluster }) => {
      expect(fake.seen.filter(isWatch)).toHaveLength(1);
      expect(fake.seen.findIndex(isWatch)).toBeGreaterThan(fake.seen.findLastIndex(isEviction));
      // The watch sends one line per change of a pod: the whole drain takes half a kilobyte a
      // pod.
      expect(cluster.stats().received).toBeLessThan(20_000);
    },
  },
  {
    name: 'needs one list for a node without pods',
    evicted: 0,
    calls: [[podLists, 1]],
  },
  {
    name: 'uses the eviction version of the server',
    server: { modern: true },
    pods: web(1),
    evicted: 1,
    check: ({ fake }) => expect(fake.seen.find(isEviction)?.body.apiVersion).toBe('policy/v1'),
  },
  {
    name: 'refuses before the first eviction, with all reasons; the caller uncordons the node',
    pods: [...web(1), { name: 'bare' }, replica('tmp', { emptyDir: true })],
    failure: {
      kind: 'blocked',
      says: /shop\/bare: has no controller.*shop\/tmp: has local storage/,
    },
    calls: [[evictions, 0]],
    cordoned: true,
  },
  {
    name: 'sends the grace period, for deletions too',
    server: { stopAfter: 60_000 },
    pods: web(1),
    options: { gracePeriod: 1, disableEviction: true },
    evicted: 1,
    calls: [[evictions, 0]],
    check: ({ fake }) =>
      expect(fake.seen.find(({ method }) => method === 'DELETE')?.body).toMatchObject({
        gracePeriodSeconds: 1,
      }),
  },
  {
    name: 'with fallback_without_eviction deletes nothing if the server has an eviction API: the budget is kept until the deadline',
    pods: web(2),
    world: neverAllows,
    options: { timeout: 4, fallbackWithoutEviction: true },
    failure: { kind: 'timeout', says: /can never allow/ },
    calls: [[deletions, 0]],
    left: ['shop/web-0', 'shop/web-1'],
  },
  {
    name: 'deletes nothing by default if the server has no eviction API',
    server: { noEviction: true },
    pods: web(2),
    failure: {
      kind: 'blocked',
      says: /offers no eviction \(fallback_without_eviction deletes the pods instead, and breaks/,
    },
    calls: [
      [deletions, 0],
      [evictions, 0],
    ],
  },
  ...[{ fallbackWithoutEviction: true }, { disableEviction: true }].map(
    (options): Row => ({
      name: `where the server offers no eviction, ${JSON.stringify(options)} deletes the pods`,
      server: { noEviction: true },
      pods: web(2),
      options,
      evicted: 2,
      calls: [
        [deletions, 2],
        [evictions, 0],
      ],
    }),
  ),
  {
    name: 'lists many pods once more before it starts a watch',
    server: { stopAfter: 1_800 },
    pods: web(80),
    evicted: 80,
    check: ({ fake }) => {
      expect(fake.seen.some(isWatch)).toBe(false);
      expect(fake.seen.filter(isPodList)).toHaveLength(3);
    },
  },
];

const budgets: readonly Row[] = [
  {
    name: 'waits for a busy budget, and names it',
    pods: web(2),
    world: allOf(
      ({ fake }) => void fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 1 } }),
      afterEviction(({ fake }) => void setTimeout(() => allows(fake), 2_500)),
    ),
    options: { timeout: 20 },
    evicted: 2,
    check: ({ said }) =>
      expect(said.join('\n')).toMatch(
        /1 of 2 pods gone; still there: shop\/web-\d \(PDB web allows 0 of 2 \(minAvailable 1; 2 healthy, 1 needed\)\)/,
      ),
  },
  {
    name: 'keeps its deadline under a budget that never allows, and retries every 1 to 2 s',
    pods: web(2),
    world: neverAllows,
    options: { timeout: 3 },
    failure: {
      kind: 'timeout',
      says: /not done within 3 s: 0 of 2 pods gone.*PDB web allows 0 of 2 \(minAvailable 2\): it can never allow one/,
      hint: 'a PDB can never allow an eviction: give its workload one more replica, or change the PDB; `drain: {single_replica: restart}` moves a single replica of a Deployment',
    },
    seconds: [2.9, 3.8],
    calls: [[evictions, [1, 8]]],
  },
];

const pods: readonly Row[] = [
  {
    name: 'ends a watch without events at the deadline',
    pods: web(1, stuck),
    options: { timeout: 2 },
    failure: { kind: 'timeout', says: /shop\/web-0 \(ending\)/ },
    seconds: [1.9, 2.8],
  },
  {
    name: 'does not report a pod as gone by a watch while a list still shows it',
    pods: web(1, stuck),
    world: afterEviction(({ fake }, pod) => void setTimeout(() => fake.emit('DELETED', pod), 100)),
    options: { timeout: 2 },
    failure: { kind: 'timeout', says: /0 of 1 pods gone/ },
  },
  {
    name: 'names the finalizer that delays a pod',
    pods: web(1, { finalizers: ['example.com/guard'] }),
    options: { timeout: 1 },
    failure: { kind: 'timeout', says: /ending, held by finalizer example\.com\/guard/ },
  },
  ...(
    [
      ['two budgets on one pod', 500, 'This pod has more than one PodDisruptionBudget'],
      ['a webhook that denies', 403, 'admission webhook "w" denied the request: no'],
      ['a webhook that is down', 500, 'failed calling webhook'],
      ['an answer that nobody knows', 418, 'teapot'],
    ] as const
  ).map(
    ([what, code, message]): Row => ({
      name: `one hard refusal (${what}) fails that pod at once while the others go on`,
      pods: web(3),
      world: faultyEvictions(status(code, message), '/web-1/'),
      options: { timeout: 20 },
      failure: {
        kind: 'blocked',
        says: new RegExp(`1 of 3 pods did not go: shop/web-1.*${message}`),
      },
      seconds: [0, 5],
      calls: [[/web-1\/eviction$/, 1]],
      left: ['shop/web-1'],
    }),
  ),
  {
    name: 'names the missing right if evictions are forbidden',
    server: { forbid: ['create pods/eviction'] },
    pods: web(1),
    failure: { kind: 'blocked', says: /may not create pods\/eviction \(403\)/ },
  },
  {
    name: 'waits for a pod whose namespace is being deleted',
    pods: web(1),
    world: allOf(
      faultyEvictions(
        status(403, 'forbidden', { details: { causes: [{ reason: 'NamespaceTerminating' }] } }),
      ),
      after(600, ({ fake }) => fake.remove(fake.pods.get('shop/web-0'))),
    ),
    evicted: ['shop/web-0'],
  },
  {
    name: 'does not evict a new pod with the name of an evicted one',
    pods: web(1, stuck),
    world: ({ fake }) => {
      let replaced = false;
      fake.faults((seen): Fault => {
        if (!isEviction(seen) || replaced) return undefined;
        replaced = true;
        fake.remove(fake.pods.get('shop/web-0'));
        fake.addPod({
          name: 'web-0',
          owner: { kind: 'StatefulSet', name: 'web' },
          spec: { tolerations: [{ operator: 'Exists' }] },
        });
        return undefined;
      });
    },
    options: { leftBehind: 'accept' },
    evicted: ['shop/web-0'],
    result: { arrived: ['shop/web-0'] },
    check: ({ fake }) =>
      expect(fake.pods.get('shop/web-0').metadata.deletionTimestamp).toBeUndefined(),
  },
];

const watchErrors: readonly Row[] = [
  {
    name: 'lists again after a lost connection',
    server: { stopAfter: 1_500 },
    pods: web(2),
    world: afterEviction(({ fake }) => void setTimeout(() => fake.cutWatches(), 300)),
    evicted: 2,
  },
  {
    name: 'lists again after a 410, which comes within a 200',
    server: { stopAfter: 1_000 },
    pods: web(2),
    world: ({ fake }) => {
      let forgot = false;
      fake.faults((seen) => {
        if (isWatch(seen) && !forgot) {
          forgot = true;
          fake.forgetHistory();
        }
        return undefined;
      });
    },
    evicted: 2,
  },
  {
    name: 'accepts whole pods from a server without Tables',
    server: { noTables: true, stopAfter: 900 },
    pods: web(3),
    evicted: 3,
    seconds: [0, 2],
  },
  {
    name: 'distinguishes pods of one name: the end of one in another namespace does not count',
    pods: [
      { name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' }, labels: { app: 'db' } },
      {
        name: 'db-0',
        owner: { kind: 'StatefulSet', name: 'db' },
        namespace: 'zoo',
        ...endsAfter(2_600),
      },
    ],
    world: allOf(
      ({ fake }) => void fake.addPdb('db', { app: 'db' }),
      after(3_500, ({ fake }) => allows(fake)),
    ),
    options: { timeout: 15 },
    evicted: ['shop/db-0', 'zoo/db-0'],
    seconds: [0, 8],
  },
  {
    // Between two lists: only the watch has seen it.
    name: 'ignores a short-lived pod of the same name in another namespace',
    pods: [...web(1), replica('slow', endsAfter(5_000))],
    world: allOf(
      budget,
      after(2_600, ({ fake }) => void fake.addPod({ name: 'web-0', namespace: 'zoo' })),
      after(2_700, ({ fake }) => fake.remove(fake.pods.get('zoo/web-0'))),
      after(6_000, ({ fake }) => allows(fake)),
    ),
    options: { timeout: 15 },
    evicted: ['shop/web-0', 'shop/slow'],
    check: ({ said }) => {
      const counted = said.filter((text) => text.includes('of 2 pods gone'));
      expect(counted.length).toBeGreaterThan(0);
      expect(counted.every((text) => text.includes('shop/web-0'))).toBe(true);
    },
  },
  {
    name: 'evicts a pod although a watch reported its end: only a list proves it',
    pods: [...web(1), replica('slow', endsAfter(6_000))],
    world: allOf(
      budget,
      after(2_600, ({ fake }) => fake.emit('DELETED', fake.pods.get('shop/web-0'))),
      after(5_000, ({ fake }) => allows(fake)),
    ),
    options: { timeout: 12 },
    evicted: ['shop/web-0', 'shop/slow'],
  },
  {
    name: 'polls if the account may not watch',
    server: { forbid: ['watch pods'], stopAfter: 500 },
    pods: web(2),
    options: { timeout: 10 },
    evicted: 2,
    check: ({ fake }) => expect(fake.seen.filter(isWatch)).toHaveLength(1),
  },
  {
    name: 'does not take a refused list (403) as proof that pods are gone',
    server: { stopAfter: 60_000 },
    pods: web(1),
    world: ({ fake }) => {
      let lists = 0;
      const refused = status(403, 'pods is forbidden: User "ann" cannot list resource "pods"');
      fake.faults((seen) => (isPodList(seen) && ++lists > 1 ? refused : undefined));
    },
    options: { timeout: 2 },
    failure: { kind: 'timeout' },
  },
];

const serverErrors: readonly Row[] = [
  {
    name: 'survives a restart of the API server',
    server: { stopAfter: 100 },
    pods: web(30),
    world: (on) => {
      let restarted = false;
      on.fake.afterEviction(() => {
        if (!restarted) setTimeout(() => void on.fake.restart(1_200), 0);
        restarted = true;
      });
    },
    options: { timeout: 20 },
    evicted: 30,
  },
  {
    // Without the word of the server it would have come again after two seconds at the latest.
    name: 'obeys Retry-After of an overloaded API server',
    pods: web(1),
    world: ({ fake }) => {
      let refused = 0;
      const overloaded = {
        status: 429,
        body: 'Too many requests, please try again later.',
        headers: { 'retry-after': '3' },
      };
      fake.faults((seen) => (isEviction(seen) && ++refused === 1 ? overloaded : undefined));
    },
    options: { timeout: 10 },
    evicted: 1,
    seconds: [2.9, 10],
  },
  {
    name: 'keeps its deadline if the API server hangs',
    pods: web(1),
    world: faultyEvictions('hang'),
    options: { timeout: 2 },
    failure: { kind: 'timeout' },
    seconds: [1.9, 2.8],
  },
];

const theirs = JSON.stringify({ run: 'r2', number: 1, wasUnschedulable: false, at: '' });

const whoseNodeItIs: readonly Row[] = [
  {
    name: 'ends as blocked if somebody uncordons the node during the drain',
    pods: web(2),
    world: allOf(
      budget,
      after(500, ({ fake }) => fake.changeNode('n1', { spec: { unschedulable: null } })),
    ),
    options: { timeout: 30 },
    failure: { kind: 'blocked', says: /uncordoned by somebody else/ },
    seconds: [0.4, 6],
  },
  {
    name: 'ends as fenced if another run takes the node, and leaves it to that run',
    pods: web(1),
    world: (on) => {
      budget(on);
      on.fake.faults((seen) => {
        if (isEviction(seen))
          on.fake.changeNode('n1', { metadata: { annotations: { [ownerAnnotation]: theirs } } });
        return undefined;
      });
    },
    options: { timeout: 30 },
    failure: { kind: 'fenced', neverSays: /uncordoned/ },
    cordoned: true,
    check: ({ fake }) =>
      expect(fake.nodes.get('n1').metadata.annotations[ownerAnnotation]).toBe(theirs),
  },
  {
    name: 'ends if the node object is deleted',
    pods: web(1, stuck),
    world: afterEviction(({ fake }) => void fake.nodes.delete('n1')),
    options: { timeout: 30 },
    failure: { kind: 'blocked', says: /is not in the cluster any more/ },
  },
  {
    name: 'reads the node once for a batch of evictions',
    pods: web(20),
    evicted: 20,
    calls: [[nodeReads, [1, 3]]],
  },
];

const dead = { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } };
const dies = ({ fake }: Lab): void => fake.changeNode('n1', dead);
/** A pod that is overdue by this many seconds. */
const endsSince =
  (seconds: number) =>
  ({ fake }: Lab): void => {
    const deletionTimestamp = new Date(Date.now() - seconds * 1000).toISOString();
    for (const pod of web(1, { ...stuck, deletionTimestamp })) fake.addPod(pod);
  };

const deadNodes: readonly Row[] = [
  {
    name: 'is not drained by default',
    pods: web(1),
    world: dies,
    failure: { kind: 'blocked', says: /is NotReady/ },
    calls: [[evictions, 0]],
  },
  {
    name: 'with left_behind: accept reports remaining pods as left, not as evicted',
    world: allOf(dies, endsSince(600)),
    options: { deadNodeSkipWaitAfter: 60, leftBehind: 'accept' },
    evicted: [],
    result: { left: ['shop/web-0'] },
  },
  {
    name: 'skips an evicted pod once it is overdue for long enough',
    pods: web(2, stuck),
    world: dies,
    options: { deadNodeSkipWaitAfter: 1, gracePeriod: 1, timeout: 20, leftBehind: 'accept' },
    evicted: [],
    result: { left: ['shop/web-0', 'shop/web-1'] },
    seconds: [1.9, 8],
  },
  {
    name: "counts a pod's own grace period where the drain has none, before it is late",
    pods: web(25, stuck),
    options: { gracePeriod: -1, skipWaitForDeleteTimeout: 0.1, timeout: 2, leftBehind: 'accept' },
    failure: { kind: 'timeout', says: /0 of 25 pods gone/ },
  },
  {
    name: 'that dies during the drain ends it after a minute, and not before',
    pods: web(1, stuck),
    world: afterEviction(dies),
    options: { timeout: 600 },
    failure: { kind: 'blocked', says: /became NotReady during the drain/ },
    seconds: [60, 80],
  },
  {
    name: 'skips no pod if the node is ready',
    world: endsSince(600),
    options: { deadNodeSkipWaitAfter: 60, timeout: 1.5, leftBehind: 'accept' },
    failure: { kind: 'timeout' },
  },
  {
    name: 'compares deletion times with the clock of the API server',
    server: { skew: -3600 },
    world: endsSince(3600 + 10),
    options: { skipWaitForDeleteTimeout: 60, timeout: 1.5, leftBehind: 'accept' },
    failure: { kind: 'timeout' },
  },
];

describe.skipIf(!haveOpenssl)(title, () => {
  it.each(whatGoes)('$name', holds);

  describe('under a budget', () => {
    it.each(budgets)('$name', holds);
  });

  describe('a pod that does not go', () => {
    it.each(pods)('$name', holds);
  });

  describe('errors of the watch', () => {
    it.each(watchErrors)('$name', holds);
  });

  describe('errors of the API server', () => {
    it.each(serverErrors)('$name', holds);

    it('are retried at the start of a drain', async () => {
      const { fake, cluster } = await lab();
      for (const pod of web(2)) fake.addPod(pod);
      value(await cluster.cordon('n1', owner));
      const back = fake.restart(1_500);
      const outcome = await cluster.drain(
        'n1',
        drainOptions({ timeout: 20 }),
        owner,
        () => undefined,
      );
      await back;
      expect(value(outcome).evicted).toHaveLength(2);
    });

    it.each(['rpc error: code = Internal desc = unexpected EOF', 'etcdserver: leader changed'])(
      'a store that does not answer each call of a drain the first time (%s) only makes it longer',
      async (message) => {
        const { fake, cluster } = await lab();
        for (const pod of web(2)) fake.addPod(pod);
        value(await cluster.cordon('n1', owner));
        const asked = new Set<string>();
        fake.faults(({ method, path }) => {
          const call = `${method} ${path}`;
          if (asked.has(call)) return undefined;
          asked.add(call);
          return status(500, message);
        });
        expect(
          value(await cluster.drain('n1', drainOptions({ timeout: 20 }), owner, () => undefined))
            .evicted,
        ).toHaveLength(2);
        expect([...asked].sort()).toEqual([
          'GET /api/v1',
          'GET /api/v1/nodes/n1',
          'GET /api/v1/pods',
          expect.stringContaining('POST'),
          expect.stringContaining('POST'),
        ]);
      },
    );
  });

  describe('ownership of the node', () => {
    it.each(whoseNodeItIs)('$name', holds);

    it('evicts nothing after an uncordon by somebody else', async () => {
      const on = await lab();
      for (const pod of web(2)) on.fake.addPod(pod);
      budget(on);
      setTimeout(() => on.fake.changeNode('n1', { spec: { unschedulable: null } }), 500);
      failure((await cordonAndDrain(on.cluster, drainOptions({ timeout: 30 }))).outcome);
      const before = on.fake.seen.filter(isEviction).length;
      await sleep(2_500);
      expect(on.fake.seen.filter(isEviction)).toHaveLength(before);
    });

    it('never evicts without its own cordon', async () => {
      const { fake, cluster } = await lab();
      for (const pod of web(1)) fake.addPod(pod);
      const outcome = await cluster.drain('n1', drainOptions(), owner, () => undefined);
      expect(failure(outcome).kind).toBe('blocked');
      expect(fake.seen.filter(isEviction)).toEqual([]);
    });
  });

  describe('a dead node', () => {
    it.each(deadNodes)('$name', holds);
  });

  describe('an interrupted drain', () => {
    it('ends at once and keeps the node for a resumed run', async () => {
      const { fake, cluster } = await lab();
      for (const pod of web(1, stuck)) fake.addPod(pod);
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 400);
      const { outcome, seconds } = await cordonAndDrain(
        cluster,
        drainOptions({ timeout: 30 }),
        stop.signal,
      );
      expect(failure(outcome)).toMatchObject({ kind: 'interrupted' });
      expect(seconds).toBeLessThan(1.5);
      expect(fake.nodes.get('n1').spec.unschedulable).toBe(true);
      value(await cluster.owns('n1', owner));
    });

    it('reports a pod as ending once its eviction was accepted', async () => {
      const { fake, cluster } = await lab({ stopAfter: 60_000 });
      for (const pod of web(30)) fake.addPod(pod);
      const stop = new AbortController();
      fake.afterEviction(() => setTimeout(() => stop.abort(), 500));
      const { outcome } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }), stop.signal);
      expect(failure(outcome).message).toContain('shop/web-0 (ending)');
      expect(failure(outcome).message).not.toContain('not asked');
    });
  });

  it('evicts 100 pods in a few seconds with few calls, within the limit of calls in flight', async () => {
    const { fake, cluster } = await lab({ stopAfter: 300, slow: 15 }, { inFlight: 7 });
    for (const pod of web(100)) fake.addPod(pod);
    let most = 0;
    const timer = setInterval(() => (most = Math.max(most, fake.inFlight())), 2);
    const { outcome, seconds } = await cordonAndDrain(cluster, drainOptions({ timeout: 30 }));
    clearInterval(timer);
    expect(value(outcome).evicted).toHaveLength(100);
    expect(seconds).toBeLessThan(10);
    expect(fake.seen.length).toBeLessThanOrEqual(115);
    expect(most).toBeGreaterThanOrEqual(7);
    expect(most).toBeLessThanOrEqual(7 + 3);
    // All had ended when it looked: an event for each would have cost more.
    expect(fake.seen.some(isWatch)).toBe(false);
  });

  it('never reports a pod as evicted that the API server still shows, whatever the server does', async () => {
    const { fake, cluster } = await lab({ stopAfter: 30 });
    const faultKinds = [
      'none',
      'none',
      'none',
      'cut',
      '503',
      'store',
      '404',
      '409',
      '403',
      '200',
      '410',
      'empty',
    ] as const;
    const forced = (kind: (typeof faultKinds)[number]): Fault => {
      if (kind === 'none') return undefined;
      if (kind === 'cut') return 'cut';
      if (kind === 'empty') return { status: 200, body: {} };
      if (kind === 'store')
        return { status: 500, body: { kind: 'Status', message: 'etcdserver: request timed out' } };
      return { status: Number(kind), body: { kind: 'Status', message: 'uid' } };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...faultKinds), { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
        async (kinds, stuck) => {
          fake.pods.clear();
          stuck.forEach((never, index) => {
            fake.addPod({
              // Two of each name, in different namespaces.
              name: `p${index % 2}`,
              namespace: `s${Math.floor(index / 2)}`,
              owner: { kind: 'ReplicaSet', name: 'p' },
              annotations: never ? { 'fake/stop': 'never' } : {},
            });
          });
          let turn = 0;
          value(await cluster.cordon('n1', owner));
          // The first list stays honest: what it shows is what must be gone. Later ones may be
          // refused or cut, not forged.
          let lists = 0;
          fake.faults((seen) => {
            if (seen.path.startsWith('/api/v1/nodes') || seen.path === '/api/v1') return undefined;
            if (seen.path === '/api/v1/pods' && seen.query.get('watch') === null && ++lists === 1)
              return undefined;
            const kind = kinds[turn++ % kinds.length] ?? 'none';
            const isList = seen.path === '/api/v1/pods';
            return isList && ['empty', '200'].includes(kind) ? undefined : forced(kind);
          });
          const drained = await cluster.drain(
            'n1',
            drainOptions({ timeout: 0.6 }),
            owner,
            () => undefined,
          );
          const there = [...fake.pods.keys()];
          fake.faults(() => undefined);
          value(await cluster.cordon('n1', owner));
          value(await cluster.uncordon('n1', owner));
          if (!drained.ok) return true;
          return (
            drained.value.evicted.every((name) => !there.includes(name)) &&
            drained.value.left.length === 0 &&
            !stuck.includes(true)
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});
