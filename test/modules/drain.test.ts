// drain as a table.

import { describe, expect, it } from 'vitest';
import type { Facts } from '../../src/model/fact.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const kubelet = { 'kubelet.installed': true };
const inCluster = { hasCluster: true, node: 'n1' };

describe('drain', () => {
  it('cordons, then evicts', () => {
    const plan = planOf('drain', {
      args: { timeout: '30m', delete_emptydir_data: true, left_behind: 'accept' },
      facts: kubelet,
      context: inCluster,
    });
    expect(plan.changes.flatMap((change) => change.effects)).toMatchObject([
      { kind: 'cordon', node: 'n1' },
      {
        kind: 'drain',
        node: 'n1',
        timeout: 1800,
        options: {
          leftBehind: 'accept',
          deleteEmptydirData: true,
          ignoreDaemonsets: true,
          force: false,
          keepCordoned: false,
        },
      },
    ]);
  });

  it.each<[string, unknown, object, object, RegExp]>([
    ['passes a host without a kubelet over', {}, { 'kubelet.installed': false }, {}, /no kubelet/],
    [
      'is done when this run drained the node',
      {},
      kubelet,
      { ...inCluster, done: { drained: true, cordoned: true, rebooted: false } },
      /drained by this run/,
    ],
    [
      'does not call it drained where pods may be left',
      { left_behind: 'accept' },
      kubelet,
      { ...inCluster, done: { drained: true, cordoned: true, rebooted: false, mayLeave: true } },
      /^emptied by this run$/,
    ],
    ['does nothing where the play says so', 'none', kubelet, {}, /drain: none/],
  ])('%s', (_, args, facts, context, note) => {
    const plan = planOf('drain', { args, facts: facts as Facts, context });
    expect(plan.changes).toEqual([]);
    expect(plan.note).toMatch(note);
  });

  it.each<[string, object, RegExp]>([
    ['no cluster is configured', {}, /no cluster is configured/],
    ['the host is not known as a node', { hasCluster: true }, /not known as a node/],
  ])('refuses a host with a kubelet when %s', (_, context, why) => {
    expect(planOf('drain', { args: {}, facts: kubelet, context }).refuse?.why).toMatch(why);
  });

  it('runs a command of the play, once, with or without a cluster', () => {
    const plan = planOf('drain', { args: { command: 'drain-me --now' }, facts: kubelet });
    expect(plan.changes[0]?.effects).toMatchObject([
      { kind: 'run', what: 'drain by: drain-me --now' },
    ]);
    expect(planOf('drain', { args: 'drain-me --now', facts: kubelet })).toEqual(plan);
  });

  it('promises a later reboot that the node is drained', () => {
    expect(planOf('drain', { args: 'none', facts: kubelet }).sets).toEqual({ kmend_drain: 'none' });
    expect(planOf('drain', { args: { command: 'x' }, facts: kubelet }).sets).toEqual({
      kmend_drain: 'command',
    });
  });

  it('may be written without arguments', () => {
    expect(parseArgs(moduleNamed('drain'), null)).toEqual(parseArgs(moduleNamed('drain'), {}));
    expect(() => parseArgs(moduleNamed('drain'), { timeout: 'soon' })).toThrow();
    expect(() => parseArgs(moduleNamed('drain'), { delete_local_data: true })).toThrow();
  });
});
