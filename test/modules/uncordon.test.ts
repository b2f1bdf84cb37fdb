// uncordon as a table.

import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { planOf } from './laws.ts';

const ours = {
  hasCluster: true,
  node: 'n1',
  done: { drained: true, cordoned: true, rebooted: true },
};

describe('uncordon', () => {
  it('uncordons the node that this run cordoned', () => {
    expect(
      planOf('uncordon', { args: {}, facts: {}, context: ours }).changes[0]?.effects,
    ).toMatchObject([{ kind: 'uncordon', node: 'n1' }]);
  });
  it.each<[string, unknown, object, object]>([
    [
      'leaves a node alone that somebody else cordoned',
      null,
      {},
      { ...ours, done: { ...ours.done, cordoned: false } },
    ],
    ['has no node to uncordon without a cluster', {}, {}, {}],
    [
      'does not run its command on a host without a kubelet',
      { command: 'x' },
      { 'kubelet.installed': false },
      {},
    ],
  ])('%s', (_, args, facts, context) => {
    expect(planOf('uncordon', { args, facts: facts as Facts, context }).changes).toEqual([]);
  });
  it.each<[string, unknown, object]>([
    ['the node', {}, {}],
    ['by a command', 'return-to-service', { 'kubelet.installed': true }],
  ])('does not uncordon without a proof whose failure was ignored: %s', (_, args, facts) => {
    const context = { ...ours, done: { ...ours.done, unproven: 'Proof' } };
    const { changes, unmet } = planOf('uncordon', { args, facts: facts as Facts, context });
    expect(changes).toEqual([]);
    expect(unmet).toMatchObject({
      kind: 'not_verified',
      evidence: expect.stringMatching(/"Proof" failed and was ignored/),
    });
  });
  it('runs a command of the play', () => {
    expect(
      planOf('uncordon', { args: 'return-to-service', facts: { 'kubelet.installed': true } })
        .changes[0]?.effects,
    ).toMatchObject([{ kind: 'run' }]);
  });
});
