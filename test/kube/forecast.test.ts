// The forecast of a drain, before the cordon: pure tables, then the reads on a fake API server.
import { afterEach, describe, expect, it } from 'vitest';
import type { DryRunAnswer } from '../../src/adapters/kube/forecast/dry-run.ts';
import {
  estimateSeconds,
  type ForecastInput,
  forecastDrain,
} from '../../src/adapters/kube/forecast/forecast.ts';
import { addUsage, emptyUsage, nowhereToGo } from '../../src/adapters/kube/node/placement.ts';
import { selectPods } from '../../src/adapters/kube/objects/filters.ts';
import type { NodeObject, PdbObject, PodObject } from '../../src/adapters/kube/objects/objects.ts';
import { askPdbs, canNeverAllow } from '../../src/adapters/kube/objects/pdb.ts';
import { answers, evictionWebhooks } from '../../src/adapters/kube/objects/webhooks.ts';
import type { Forecast } from '../../src/engine/ports/cluster.ts';
import type { DrainOptions } from '../../src/model/run/effect.ts';
import { type FakeKube, type FakeKubeOptions, startFakeKube } from '../fakes/kube-api.ts';
import { haveOpenssl } from '../fakes/kube-tls.ts';
import { skipWaits } from '../fakes/skipped-waits.ts';
import { clusterIn, failure, value } from './cluster-on.ts';
import { drainOptions, pod } from './pods.ts';

skipWaits();

const now = Date.parse('2024-05-01T12:00:00Z');
const web = (name: string, more: Parameters<typeof pod>[0] = {}): PodObject =>
  pod({ name, owner: 'ReplicaSet/web', labels: { app: 'web' }, ...more });
const pdb = (
  spec: PdbObject['spec'],
  status: PdbObject['status'] = {},
  name = 'web',
): PdbObject => ({
  metadata: { name, namespace: 'shop' },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  status: {
    disruptionsAllowed: 0,
    expectedPods: 2,
    currentHealthy: 2,
    desiredHealthy: 1,
    ...status,
  },
});
const object = (name: string, more: object = {}): NodeObject => ({
  metadata: { name, labels: {} },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  },
  ...more,
});

interface Given {
  readonly pods: readonly PodObject[];
  readonly options?: Partial<DrainOptions>;
  readonly pdbs?: readonly PdbObject[];
  readonly more?: Partial<ForecastInput>;
  readonly isSelected?: (pod: PodObject) => boolean;
}
function input({ pods, options = {}, pdbs, more, isSelected = () => true }: Given): ForecastInput {
  const all = drainOptions({ timeout: 600, ...options });
  return {
    node: object('n1'),
    options: all,
    selection: selectPods(pods, {
      options: all,
      daemonSet: () => ({ kind: 'found' }),
      now,
      isSelected,
    }),
    now,
    evictionApi: 'policy/v1',
    webhooks: [],
    notes: [],
    ...(pdbs === undefined ? {} : { pdbs: { api: 'policy/v1', items: pdbs } }),
    ...more,
  };
}
const forecast = (given: Given) => forecastDrain(input(given));

