// Placement of pods: tolerations, affinity, free room and used room.
import { describe, expect, it } from 'vitest';
import {
  addUsage,
  emptyUsage,
  nowhereToGo,
  type Usage,
} from '../../src/adapters/kube/node/placement.ts';
import type {
  NodeObject,
  PodObject,
  Taint,
  Toleration,
} from '../../src/adapters/kube/objects/objects.ts';
import { pod } from './pods.ts';

const node = (
  name: string,
  allocatable: Readonly<Record<string, string>>,
  taints: readonly Taint[] = [],
): NodeObject => ({
  metadata: { name, labels: {} },
  spec: { taints },
  status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable },
});
const asks = (cpu: string, memory: string, more: PodObject['spec'] = {}): PodObject =>
  pod({
    name: 'a',
    owner: 'ReplicaSet/web',
    spec: { nodeName: 'n2', containers: [{ resources: { requests: { cpu, memory } } }], ...more },
  });
const used = (...pods: readonly PodObject[]): Usage => {
  const usage = emptyUsage();
  addUsage(usage, pods);
  return usage;
};
const why = (
  pods: readonly PodObject[],
  nodes: readonly NodeObject[],
  usage = emptyUsage(),
): readonly string[] =>
  [...nowhereToGo(pods, nodes, 'n1', usage).values()].map((text) =>
    text.replace(/^.*takes it \(/, '').replace(/\)$/, ''),
  );

describe('tolerations', () => {
  const taint: Taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
  it.each<readonly [string, readonly Toleration[], Taint, boolean]>([
    ['none', [], taint, false],
    ['of the key, whatever its value', [{ key: 'gpu', operator: 'Exists' }], taint, true],
    ['of another key', [{ key: 'cpu', operator: 'Exists' }], taint, false],
    ['of the value', [{ key: 'gpu', value: 'yes' }], taint, true],
    ['of the value, said as Equal', [{ key: 'gpu', operator: 'Equal', value: 'yes' }], taint, true],
    ['of another value', [{ key: 'gpu', operator: 'Equal', value: 'no' }], taint, false],
    ['of no value, and the taint has one', [{ key: 'gpu' }], taint, false],
    ['of no value, as the taint', [{ key: 'gpu' }], { key: 'gpu', effect: 'NoSchedule' }, true],
    [
      'of an empty value, and the taint has none',
      [{ key: 'gpu', value: '' }],
      { key: 'gpu', effect: 'NoSchedule' },
      true,
    ],
    ['of the effect', [{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }], taint, true],
    ['of every effect', [{ key: 'gpu', operator: 'Exists', effect: '' }], taint, true],
    ['of another effect', [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }], taint, false],
    ['of everything', [{ operator: 'Exists' }], taint, true],
    ['of everything, with an empty key', [{ key: '', operator: 'Exists' }], taint, true],
    ['of nothing: neither key nor operator', [{}], taint, false],
    ['of nothing: an empty key', [{ key: '', operator: 'Equal', value: 'yes' }], taint, false],
    [
      'the second of two',
      [
        { key: 'cpu', operator: 'Exists' },
        { key: 'gpu', operator: 'Exists' },
      ],
      taint,
      true,
    ],
  ])('%s', (_, tolerations, given, goes) => {
    expect(
      why([asks('1', '1Gi', { tolerations })], [node('n2', { cpu: '4', memory: '8Gi' }, [given])]),
    ).toEqual(goes ? [] : ['1 tainted gpu']);
  });
});

describe('node affinity', () => {
  const affinity = (terms: readonly object[]): PodObject['spec'] =>
    ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
        },
      },
    }) as PodObject['spec'];
  const named = (name: string) => ({
    matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }],
  });
  const labelled = { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] };
  it.each([
    ['by name', [named('n2')], true],
    ['by another name', [named('n9')], false],
    ['one of two terms', [named('n9'), named('n2')], true],
    ['both parts of a term', [{ ...named('n2'), ...labelled }], true],
    ['one part of a term is not enough', [{ ...named('n9'), ...labelled }], false],
    ['a term that says nothing fits no node', [{}], false],
    ['no terms fit no node', [], false],
  ] as const)('%s', (_, terms, goes) => {
    const stuck = why(
      [asks('1', '1Gi', affinity(terms))],
      [node('n2', { cpu: '4', memory: '8Gi' })],
    );
    expect(stuck).toEqual(goes ? [] : ['1 outside its node affinity']);
  });
});

