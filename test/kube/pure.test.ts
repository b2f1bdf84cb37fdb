// Selectors, quantities, capacity, readiness after a reboot and the inventory from nodes: tables.
import { describe, expect, it } from 'vitest';
import { inventoryFromNodes } from '../../src/adapters/kube/inventory.ts';
import {
  deploymentState,
  hasMemoryLimit,
  isCrashing,
  isPodReady,
  type PodObject,
  restartsOf,
  workloadName,
} from '../../src/adapters/kube/objects/objects.ts';
import { formatBytes, quantity } from '../../src/adapters/kube/objects/quantity.ts';
import { meets, parseSelector, selects } from '../../src/adapters/kube/objects/selector.ts';
import {
  isLastReady,
  poolOf,
  quorumRisk,
  unavailableNodes,
  zoneOf,
} from '../../src/engine/node/capacity.ts';
import { newCrashes, readyAfterReboot } from '../../src/engine/node/ready.ts';
import type { PodState } from '../../src/engine/ports/cluster.ts';
import { node, pod } from './pods.ts';

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', size: '5' };
  it.each([
    ['app=web', true],
    ['app==web', true],
    ['app=db', false],
    ['app!=db', true],
    ['missing!=x', true],
    ['app in (web, db)', true],
    ['app notin (web,db)', false],
    ['app in (a,b),tier=front', false],
    ['tier', true],
    ['!tier', false],
    ['!gone', true],
    ['app=web,tier=front', true],
    ['size>4', true],
    ['size > 5', false],
    ['size<6', true],
    ['size<5', false],
    ['gone>1', false],
    ['gone<1', false],
    ['app>1', false],
    ['', true],
  ] as const)('%s', (text, matches) => {
    const parsed = parseSelector(text);
    expect(
      parsed.ok && parsed.requirements.every((requirement) => meets(labels, requirement)),
    ).toBe(matches);
  });

  it.each(['app=web=db', 'a b', 'app in web', '=x', 'app>x', 'app>'])('%s is refused', (text) =>
    expect(parseSelector(text).ok).toBe(false),
  );

  it('does not match inherited properties of an object', () => {
    expect(meets({}, { key: 'constructor', operator: 'Exists' })).toBe(false);
  });

  it.each([
    [
      'labels and expressions, both',
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
      true,
    ],
    [
      'labels that do not fit',
      { matchLabels: { app: 'db' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
      false,
    ],
    [
      'expressions that do not fit',
      {
        matchLabels: { app: 'web' },
        matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }],
      },
      false,
    ],
    ['labels alone', { matchLabels: { app: 'web', tier: 'front' } }, true],
    ['one label of two', { matchLabels: { app: 'web', tier: 'back' } }, false],
    [
      'expressions alone',
      { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['back'] }] },
      true,
    ],
    [
      'an operator that nobody knows',
      { matchExpressions: [{ key: 'tier', operator: 'Like', values: ['front'] }] },
      false,
    ],
  ])('objects are matched: %s', (_, selector, takes) => {
    for (const empty of [true, false]) expect(selects(selector, labels, empty)).toBe(takes);
  });

  it('an empty selector matches everything in policy/v1 and nothing in v1beta1; no selector matches nothing', () => {
    expect([
      selects({}, labels, true),
      selects({}, labels, false),
      selects(undefined, labels, true),
    ]).toEqual([true, false, false]);
  });
});

describe('quantities', () => {
  it.each([
    ['100m', 0.1],
    ['2', 2],
    ['1.5', 1.5],
    ['1Gi', 2 ** 30],
    ['500M', 5e8],
    ['1e3', 1000],
    ['12k', 12000],
    ['', 0],
    ['nonsense', 0],
    ['5Xi', 0],
    ['1.2.3', 0],
  ] as const)('%s', (text, value) => expect(quantity(text)).toBeCloseTo(value));
  it('are printed as bytes', () =>
    expect([formatBytes(2 ** 30 * 1.5), formatBytes(2 ** 30), formatBytes(2 ** 20 * 200)]).toEqual([
      '1.5Gi',
      '1Gi',
      '200Mi',
    ]));
});