describe('a forecast is blocked by', () => {
  it('nothing, for ordinary pods', () => {
    expect(forecast({ pods: [web('a'), pod({ name: 'ds', owner: 'DaemonSet/x' })] })).toEqual({
      evicts: ['shop/a'],
      leaves: ['shop/ds'],
      blocks: [],
      busy: [],
      samplers: [],
      warnings: [],
      estimate: 30,
    });
  });

  it.each([
    [
      'a budget without room by minAvailable',
      { minAvailable: 2 },
      {},
      'shop/a: PDB web allows 0 of 2 (minAvailable 2): it can never allow one',
    ],
    [
      'by maxUnavailable 0',
      { maxUnavailable: 0 },
      {},
      'shop/a: PDB web allows 0 of 2 (maxUnavailable 0): it can never allow one',
    ],
    [
      'by 100%',
      { minAvailable: '100%' },
      {},
      'shop/a: PDB web allows 0 of 2 (minAvailable 100%): it can never allow one',
    ],
  ] as const)('%s', (_, spec, status, text) => {
    expect(forecast({ pods: [web('a')], pdbs: [pdb(spec, status)] }).blocks).toEqual([text]);
  });

  it('no budget that is only busy now, since the run waits for it', () => {
    expect(
      forecast({ pods: [web('a')], pdbs: [pdb({ minAvailable: 1 }, { currentHealthy: 1 })] }),
    ).toMatchObject({
      blocks: [],
      busy: ['shop/a: PDB web allows 0 of 2 (minAvailable 1; 1 healthy, 1 needed)'],
    });
  });

  it('two budgets on one pod, since the server refuses every eviction of it', () => {
    const blocks = forecast({
      pods: [web('a')],
      pdbs: [pdb({}, { disruptionsAllowed: 1 }), pdb({}, { disruptionsAllowed: 1 }, 'second')],
    }).blocks;
    expect(blocks).toEqual([
      'shop/a: has 2 PDBs (web, second): the API server refuses every eviction of such a pod',
    ]);
  });

  it('bare pods, local data, a stuck pod, a dead node and a webhook without an endpoint', () => {
    const node = {
      ...object('n1'),
      metadata: { name: 'n1' },
      status: { conditions: [{ type: 'Ready', status: 'Unknown' }] },
    };
    const { blocks } = forecast({
      pods: [
        pod({ name: 'bare' }),
        web('tmp', { emptyDir: true }),
        web('stuck', { deleted: '2024-05-01T11:00:00Z' }),
      ],
      more: {
        node,
        webhooks: [
          {
            name: 'policy',
            required: true,
            byUrl: false,
            selective: false,
            service: { namespace: 'ops', name: 'policy' },
            answers: false,
          },
        ],
      },
    });
    expect(blocks).toEqual([
      'node n1 is NotReady: its kubelet ends no pods (needs dead_node_skip_wait_after)',
      'shop/bare: has no controller: nothing starts it again elsewhere (needs force)',
      'shop/tmp: has local storage that would be lost: emptyDir scratch (needs delete_emptydir_data)',
      'admission webhook policy (service ops/policy) is asked about every eviction, and nothing answers there',
      'shop/stuck: should have ended 3600 s ago and is still there',
    ]);
  });

  it('pods that an option leaves, unless the play accepts that or they may finish by themselves', () => {
    const pods = [
      web('a'),
      pod({ name: 'other', owner: 'ReplicaSet/other' }),
      pod({ name: 'job', owner: 'Job/job' }),
    ];
    const isSelected = (one: PodObject) => one.metadata?.labels?.app === 'web';
    const { blocks, warnings } = forecast({ pods, isSelected });
    expect(blocks).toEqual([
      'shop/other: pod_selector leaves it out: the node is not drained while it is there',
    ]);
    expect(warnings.filter((text) => text.includes('selector'))).toEqual([
      'shop/job: pod_selector leaves it out: the node is not drained while it is there',
    ]);
    expect(forecast({ pods, isSelected, options: { leftBehind: 'accept' } })).toMatchObject({
      blocks: [],
      warnings: expect.arrayContaining([
        'shop/other: pod_selector leaves it out: it is left behind',
      ]),
    });
  });

  it('less if the play allows more', () => {
    const pods = [web('a'), web('stuck', { deleted: '2024-05-01T11:00:00Z' })];
    const closed = [pdb({ minAvailable: 2 })];
    expect(
      forecast({ pods, options: { skipWaitForDeleteTimeout: 7200, leftBehind: 'accept' } }),
    ).toMatchObject({
      blocks: [],
      warnings: [expect.stringMatching(/shop\/stuck: should have ended/)],
    });
    expect(
      forecast({ pods: [web('a')], pdbs: closed, options: { disableEviction: true } }),
    ).toMatchObject({
      blocks: [],
      warnings: [
        'deletes shop/a and breaks their budget (disable_eviction): PDB web allows 0 of 2 (minAvailable 2): it can never allow one',
      ],
    });
  });

  it('nothing for deletions, but it names each budget that they break', () => {
    const pods = [web('a'), web('b'), pod({ name: 'free', owner: 'ReplicaSet/x' })];
    const none = { evictionApi: 'none' } as const;
    const spare = (disruptionsAllowed: number) => [
      pdb({ minAvailable: 1 }, { disruptionsAllowed, expectedPods: 3 }),
    ];
    const fallback = { fallbackWithoutEviction: true };
    expect(forecast({ pods, pdbs: spare(1), options: fallback, more: none })).toMatchObject({
      blocks: [],
      warnings: [
        'deletes shop/a, shop/b and breaks their budget (fallback_without_eviction): PDB web allows 1 of 3 (minAvailable 1)',
      ],
    });
    expect(forecast({ pods, pdbs: spare(2), options: fallback, more: none }).warnings).toEqual([]);
    expect(forecast({ pods, options: fallback, more: none }).warnings).toEqual([
      'deletes 3 pods and asks no PDB (fallback_without_eviction)',
    ]);
    expect(forecast({ pods, pdbs: spare(2), more: none }).blocks).toEqual([
      expect.stringMatching(/offers no eviction/),
    ]);
    // On a server that offers evictions the option does nothing: the budget is asked, and its
    // refusal stands.
    expect(
      forecast({ pods: [web('a')], pdbs: [pdb({ minAvailable: 2 })], options: fallback }),
    ).toMatchObject({
      blocks: [expect.stringMatching(/shop\/a: PDB web.*can never allow one/)],
      warnings: [],
    });
  });
});

