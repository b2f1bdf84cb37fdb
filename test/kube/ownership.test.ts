// Cordon and uncordon: the situations in kubectl's tests, and the ownership of a node.
import { describe, expect, it } from 'vitest';
import {
  decideCordon,
  decidePlain,
  decideRelease,
  decideUncordon,
  nodeState,
  ownerAnnotation,
  ownershipFailure,
  ownershipOf,
} from '../../src/adapters/kube/node/ownership.ts';
import type { NodeObject } from '../../src/adapters/kube/objects/objects.ts';

const owner = { run: 'r1', number: 1 };
const at = '2024-05-01T12:00:00.000Z';

interface Shape {
  readonly cordoned?: boolean;
  readonly mark?: object | string;
}
function node({ cordoned, mark }: Shape = {}): NodeObject {
  const annotation =
    mark === undefined
      ? {}
      : { [ownerAnnotation]: typeof mark === 'string' ? mark : JSON.stringify(mark) };
  return {
    metadata: { name: 'n1', resourceVersion: '7', annotations: annotation },
    spec: cordoned === undefined ? {} : { unschedulable: cordoned },
  };
}
const ours = (more: object = {}): object => ({ ...owner, wasUnschedulable: false, at, ...more });
const kindOf = (decision: {
  readonly kind: string;
  readonly failure?: { readonly kind: string };
}): string => decision.failure?.kind ?? decision.kind;

describe('cordon', () => {
  it.each([
    ['a schedulable node is cordoned', {}, 'write'],
    ['a node explicitly schedulable is cordoned', { cordoned: false }, 'write'],
    ['a node that somebody else cordoned is marked, and found so', { cordoned: true }, 'write'],
    ['a node that is ours already needs nothing', { cordoned: true, mark: ours() }, 'owned'],
    ['a node of another run is fenced', { cordoned: true, mark: ours({ run: 'r2' }) }, 'fenced'],
    [
      'a node of another run that a person uncordoned is fenced too',
      { cordoned: false, mark: ours({ run: 'r2' }) },
      'fenced',
    ],
    [
      'a node that a person uncordoned while we held it is blocked',
      { cordoned: false, mark: ours() },
      'blocked',
    ],
    [
      'an older number of the same run is raised',
      { cordoned: true, mark: ours({ number: 0 }) },
      'write',
    ],
    [
      'a newer number of the same run fences us',
      { cordoned: true, mark: ours({ number: 2 }) },
      'fenced',
    ],
    ['a mark that cannot be read is somebody', { cordoned: true, mark: 'not json' }, 'fenced'],
  ] as const)('%s', (_, shape, kind) => {
    expect(kindOf(decideCordon(node(shape), { owner, at }))).toBe(kind);
  });

  it('writes mark and cordon in one patch with the resourceVersion that was read', () => {
    expect(decideCordon(node({ cordoned: true }), { owner, at })).toMatchObject({
      ownership: { wasUnschedulable: true },
      patch: {
        metadata: { resourceVersion: '7', annotations: { [ownerAnnotation]: expect.any(String) } },
        spec: { unschedulable: true },
      },
    });
  });

  it('keeps the state from before the first cordon when a resumed run takes over its own node', () => {
    const decision = decideCordon(
      node({ cordoned: true, mark: ours({ number: 0, wasUnschedulable: true }) }),
      { owner, at },
    );
    expect(decision).toMatchObject({ ownership: { number: 1, wasUnschedulable: true } });
  });

  it('takes over the node of the named run only', () => {
    const theirs = node({ cordoned: true, mark: ours({ run: 'dead', wasUnschedulable: false }) });
    expect(decideCordon(theirs, { owner, at, takeover: 'dead' })).toMatchObject({
      kind: 'write',
      ownership: { run: 'r1', wasUnschedulable: false },
    });
    expect(kindOf(decideCordon(theirs, { owner, at, takeover: 'other' }))).toBe('fenced');
  });
});