describe('the state of a pod', () => {
  const status = (...restarts: readonly (number | undefined)[]) =>
    restarts.map((restartCount) => (restartCount === undefined ? {} : { restartCount }));
  const shape = (
    containers: readonly object[],
    more: Parameters<typeof pod>[0] = {},
  ): PodObject => {
    const made = pod(more);
    return { ...made, status: { ...made.status, containerStatuses: containers } } as PodObject;
  };
  const loop = { restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } };
  it.each([
    ['well, never restarted', shape(status(0)), 0, false],
    ['well, restarted once', shape(status(1)), 1, false],
    ['restarted and not ready', shape(status(1, 2, undefined), { ready: false }), 3, true],
    ['not ready, never restarted', shape(status(0), { ready: false }), 0, false],
    ['finished after restarts', shape(status(4), { ready: false, phase: 'Failed' }), 4, false],
    ['in a crash loop', shape([loop], { ready: false }), 3, true],
    ['one container of two in a crash loop', shape([{ restartCount: 0 }, loop]), 3, true],
    [
      'waiting for another reason',
      shape([{ restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }], {
        ready: false,
      }),
      0,
      false,
    ],
  ] as const)('%s', (_, one, restarts, crashing) =>
    expect([restartsOf(one), isCrashing(one)]).toEqual([restarts, crashing]),
  );

  it('has the name of its controller, if there is one', () => {
    expect(workloadName(pod({ name: 'a', owner: 'ReplicaSet/web' }))).toBe('shop/ReplicaSet/web');
    expect(workloadName(pod({ name: 'a' }))).toBe('shop/a');
  });

  it('has a memory limit if one of its containers has', () => {
    const limits = (memory?: string) => ({
      resources: { limits: memory === undefined ? {} : { memory } },
    });
    expect(hasMemoryLimit(pod({ spec: { containers: [limits(), limits('1Gi')] } }))).toBe(true);
    expect(hasMemoryLimit(pod({ spec: { containers: [limits(), {}] } }))).toBe(false);
  });

  it('is ready by its condition Ready only', () => {
    const conditions = (type: string, value: string): PodObject => ({
      status: { conditions: [{ type, status: value }] },
    });
    expect([
      isPodReady(conditions('Ready', 'True')),
      isPodReady(conditions('Ready', 'False')),
      isPodReady(conditions('Initialized', 'True')),
    ]).toEqual([true, false, false]);
    expect(isPodReady({})).toBe(false);
  });
});

describe('capacity', () => {
  const owner = { run: 'r7', number: 1, wasUnschedulable: false };
  const nodes = [
    node('a'),
    node('b', { ready: false }),
    node('c', { unschedulable: true }),
    node('d', { unschedulable: true, owner }),
    node('e', { notReadyTaints: ['node.kubernetes.io/unreachable'] }),
    node('f', { ready: false }),
  ];
  it('counts every node of the pool that is out of service, with the reason', () => {
    expect(
      unavailableNodes(nodes, ['a', 'b', 'c', 'd', 'e']).map(({ name, why }) => `${name}: ${why}`),
    ).toEqual([
      'b: NotReady',
      'c: cordoned',
      'd: held by run r7',
      'e: tainted node.kubernetes.io/unreachable',
    ]);
    expect(unavailableNodes(nodes)).toHaveLength(5);
  });

  it('finds the last node in service of a pool', () => {
    expect(isLastReady('a', nodes)).toBe(true);
    expect(isLastReady('a', [...nodes, node('g')])).toBe(false);
    expect(isLastReady('a', [...nodes, node('g')], ['a', 'b'])).toBe(true);
  });

  const master = { 'node-role.kubernetes.io/master': '' };
  it.each([
    ['three, all well', [true, true, true], false],
    ['three, one down already', [true, true, false], true],
    ['five, one down', [true, true, true, true, false], false],
    ['five, two down', [true, true, true, false, false], true],
    ['two', [true, true], true],
    ['a single one', [true], true],
  ] as const)('control plane of %s', (_, well, risk) => {
    const members = well.map((ready, index) => node(`m${index}`, { ready, labels: master }));
    expect(quorumRisk('m0', [...members, node('w')]) !== undefined).toBe(risk);
  });

  it('a worker is no risk, and etcd is counted by its pods if they are known', () => {
    const members = ['m0', 'm1', 'm2'].map((name) => node(name, { labels: master }));
    const pods = members.map(({ name }, index) => ({
      name: `etcd-${name}`,
      node: name,
      component: 'etcd',
      ready: index < 2,
    }));
    expect(quorumRisk('w', [...members, node('w')])).toBeUndefined();
    expect(quorumRisk('m0', members)).toBeUndefined();
    expect(quorumRisk('m0', members, pods)).toBe(
      'taking m0 out leaves 1 of 3 etcd members in service; 2 must be',
    );
    expect(quorumRisk('m2', members, pods)).toBeUndefined();
  });

  it('reads pool and zone from the current labels before the old ones', () => {
    const labels = {
      'failure-domain.beta.kubernetes.io/zone': 'old',
      'topology.kubernetes.io/zone': 'eu-1a',
      'eks.amazonaws.com/nodegroup': 'web',
    };
    expect([
      zoneOf(node('a', { labels })),
      poolOf(node('a', { labels })),
      zoneOf(node('b')),
    ]).toEqual(['eu-1a', 'web', undefined]);
  });
});