describe('the answer of a budget for a pod', () => {
  it.each([
    ['a ready pod, with room', web('a'), { disruptionsAllowed: 1 }, 'policy/v1', 'passes'],
    ['a ready pod, without', web('a'), {}, 'policy/v1', 'busy'],
    ['a finished pod', web('a', { phase: 'Succeeded' }), {}, 'policy/v1', 'passes'],
    ['a pending pod', web('a', { phase: 'Pending' }), {}, 'policy/v1', 'passes'],
    [
      'a pod that ends already',
      web('a', { deleted: '2024-05-01T11:59:59Z' }),
      {},
      'policy/v1',
      'passes',
    ],
    [
      'a pod that is not ready, under a budget that is met',
      web('a', { ready: false }),
      {},
      'policy/v1',
      'passes',
    ],
    ['the same on an old server', web('a', { ready: false }), {}, 'policy/v1beta1', 'busy'],
    [
      'a pod that is not ready, under a budget that is not met',
      web('a', { ready: false }),
      { currentHealthy: 0 },
      'policy/v1',
      'busy',
    ],
    [
      'the same, with one more healthy than needed',
      web('a', { ready: false }),
      { currentHealthy: 3 },
      'policy/v1',
      'passes',
    ],
    [
      'the same, as many healthy as needed',
      web('a', { ready: false }),
      { currentHealthy: 1 },
      'policy/v1',
      'passes',
    ],
    [
      'a pod that is not ready, under a budget that has no numbers yet',
      web('a', { ready: false }),
      { currentHealthy: 0, desiredHealthy: 0 },
      'policy/v1',
      'busy',
    ],
    ['a pod of another namespace', web('a', { namespace: 'other' }), {}, 'policy/v1', 'passes'],
  ] as const)('%s', (_, one, status, api, kind) =>
    expect(askPdbs(one, [pdb({ minAvailable: 1 }, status)], api).kind).toBe(kind),
  );

  it('with an empty selector covers every pod in policy/v1 only', () => {
    const all = { ...pdb({}), spec: { selector: {}, minAvailable: 1 } };
    expect(askPdbs(web('a'), [all], 'policy/v1').kind).toBe('busy');
    expect(askPdbs(web('a'), [all], 'policy/v1beta1').kind).toBe('passes');
  });

  it('allows unready pods with AlwaysAllow', () => {
    const always = pdb(
      { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
      { currentHealthy: 0 },
    );
    expect(askPdbs(web('a', { ready: false }), [always], 'policy/v1').kind).toBe('passes');
  });

  it('without pods is not called impossible', () => {
    expect(canNeverAllow(pdb({ minAvailable: 1 }, { expectedPods: 0 }))).toBe(false);
    expect(canNeverAllow(pdb({ minAvailable: '50%' }, { expectedPods: 1 }))).toBe(true);
    expect(canNeverAllow(pdb({ maxUnavailable: '10%' }, { expectedPods: 2 }))).toBe(false);
  });
});

describe('a forecast warns of', () => {
  it('turns and finalizers', () => {
    const pods = [web('a'), web('b', { finalizers: ['example.com/x'] })];
    const usage = emptyUsage();
    addUsage(usage, pods);
    const { warnings } = forecast({
      pods,
      pdbs: [pdb({ minAvailable: 1 }, { disruptionsAllowed: 1 })],
      more: { usage, notes: ['a note'] },
    });
    expect(warnings).toEqual([
      '2 pods of this node go in turns: PDB web allows 1 of 2 (minAvailable 1)',
      'shop/b: goes only when finalizer example.com/x is taken off',
      'a note',
    ]);
  });

  it.each([
    ['without a budget', []],
    [
      'with one that is content with none',
      [pdb({ minAvailable: 0 }, { disruptionsAllowed: 2, desiredHealthy: 0 })],
    ],
  ] as const)('a workload that is down while its pods move: %s', (_, pdbs) => {
    const pods = [web('a'), web('b')];
    const usage = emptyUsage();
    addUsage(usage, pods);
    expect(forecast({ pods, pdbs, more: { usage } }).warnings).toEqual([
      'ReplicaSet shop/web: all 2 ready pods are on this node: it is down while they move',
    ]);
  });

  it.each([
    ['of a job, whose pods are not many of one kind', [pod({ name: 'j', owner: 'Job/j' })]],
    ['of pods that are not ready', [web('a', { ready: false })]],
    ['of pods without a controller', [pod({ name: 'b' })]],
  ])('no workload %s', (_, pods) => {
    const usage = emptyUsage();
    addUsage(usage, pods);
    expect(
      forecast({ pods, options: { force: true }, more: { usage } }).warnings.filter((text) =>
        text.includes('it is down'),
      ),
    ).toEqual([]);
  });

  it('no workload without a ready pod in the cluster', () => {
    expect(forecast({ pods: [web('a')], more: { usage: emptyUsage() } }).warnings).toEqual([]);
  });

  it('pods that fit nowhere, except bare pods', () => {
    const more = { nodes: [object('n1')], usage: emptyUsage() };
    const { warnings } = forecast({
      pods: [web('a'), pod({ name: 'bare' })],
      options: { force: true },
      more,
    });
    expect(warnings.filter((text) => text.includes('no other node'))).toEqual([
      'shop/a: no other node takes it (there is none)',
    ]);
  });

  it('deletions past the budgets, only if a budget would refuse them', () => {
    const options = { disableEviction: true };
    expect(
      forecast({ pods: [web('a')], options, pdbs: [pdb({}, { disruptionsAllowed: 1 })] }).warnings,
    ).toEqual([]);
    expect(forecast({ pods: [web('a')], options, pdbs: [pdb({})] }).warnings).toEqual([
      expect.stringMatching(
        /^deletes shop\/a and breaks their budget \(disable_eviction\): PDB web allows 0 of 2/,
      ),
    ]);
  });

  it('no workload that has ready pods elsewhere', () => {
    const usage = emptyUsage();
    addUsage(usage, [web('a'), { ...web('b'), spec: { nodeName: 'n2' } }]);
    expect(forecast({ pods: [web('a')], more: { usage } }).warnings).toEqual([]);
  });
});

describe('a forecast names', () => {
  const room = (pods: readonly PodObject[]) => {
    const usage = emptyUsage();
    addUsage(usage, pods);
    return { usage, nodes: [object('n1')] };
  };
  it('a grace period that exceeds the timeout of the drain', () => {
    const slow = web('slow', { spec: { terminationGracePeriodSeconds: 600 } });
    expect(
      forecast({ pods: [slow, web('a')], options: { timeout: 20, gracePeriod: -1 } }).warnings,
    ).toEqual(['needs at least 600 s of grace, timeout is 20 s: shop/slow, shop/a']);
    expect(forecast({ pods: [slow], options: { timeout: 600 } }).warnings).toEqual([]);
  });

  it('turns that exceed the timeout of the drain', () => {
    const pods = ['a', 'b', 'c'].map((name) => web(name));
    const pdbs = [pdb({ minAvailable: 2 }, { disruptionsAllowed: 1, expectedPods: 3 })];
    expect(forecast({ pods, pdbs, options: { timeout: 60 } }).warnings).toContain(
      'needs at least 105 s of grace, timeout is 60 s: one after the other, by their budget',
    );
  });

  it('pods that fit nowhere under a budget: the drain would stop halfway', () => {
    const pods = ['a', 'b', 'c'].map((name) => web(name));
    const of = (allowed: number) => [
      pdb({ minAvailable: 3 - allowed }, { disruptionsAllowed: allowed, expectedPods: 3 }),
    ];
    expect(forecast({ pods, pdbs: of(1), more: room(pods) }).busy).toEqual([
      'shop/a, shop/b, shop/c: nowhere to go, and PDB web allows 1 of 3 (minAvailable 2): the drain would stop after 1',
    ]);
    expect(forecast({ pods, pdbs: of(3), more: room(pods) }).busy).toEqual([]);
    expect(
      forecast({ pods, pdbs: of(1), options: { disableEviction: true }, more: room(pods) }).busy,
    ).toEqual([]);
  });

  it('running Jobs, not finished ones', () => {
    const pods = [
      pod({ name: 'j', owner: 'Job/nightly' }),
      pod({ name: 'k', owner: 'Job/nightly', phase: 'Succeeded' }),
    ];
    expect(forecast({ pods }).warnings).toEqual([
      'shop/j: runs for Job nightly: its work is lost, and counts as a failure against the backoffLimit',
    ]);
    expect(forecast({ pods, options: { jobs: 'wait', timeout: 60 } }).warnings).toEqual([
      'shop/j: runs for Job nightly: it is waited for (jobs: wait), up to 60 s',
    ]);
  });

  it.each([
    [
      'a Deployment, by its own name',
      'ReplicaSet/web-5d4f',
      { app: 'web', 'pod-template-hash': '5d4f' },
      'Deployment web',
    ],
    ['a ReplicaSet of nobody', 'ReplicaSet/web-5d4f', { app: 'web' }, 'ReplicaSet web-5d4f'],
    ['a StatefulSet', 'StatefulSet/web', { app: 'web' }, 'StatefulSet web'],
  ])('a single replica under a budget: %s', (_, owner, labels, name) => {
    const pdbs = [pdb({ minAvailable: 1 }, { expectedPods: 1 })];
    expect(forecast({ pods: [pod({ name: 'a', owner, labels })], pdbs }).blocks).toEqual([
      `shop/a: PDB web allows 0 of 1 (minAvailable 1): it can never allow one; it is the single replica of ${name}`,
    ]);
  });

  it.each<readonly [string, DryRunAnswer, Partial<Forecast>]>([
    ['goes, whatever the model says', { kind: 'goes' }, { blocks: [], busy: [] }],
    [
      'held by a budget: the model has the numbers',
      { kind: 'budget', why: 'no' },
      { busy: [expect.stringContaining('allows 0 of 2')] },
    ],
    [
      'refused',
      { kind: 'refused', why: 'no' },
      { blocks: ['shop/a: the API server refuses the eviction: no'] },
    ],
  ])('the answer of the server: %s', (_, answer, expected) => {
    const one = web('a');
    expect(
      forecast({
        pods: [one],
        pdbs: [pdb({})],
        more: { evictionAnswers: new Map([[one, answer]]) },
      }),
    ).toMatchObject(expected);
  });

  it("the server's reason if it refuses by a budget that the model does not see", () => {
    const one = web('a');
    const evictionAnswers = new Map<PodObject, DryRunAnswer>([
      [one, { kind: 'budget', why: 'PDB x needs 1' }],
    ]);
    expect(forecast({ pods: [one], more: { evictionAnswers } }).busy).toEqual([
      'shop/a: PDB x needs 1',
    ]);
  });

  it('many pods with the same refusal in one line, and no pod that is blocked already', () => {
    const pods = ['a', 'b', 'c', 'd', 'e'].map((name) => web(name));
    const evictionAnswers = new Map(
      pods.map((one) => [one, { kind: 'refused', why: 'no' }] as const),
    );
    expect(forecast({ pods, more: { evictionAnswers } }).blocks).toEqual([
      'shop/a, shop/b, shop/c and 2 more: the API server refuses the eviction: no',
    ]);
    expect(
      forecast({
        pods: pods.slice(0, 1),
        pdbs: [pdb({}), pdb({}, {}, 'second')],
        more: { evictionAnswers },
      }).blocks,
    ).toEqual([
      'shop/a: has 2 PDBs (web, second): the API server refuses every eviction of such a pod',
    ]);
  });
});

describe('the estimated duration', () => {
  it.each([
    ['nothing to do', [], {}, undefined, 0],
    [
      'the longest grace period',
      [web('a', { spec: { terminationGracePeriodSeconds: 90 } }), web('b')],
      {},
      undefined,
      90,
    ],
    [
      'the grace period asked for',
      [web('a', { spec: { terminationGracePeriodSeconds: 90 } })],
      { gracePeriod: 5 },
      undefined,
      5,
    ],
    [
      'no grace period at all',
      [web('a', { spec: { terminationGracePeriodSeconds: 90 } })],
      { gracePeriod: 0 },
      undefined,
      0,
    ],
    [
      "the pods' own, where that is asked for",
      [web('a', { spec: { terminationGracePeriodSeconds: 90 } })],
      { gracePeriod: -1 },
      undefined,
      90,
    ],
    [
      'a budget that lets all go at once',
      [web('a'), web('b')],
      {},
      [pdb({}, { disruptionsAllowed: 2 })],
      30,
    ],
    [
      'one turn after the other under a budget',
      [web('a'), web('b'), web('c')],
      {},
      [pdb({ minAvailable: 2 }, { disruptionsAllowed: 1 })],
      105,
    ],
  ] as const)('%s', (_, pods, options, pdbs, seconds) => {
    expect(
      estimateSeconds(
        input({ pods: [...pods], options, ...(pdbs === undefined ? {} : { pdbs: [...pdbs] }) }),
      ),
    ).toBe(seconds);
  });
});

describe('the placement of pods on other nodes', () => {
  const asks = (memory: string, more: object = {}): PodObject =>
    web('a', {
      spec: { containers: [{ resources: { requests: { memory, cpu: '100m' } } }], ...more },
    });
  const usage = emptyUsage();
  it.each([
    ['they do', asks('1Gi'), [object('n2')], undefined],
    ['the node itself does not count', asks('1Gi'), [object('n1')], /there is none/],
    ['too big', asks('9Gi'), [object('n2')], /1 short of memory \(it asks for 9Gi\)/],
    [
      'a node selector',
      asks('1Gi', { nodeSelector: { disk: 'ssd' } }),
      [object('n2')],
      /1 without label disk=ssd/,
    ],
    [
      'a taint',
      asks('1Gi'),
      [object('n2', { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } })],
      /1 tainted gpu/,
    ],
    [
      'a taint that they tolerate',
      asks('1Gi', { tolerations: [{ key: 'gpu', operator: 'Exists' }] }),
      [object('n2', { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } })],
      undefined,
    ],
    [
      'a taint that only prefers',
      asks('1Gi'),
      [object('n2', { spec: { taints: [{ key: 'gpu', effect: 'PreferNoSchedule' }] } })],
      undefined,
    ],
    [
      'cordoned and NotReady ones',
      asks('1Gi'),
      [object('n2', { spec: { unschedulable: true } }), { metadata: { name: 'n3' } }],
      /1 cordoned, 1 NotReady/,
    ],
    [
      'node affinity',
      asks('1Gi', {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'z', operator: 'In', values: ['a'] }] },
              ],
            },
          },
        },
      }),
      [object('n2')],
      /1 outside its node affinity/,
    ],
  ] as const)('%s', (_, one, nodes, expected) => {
    const stuck = [...nowhereToGo([one], nodes, 'n1', usage).values()].join();
    if (expected === undefined) expect(stuck).toBe('');
    else expect(stuck).toMatch(expected);
  });

  it('counts existing pods and those placed before', () => {
    const used = emptyUsage();
    addUsage(used, [{ ...asks('3Gi'), spec: { ...asks('3Gi').spec, nodeName: 'n2' } }]);
    expect([
      ...nowhereToGo([asks('2Gi'), asks('2Gi'), asks('2Gi')], [object('n2')], 'n1', used),
    ]).toHaveLength(1);
  });
});