describe('room', () => {
  const small = node('n2', { cpu: '2', memory: '4Gi', pods: '3' });
  it.each<readonly [string, readonly PodObject[], Usage, readonly string[]]>([
    ['fits to the byte and the millicore', [asks('2', '4Gi')], emptyUsage(), []],
    [
      'a millicore too much',
      [asks('2001m', '1Gi')],
      emptyUsage(),
      ['1 short of CPU (it asks for 2001m)'],
    ],
    [
      'a MiB too much',
      [asks('1', '4097Mi')],
      emptyUsage(),
      [expect.stringMatching(/^1 short of memory/)],
    ],
    [
      'beside what is there',
      [asks('1', '1Gi')],
      used(asks('500m', '1Gi'), asks('500m', '1Gi')),
      [],
    ],
    [
      'CPU that others have',
      [asks('1001m', '1Gi')],
      used(asks('500m', '1Gi'), asks('500m', '1Gi')),
      ['1 short of CPU (it asks for 1001m)'],
    ],
    [
      'memory that others have',
      [asks('1', '3Gi')],
      used(asks('500m', '1Gi'), asks('500m', '1Gi')),
      ['1 short of memory (it asks for 3Gi)'],
    ],
    ['the last place', [asks('0', '0')], used(asks('0', '0'), asks('0', '0')), []],
    [
      'no place',
      [asks('0', '0')],
      used(asks('0', '0'), asks('0', '0'), asks('0', '0')),
      ['1 full (no place for one more pod)'],
    ],
    [
      'CPU that the pod before took',
      [asks('1500m', '1'), asks('1', '1')],
      emptyUsage(),
      ['1 short of CPU (it asks for 1000m)'],
    ],
    [
      'memory that the pod before took',
      [asks('0', '3Gi'), asks('0', '2Gi')],
      emptyUsage(),
      ['1 short of memory (it asks for 2Gi)'],
    ],
    [
      'places that the pods before took',
      [1, 2, 3, 4].map(() => asks('0', '0')),
      emptyUsage(),
      ['1 full (no place for one more pod)'],
    ],
  ])('%s', (_, pods, usage, expected) => {
    expect(why(pods, [small], usage)).toEqual(expected);
  });

  it("a node without a limit of pods has room for 110, as the kubelet's default", () => {
    const silent = node('n2', { cpu: '2', memory: '4Gi' });
    const many = (count: number) => used(...Array.from({ length: count }, () => asks('0', '0')));
    expect(why([asks('0', '0')], [silent], many(109))).toEqual([]);
    expect(why([asks('0', '0')], [silent], many(110))).toEqual([
      '1 full (no place for one more pod)',
    ]);
  });

  it('pods request the sum of their containers, or the largest init container if that is more', () => {
    const with2 = (init: string): PodObject => ({
      ...pod({ owner: 'ReplicaSet/web' }),
      spec: {
        nodeName: 'n2',
        containers: [
          { resources: { requests: { cpu: '500m' } } },
          { resources: { requests: { cpu: '500m' } } },
          {},
        ],
        initContainers: [{ resources: { requests: { cpu: init } } }],
      },
    });
    expect(why([with2('900m')], [node('n2', { cpu: '999m', memory: '1Gi' })])).toEqual([
      '1 short of CPU (it asks for 1000m)',
    ]);
    expect(why([with2('1500m')], [node('n2', { cpu: '1499m', memory: '1Gi' })])).toEqual([
      '1 short of CPU (it asks for 1500m)',
    ]);
  });

  it('each reason comes with its number of nodes; the second node is used when the first is full', () => {
    const nodes = [
      small,
      node('n3', { cpu: '2', memory: '4Gi' }),
      node('n4', { cpu: '8', memory: '1Gi' }),
    ];
    expect(why([asks('3', '2Gi')], nodes)).toEqual([
      '2 short of CPU (it asks for 3000m), 1 short of memory (it asks for 2Gi)',
    ]);
    expect(why([asks('2', '1Gi'), asks('2', '1Gi')], nodes)).toEqual([]);
  });
});

describe('the used room counts', () => {
  const at = (nodeName: string | undefined, more: Parameters<typeof pod>[0] = {}): PodObject => {
    const made = pod({ owner: 'ReplicaSet/web', ...more });
    return {
      ...made,
      spec: {
        containers: [{ resources: { requests: { cpu: '1', memory: '1Gi' } } }],
        ...(nodeName === undefined ? {} : { nodeName }),
      },
    };
  };
  it('pods with a node that have not finished', () => {
    const usage = used(
      at('n2'),
      at('n2'),
      at('n3'),
      at(undefined),
      at(''),
      at('n2', { phase: 'Succeeded' }),
      at('n2', { phase: 'Failed' }),
    );
    expect([...usage.byNode]).toEqual([
      ['n2', { cpu: 2, memory: 2 * 1024 ** 3, pods: 2 }],
      ['n3', { cpu: 1, memory: 1024 ** 3, pods: 1 }],
    ]);
  });

  it('ready pods of each controller, and of no other owner', () => {
    const silent: PodObject = { ...at('n2'), status: { phase: 'Running' } };
    const scheduled: PodObject = {
      ...at('n2'),
      status: { phase: 'Running', conditions: [{ type: 'PodScheduled', status: 'True' }] },
    };
    const owned: PodObject = {
      ...at('n2'),
      metadata: { ownerReferences: [{ kind: 'X', name: 'x', uid: 'other', controller: false }] },
    };
    const bare = at('n2', { owner: '' });
    const usage = used(
      at('n2'),
      at('n3'),
      at('n2', { ready: false }),
      silent,
      scheduled,
      owned,
      bare,
    );
    expect([...usage.readyByOwner]).toEqual([['uid-web', 2]]);
  });
});