describe('a node after a reboot', () => {
  const expected = { bootId: 'new', kernel: '3.10.0-1160.el7.x86_64', runtime: 'docker://19.3.15' };
  const agent: PodState = {
    name: 'kube-system/agent',
    phase: 'Running',
    ready: true,
    restarts: 1,
    crashLooping: false,
    ending: false,
    daemonSet: 'agent',
    workload: 'kube-system/DaemonSet/agent',
    mirror: false,
    memoryLimited: true,
  };
  it.each([
    ['a stale Ready of the old boot does not count', { bootId: 'old' }, /still shows boot old/],
    ['the new boot, NotReady yet', { bootId: 'new', ready: false }, /not Ready yet/],
    [
      'tainted',
      { bootId: 'new', notReadyTaints: ['node.kubernetes.io/not-ready'] },
      /still tainted/,
    ],
    [
      'another kernel than planned',
      { bootId: 'new', kernel: '3.10.0-957.el7.x86_64' },
      /kernel is 3.10.0-957/,
    ],
    [
      'another runtime than planned',
      { bootId: 'new', runtime: 'docker://18.9.1' },
      /runtime is docker:\/\/18/,
    ],
  ] as const)('%s', (_, state, why) => {
    const read = readyAfterReboot(node('n', state), expected);
    expect(read.ready).toBe(false);
    expect(read.why).toMatch(why);
  });

  it('waits for its DaemonSet pods only', () => {
    const here = node('n', { bootId: 'new' });
    const late = { ...agent, ready: false };
    const other: PodState = {
      name: 'shop/web',
      phase: 'Pending',
      ready: false,
      restarts: 0,
      crashLooping: false,
      ending: false,
      workload: 'shop/ReplicaSet/web',
      mirror: false,
      memoryLimited: false,
    };
    expect(readyAfterReboot(here, { ...expected, pods: [late, other] })).toEqual({
      ready: false,
      why: 'DaemonSet pods not running yet: kube-system/agent',
    });
    expect(readyAfterReboot(here, { ...expected, pods: [agent, other] }).ready).toBe(true);
    expect(readyAfterReboot(here, expected).ready).toBe(true);
    expect(readyAfterReboot(node('n', { bootId: '' }), { bootId: '' }).ready).toBe(false);
  });

  it('reports pods that crash since the reboot', () => {
    const none = new Set<string>();
    const pods = [
      { ...agent, restarts: 3 },
      { ...agent, name: 'shop/x', workload: 'shop/ReplicaSet/x', crashLooping: true },
    ];
    expect(newCrashes({ [agent.name]: 1 }, pods, none)).toEqual([
      'kube-system/agent (3 restarts)',
      'shop/x (1 restarts, CrashLoopBackOff)',
    ]);
    expect(newCrashes({ [agent.name]: 1 }, pods, new Set(['shop/ReplicaSet/x']))).toEqual([
      'kube-system/agent (3 restarts)',
    ]);
    expect(newCrashes({ [agent.name]: agent.restarts }, [agent], none)).toEqual([]);
  });

  it('does not wait for DaemonSet pods of a workload that crashed before', () => {
    const late = { ...agent, ready: false, crashLooping: true };
    const ready = (crashing: readonly string[]) =>
      readyAfterReboot(node('n', { bootId: 'new' }), {
        bootId: 'new',
        pods: [late],
        crashing: new Set(crashing),
      }).ready;
    expect([ready([]), ready([agent.workload])]).toEqual([false, true]);
  });
});

describe('inventory from nodes', () => {
  it('has groups by pool, the control plane apart, and zones', () => {
    const zone = { 'topology.kubernetes.io/zone': 'eu-1a' };
    expect(
      inventoryFromNodes([
        node('b', { labels: { ...zone, pool: 'web-1' }, addresses: ['fe80::1', '10.0.0.2'] }),
        node('a', { labels: { pool: 'web-1' } }),
        node('m', { labels: { 'node-role.kubernetes.io/master': '', pool: 'web-1' } }),
        node('x'),
      ]),
    ).toEqual({
      all: {
        children: {
          web_1: {
            hosts: {
              a: { node_name: 'a' },
              b: { node_name: 'b', ansible_host: '10.0.0.2', zone: 'eu-1a' },
            },
          },
          control_plane: { hosts: { m: { node_name: 'm' } } },
          nodes: { hosts: { x: { node_name: 'x' } } },
        },
      },
    });
  });
});

describe('deployments', () => {
  const meta = { namespace: 'shop', name: 'web', generation: 4 };
  it.each([
    [
      'all there',
      {
        metadata: meta,
        spec: { replicas: 3 },
        status: { observedGeneration: 4, availableReplicas: 3 },
      },
      [3, 3],
    ],
    [
      'scaled to nothing',
      { metadata: meta, spec: { replicas: 0 }, status: { observedGeneration: 4 } },
      [0, 0],
    ],
    [
      'by default it wants one',
      { metadata: meta, spec: {}, status: { observedGeneration: 4, availableReplicas: 1 } },
      [1, 1],
    ],
    [
      'a newer specification was not seen',
      {
        metadata: meta,
        spec: { replicas: 3 },
        status: { observedGeneration: 3, availableReplicas: 3 },
      },
      [3, 0],
    ],
    ['no status yet', { metadata: meta, spec: { replicas: 2 } }, [2, 0]],
  ] as const)('%s', (_, object, [wanted, available]) => {
    expect(deploymentState(object)).toEqual({ name: 'shop/web', wanted, available });
  });
});