describe('admission webhooks', () => {
  const hook = (more: object) => [
    { metadata: { name: 'w' }, webhooks: [{ name: 'evict.w', ...more }] },
  ];
  const rules = [{ apiGroups: [''], operations: ['CREATE'], resources: ['pods/eviction'] }];
  const clientConfig = { service: { namespace: 'ops', name: 'w' } };
  it.each([
    ['asked about evictions', { rules, clientConfig }, 1],
    ['whose silence is ignored', { rules, clientConfig, failurePolicy: 'Ignore' }, 1],
    [
      'that wants a label of the object: an Eviction has none',
      { rules, clientConfig, objectSelector: { matchLabels: { app: 'x' } } },
      0,
    ],
    [
      'of objects without a label',
      { rules, objectSelector: { matchExpressions: [{ key: 'x', operator: 'DoesNotExist' }] } },
      1,
    ],
    [
      'asked about objects of the cluster only',
      { rules: [{ ...rules[0], scope: 'Cluster' }], clientConfig },
      0,
    ],
    ['asked about pods only', { rules: [{ ...rules[0], resources: ['pods'] }], clientConfig }, 0],
    [
      'asked about everything',
      { rules: [{ apiGroups: ['*'], operations: ['*'], resources: ['*/*'] }], clientConfig },
      1,
    ],
  ] as const)('%s', (_, more, count) => expect(evictionWebhooks(hook(more))).toHaveLength(count));
  it.each([
    ['over evictions', rules, {}, [['p', false, false]]],
    [
      'over evictions in some namespaces',
      rules,
      { namespaceSelector: { matchLabels: { a: 'b' } } },
      [['p', false, true]],
    ],
    ['over pods', [{ ...rules[0], resources: ['pods'] }], {}, []],
  ] as const)('a policy %s', (_, resourceRules, more, expected) => {
    const policy = {
      metadata: { name: 'p' },
      spec: { matchConstraints: { resourceRules, ...more } },
    };
    expect(
      evictionWebhooks([policy]).map(({ name, required, selective }) => [
        name,
        required,
        selective,
      ]),
    ).toEqual(expected);
  });
  it('answer if an endpoint is ready', () => {
    expect([
      answers({}),
      answers({ subsets: [{}] }),
      answers({ subsets: [{ addresses: [{}] }] }),
    ]).toEqual([false, false, true]);
  });
});