describe('uncordon', () => {
  it.each([
    ['ours is uncordoned', { cordoned: true, mark: ours() }, { kind: 'write', uncordoned: true }],
    [
      'cordoned before we came stays so',
      { cordoned: true, mark: ours({ wasUnschedulable: true }) },
      { kind: 'write', uncordoned: false },
    ],
    [
      'uncordoned by somebody meanwhile: only the mark goes',
      { mark: ours() },
      { kind: 'write', uncordoned: false },
    ],
    ['without our mark nothing is written', { cordoned: true }, { kind: 'nothing' }],
    [
      'of another run is fenced',
      { cordoned: true, mark: ours({ run: 'r2' }) },
      { kind: 'failure', failure: { kind: 'fenced' } },
    ],
    [
      'of a newer number of this run is fenced',
      { cordoned: true, mark: ours({ number: 9 }) },
      { kind: 'failure', failure: { kind: 'fenced' } },
    ],
  ] as const)('%s', (_, shape, expected) => {
    expect(decideUncordon(node(shape), owner)).toMatchObject(expected);
  });

  it('leaves `unschedulable` as it is if this run did not set it', () => {
    const decision = decideUncordon(
      node({ cordoned: true, mark: ours({ wasUnschedulable: true }) }),
      owner,
    );
    expect(decision.patch).toEqual({
      metadata: { resourceVersion: '7', annotations: { [ownerAnnotation]: null } },
    });
  });

  it.each([
    ['cordoned by anybody', { cordoned: true }, undefined, 'write'],
    ['held by a run', { cordoned: true, mark: ours({ run: 'r2' }) }, undefined, 'failure'],
    [
      'held by a run that is taken over',
      { cordoned: true, mark: ours({ run: 'r2' }) },
      'r2',
      'write',
    ],
    [
      'held by another run than the one taken over',
      { cordoned: true, mark: ours({ run: 'r2' }) },
      'r3',
      'failure',
    ],
    ['schedulable already', {}, undefined, 'nothing'],
  ] as const)('without a run, as kubectl does: %s', (_, shape, takeover, kind) => {
    expect(decidePlain(node(shape), false, takeover).kind).toBe(kind);
  });

  it.each([
    [
      'schedulable',
      {},
      undefined,
      { kind: 'write', changed: true, patch: { spec: { unschedulable: true } } },
    ],
    ['cordoned already', { cordoned: true }, undefined, { kind: 'nothing', changed: false }],
    [
      'held by a run',
      { cordoned: true, mark: ours({ run: 'r2' }) },
      undefined,
      { kind: 'failure', failure: { kind: 'fenced' } },
    ],
    [
      'taken over: the mark goes, the cordon stays',
      { cordoned: true, mark: ours({ run: 'r2' }) },
      'r2',
      { kind: 'write', changed: false },
    ],
  ] as const)('a plain cordon: %s', (_, shape, takeover, expected) => {
    expect(decidePlain(node(shape), true, takeover)).toMatchObject(expected);
  });
});

describe('the ownership of a node', () => {
  it.each([
    ['cordoned and marked is ours', { cordoned: true, mark: ours() }, undefined],
    ['uncordoned by somebody is blocked', { mark: ours() }, 'blocked'],
    ['a mark taken off is blocked', { cordoned: true }, 'blocked'],
    ['another run is fenced', { cordoned: true, mark: ours({ run: 'r2' }) }, 'fenced'],
    ['another number is fenced', { cordoned: true, mark: ours({ number: 2 }) }, 'fenced'],
  ] as const)('%s', (_, shape, kind) => {
    expect(ownershipFailure(node(shape), owner)?.kind).toBe(kind);
  });

  it.each([
    ['ours', ours(), true],
    ['of another run', ours({ run: 'r2' }), false],
    ['of another number of this run', ours({ number: 2 }), false],
    ['none', undefined, false],
  ])('a mark is removed, and the cordon left, only if the mark is ours: %s', (_, mark, goes) => {
    const { patch } = decideRelease(
      node({ cordoned: true, ...(mark === undefined ? {} : { mark }) }),
      owner,
    );
    expect(patch).toEqual(
      goes
        ? { metadata: { resourceVersion: '7', annotations: { [ownerAnnotation]: null } } }
        : undefined,
    );
  });

  it.each([
    ['without a number', { run: 'r' }, { run: 'r', number: 0, at: '', wasUnschedulable: false }],
    [
      'with words for numbers',
      { run: 'r', number: '3', at: 7, wasUnschedulable: 'yes' },
      { run: 'r', number: 0, at: '', wasUnschedulable: false },
    ],
    ['null', 'null', { run: 'unreadable (null)', number: 0, at: '', wasUnschedulable: true }],
    ['a number', '7', { run: 'unreadable (7)', number: 0, at: '', wasUnschedulable: true }],
    [
      'a run that is no text',
      { run: 5 },
      { run: 'unreadable ({"run":5})', number: 0, at: '', wasUnschedulable: true },
    ],
  ])('reads a mark %s', (_, mark, hold) => expect(ownershipOf(node({ mark }))).toEqual(hold));

  it('reports since when another run owns the node, if that is known', () => {
    expect(
      ownershipFailure(node({ cordoned: true, mark: ours({ run: 'r2' }) }), owner)?.message,
    ).toBe(`node n1 is held by run r2, number 1 since ${at}`);
    expect(ownershipFailure(node({ cordoned: true, mark: { run: 'r2' } }), owner)?.message).toBe(
      'node n1 is held by run r2, number 0',
    );
  });

  it('reports an unreadable mark', () =>
    expect(ownershipOf(node({ mark: '{"x":1}' }))?.run).toContain('unreadable'));
});