describe.skipIf(!haveOpenssl)(
  `reading a forecast${haveOpenssl ? '' : ' (skipped: openssl is not installed)'}`,
  () => {
    let fake: FakeKube;
    const start = async (options?: FakeKubeOptions) => {
      fake = await startFakeKube(options);
      fake.addNode('n1');
      fake.addNode('n2');
      return clusterIn(fake);
    };
    afterEach(() => fake.stop());

    it('writes nothing, and reads the cluster once for many nodes', async () => {
      const cluster = await start();
      fake.addPod({
        name: 'a',
        owner: { kind: 'ReplicaSet', name: 'web' },
        labels: { app: 'web' },
      });
      fake.addPod({
        name: 'b',
        node: 'n2',
        owner: { kind: 'ReplicaSet', name: 'web' },
        labels: { app: 'web' },
      });
      fake.addPdb('web', { app: 'web' });
      const [one, two] = await Promise.all(
        ['n1', 'n2'].map((name) => cluster.forecast(name, drainOptions())),
      );
      expect(one?.ok && one.value.busy).toEqual([
        'shop/a: PDB web allows 0 of 2 (minAvailable 1; 2 healthy, 1 needed)',
      ]);
      expect(two?.ok && two.value.evicts).toEqual(['shop/b']);
      expect(
        fake.seen
          .filter((seen) => seen.method !== 'GET')
          .map((seen) => [seen.query.get('dryRun'), seen.body.deleteOptions]),
      ).toEqual([['All', { preconditions: { uid: expect.any(String) }, dryRun: ['All'] }]]);
      expect([...fake.pods.values()].map((pod) => pod.metadata.deletionTimestamp)).toEqual([
        undefined,
        undefined,
      ]);
      expect(fake.seen.filter((seen) => seen.path.includes('poddisruptionbudgets'))).toHaveLength(
        1,
      );
    });

    const webhook = (more: object = {}) => ({
      name: 'deny.ops',
      clientConfig: { service: { namespace: 'ops', name: 'deny' } },
      rules: [{ apiGroups: [''], operations: ['CREATE'], resources: ['pods/*'] }],
      ...more,
    });
    const deaf = 'admission webhook deny.ops (service ops/deny) is asked about';
    const said500 = 'failed calling webhook "deny.ops": connection refused';
    it.each<
      readonly [
        string,
        FakeKubeOptions,
        object,
        { status: number; message: string } | undefined,
        readonly string[],
        readonly string[],
      ]
    >([
      [
        'before 1.15, a dead service',
        { minor: '14+' },
        {},
        undefined,
        [`${deaf} every eviction, and nothing answers there`],
        [],
      ],
      [
        'before 1.15, one for some namespaces only: no refusal by a guess',
        { minor: '14' },
        { namespaceSelector: { matchLabels: { team: 'other' } } },
        undefined,
        [],
        [`${deaf} evictions in some namespaces, and nothing answers there`],
      ],
      [
        'before 1.15, a URL',
        { minor: '9' },
        { clientConfig: { url: 'https://x' } },
        undefined,
        [],
        [
          'admission webhook deny.ops is asked about evictions by URL: whether it answers is not known',
        ],
      ],
      [
        'a dead service of which the server knows that it is not asked',
        {},
        { namespaceSelector: { matchLabels: { team: 'other' } } },
        undefined,
        [],
        [],
      ],
      [
        'a dead URL',
        {},
        { clientConfig: { url: 'https://x' } },
        { status: 500, message: said500 },
        [
          expect.stringMatching(
            /^shop\/a: the API server refuses the eviction: .*failed calling webhook "deny\.ops": connection refused$/,
          ),
        ],
        [],
      ],
      [
        'one that denies',
        {},
        { failurePolicy: 'Ignore' },
        { status: 403, message: 'admission webhook "deny.ops" denied the request: not today' },
        [expect.stringMatching(/^shop\/a: the API server refuses the eviction: .*not today$/)],
        [],
      ],
      [
        'one that cannot try: not known',
        { modern: true },
        {},
        { status: 400, message: 'admission webhook "deny.ops" does not support dry run' },
        [`${deaf} every eviction, and nothing answers there`],
        [
          expect.stringMatching(
            /^shop\/a: what the API server answers to an eviction is not known: .*does not support dry run$/,
          ),
        ],
      ],
    ])('webhooks: %s', async (_, options, more, refused, blocks, warnings) => {
      for (const list of ['webhooks', 'mutatingWebhooks'] as const) {
        const cluster = await start(options);
        fake.addPod({ name: 'a', owner: { kind: 'ReplicaSet', name: 'web' } });
        fake.addPod({ name: 'b', node: 'n2', owner: { kind: 'ReplicaSet', name: 'web' } });
        fake[list].push({ metadata: { name: 'deny' }, webhooks: [webhook(more)] });
        fake.faults(({ path }) =>
          refused === undefined || !path.endsWith('/eviction')
            ? undefined
            : { status: refused.status, body: { kind: 'Status', ...refused } },
        );
        expect(value(await cluster.forecast('n1', drainOptions({ timeout: 60 })))).toMatchObject({
          blocks,
          warnings,
        });
        await fake.stop();
      }
    });

    it.each(['9', '12', '14+', '', 'x'])(
      'a server of version 1.%s gets no eviction, not even one to try',
      async (minor) => {
        const cluster = await start({ minor });
        const made = fake.addPod({
          name: 'a',
          owner: { kind: 'ReplicaSet', name: 'web' },
          labels: { app: 'web' },
        });
        fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 1 } });
        fake.webhooks.push({ webhooks: [webhook()] });
        for (const when of ['plan', 'start'] as const)
          value(await cluster.forecast('n1', drainOptions(), undefined, when));
        expect(fake.seen.filter((seen) => seen.method === 'POST')).toEqual([]);
        expect(made.metadata.deletionTimestamp).toBeUndefined();
      },
    );

    it.each([403, 404, 200])('nor a server without a version (%s)', async (status) => {
      const cluster = await start();
      fake.addPod({
        name: 'a',
        owner: { kind: 'ReplicaSet', name: 'web' },
        labels: { app: 'web' },
      });
      fake.addPdb('web', { app: 'web' });
      fake.faults(({ path }) =>
        path === '/version' ? { status, body: { kind: 'Status' } } : undefined,
      );
      value(await cluster.forecast('n1', drainOptions(), undefined, 'start'));
      expect(fake.seen.filter((seen) => seen.method === 'POST')).toEqual([]);
    });

    it('asks only about pods that a budget may refuse, and about none that would be deleted', async () => {
      const cluster = await start();
      fake.addPod({
        name: 'a',
        owner: { kind: 'ReplicaSet', name: 'web' },
        labels: { app: 'web' },
      });
      fake.addPod({
        name: 'b',
        owner: { kind: 'ReplicaSet', name: 'api' },
        labels: { app: 'api' },
      });
      fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 1 } });
      const posts = () =>
        fake.seen.filter((seen) => seen.method === 'POST').map((seen) => seen.path);
      value(
        await cluster.forecast('n1', drainOptions({ disableEviction: true }), undefined, 'start'),
      );
      expect(posts()).toEqual([]);
      value(await cluster.forecast('n1', drainOptions(), undefined, 'start'));
      expect(posts()).toEqual(['/api/v1/namespaces/shop/pods/a/eviction']);
    });

    it('names a missing right to evict once for all pods', async () => {
      const cluster = await start({ forbid: ['create pods/eviction'] });
      for (const name of ['a', 'b', 'c'])
        fake.addPod({ name, owner: { kind: 'ReplicaSet', name }, labels: { app: 'web', name } });
      fake.addPdb('web', { app: 'web' });
      const { busy, warnings } = value(await cluster.forecast('n1', drainOptions({ timeout: 60 })));
      expect(busy).toHaveLength(3);
      expect(warnings.filter((text) => text.includes('not known'))).toEqual([
        expect.stringMatching(
          /^shop\/a, shop\/b, shop\/c: what the API server answers to an eviction is not known: .*may not create pods\/eviction/,
        ),
      ]);
    });

    it('without the right for one kind of webhook reads the other, and asks about every pod', async () => {
      const cluster = await start({ forbid: ['list mutatingwebhookconfigurations'] });
      fake.addPod({ name: 'a', owner: { kind: 'ReplicaSet', name: 'web' } });
      fake.addPod({ name: 'b', node: 'n2', owner: { kind: 'ReplicaSet', name: 'web' } });
      const { warnings } = value(await cluster.forecast('n1', drainOptions({ timeout: 60 })));
      expect(warnings).toEqual([
        expect.stringMatching(
          /^admission webhooks were not read: .*may not list mutatingwebhookconfigurations/,
        ),
      ]);
      expect(fake.seen.filter((seen) => seen.method === 'POST')).toHaveLength(1);
    });

    it.each([
      ['27', false],
      ['28', true],
    ])('asks a server of version 1.%s for policies: %s', async (minor, asked) => {
      const cluster = await start({ modern: true, minor });
      value(await cluster.forecast('n1', drainOptions()));
      expect(fake.seen.some(({ path }) => path.endsWith('/v1/validatingadmissionpolicies'))).toBe(
        asked,
      );
    });

    it('fails if the server cannot answer a dry run now', async () => {
      const cluster = await start();
      fake.addPod({
        name: 'a',
        owner: { kind: 'ReplicaSet', name: 'web' },
        labels: { app: 'web' },
      });
      fake.addPdb('web', { app: 'web' });
      fake.faults(({ path }) => (path.endsWith('/eviction') ? { status: 503 } : undefined));
      expect(failure(await cluster.forecast('n1', drainOptions()))).toMatchObject({
        kind: 'unreachable',
        transport: true,
      });
      fake.faults(() => undefined);
      expect(value(await cluster.forecast('n1', drainOptions())).busy).toHaveLength(1);
    });

    it('asks about 300 kinds of pods at most, and names the rest', async () => {
      const cluster = await start();
      for (let index = 0; index < 302; index += 1) {
        fake.addPod({
          name: `p${index}`,
          owner: { kind: 'ReplicaSet', name: 'web' },
          labels: { app: 'web', index: `${index}` },
        });
      }
      fake.addPdb('web', { app: 'web' }, { status: { disruptionsAllowed: 400 } });
      const { warnings } = value(await cluster.forecast('n1', drainOptions({ timeout: 60 })));
      expect(fake.seen.filter((seen) => seen.method === 'POST')).toHaveLength(300);
      expect(warnings).toContain(
        'shop/p300, shop/p301: what the API server answers to an eviction is not known: not asked: only 300 are asked about at once',
      );
    });

    it('reads a starting host again; a plan uses lists up to a minute old', async () => {
      const cluster = await start();
      fake.addPod({ name: 'a', owner: { kind: 'ReplicaSet', name: 'web' } });
      value(await cluster.forecast('n1', drainOptions()));
      fake.addPod({ name: 'b', owner: { kind: 'ReplicaSet', name: 'web' } });
      expect(value(await cluster.forecast('n1', drainOptions())).evicts).toEqual(['shop/a']);
      expect(
        value(await cluster.forecast('n1', drainOptions(), undefined, 'start')).evicts,
      ).toEqual(['shop/a', 'shop/b']);
      expect(
        fake.seen.filter(
          ({ path, query }) => path === '/api/v1/pods' && !query.has('fieldSelector'),
        ),
      ).toHaveLength(1);
    });

    it('names a local volume that only this node has', async () => {
      const cluster = await start();
      const claim = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-0' } }] };
      fake.addPod({ name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' }, spec: claim });
      const on = {
        matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['n1'] }],
      };
      fake.volumes.push({
        metadata: { name: 'pv-7' },
        spec: {
          local: {},
          claimRef: { namespace: 'shop', name: 'data-0' },
          nodeAffinity: { required: { nodeSelectorTerms: [on] } },
        },
      });
      expect(value(await cluster.forecast('n1', drainOptions({ timeout: 60 }))).warnings).toEqual([
        'StatefulSet shop/db: all 1 ready pods are on this node: it is down while they move',
        'shop/db-0: no other node takes it (1 out of reach of local volume pv-7)',
      ]);
    });

    it('without a right leaves that part out and reports it', async () => {
      const cluster = await start({ forbid: ['list poddisruptionbudgets', 'list nodes'] });
      expect(value(await cluster.forecast('n1', drainOptions())).warnings).toEqual([
        expect.stringMatching(/^PDBs were not read: .*may not list poddisruptionbudgets\.policy/),
        expect.stringMatching(
          /^whether the pods fit elsewhere was not checked: .*may not list nodes/,
        ),
      ]);
    });

    it('fails if the API server fails: no data is not a good forecast', async () => {
      const cluster = await start();
      fake.faults((seen) =>
        seen.path.includes('poddisruptionbudgets') ? { status: 503 } : undefined,
      );
      expect(failure(await cluster.forecast('n1', drainOptions()))).toMatchObject({
        kind: 'unreachable',
        transport: true,
      });
      fake.faults(() => undefined);
      value(await cluster.forecast('n1', drainOptions()));
    });

    it('refuses an invalid selector and an unknown node', async () => {
      const cluster = await start();
      expect(
        failure(await cluster.forecast('n1', drainOptions({ podSelector: 'a b' }))).message,
      ).toContain('is not a label selector');
      expect(failure(await cluster.forecast('n9', drainOptions())).message).toBe(
        'the cluster has no node n9',
      );
    });
  },
);