describe('node state', () => {
  it('has readiness, versions, boot id and taints of an unhealthy node, but not the taint of the cordon', () => {
    const state = nodeState({
      metadata: {
        name: 'n1',
        labels: { pool: 'a' },
        annotations: { [ownerAnnotation]: JSON.stringify(ours()) },
      },
      spec: {
        unschedulable: true,
        taints: [
          { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
          { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
        ],
      },
      status: {
        conditions: [{ type: 'Ready', status: 'Unknown' }],
        addresses: [{ type: 'InternalIP', address: '10.0.0.9' }],
        nodeInfo: {
          bootID: 'b1',
          kernelVersion: 'k',
          containerRuntimeVersion: 'docker://1',
          kubeletVersion: 'v1',
        },
      },
    });
    expect(state).toEqual({
      name: 'n1',
      ready: false,
      unschedulable: true,
      bootId: 'b1',
      kernel: 'k',
      runtime: 'docker://1',
      kubelet: 'v1',
      labels: { pool: 'a' },
      notReadyTaints: ['node.kubernetes.io/not-ready'],
      owner: { run: 'r1', number: 1, wasUnschedulable: false },
      addresses: ['10.0.0.9'],
    });
  });

  it('has empty values for a node without a status', () => {
    expect(nodeState({ metadata: { name: 'n1' } })).toMatchObject({
      ready: false,
      bootId: '',
      addresses: [],
    });
  });
});

describe("a node with an operator's hold", () => {
  const held = (shape: Shape, why = 'disk\nswap'): NodeObject => {
    const { metadata, ...rest } = node(shape);
    return {
      ...rest,
      metadata: { ...metadata, annotations: { ...metadata?.annotations, 'kmend.io/hold': why } },
    };
  };

  it.each([
    ['a schedulable one', {}],
    ['one that somebody else cordoned', { cordoned: true }],
    ['one that is ours', { cordoned: true, mark: ours() }],
    ['one of an older controller of this run', { cordoned: true, mark: ours({ number: 0 }) }],
  ])('is not cordoned %s: the write itself is refused', (_name, shape: Shape) => {
    expect(kindOf(decideCordon(held(shape), { owner, at }))).toBe('kept_out');
  });

  it('is neither drained further nor rebooted, but it is uncordoned', () => {
    expect(ownershipFailure(held({ cordoned: true, mark: ours() }), owner)?.kind).toBe('kept_out');
    expect(decideUncordon(held({ cordoned: true, mark: ours() }), owner)).toMatchObject({
      kind: 'write',
      uncordoned: true,
    });
  });

  it('shows the reason in one line, or that none is given', () => {
    expect(nodeState(held({})).hold).toMatch(/^disk.+swap$/);
    expect(nodeState(held({}, '')).hold).toBe('no reason given');
  });
});
