// Order, exit codes and estimates as tables.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secondsOf, withHistory } from '../../src/core/plan/estimate.ts';
import { orderHosts } from '../../src/core/plan/order.ts';
import { assemblePlay } from '../../src/core/plan/plan-play.ts';
import { type ExitReason, exitCode } from '../../src/core/rollout/exit.ts';
import type { HostPlan, PlannedChange } from '../../src/model/run/plan.ts';
import { fleet, plain, planFor } from './fleet.ts';

describe('order of work', () => {
  const hosts = [
    planFor('c', { verdict: 'on' }),
    planFor('a', { verdict: 'leaking' }),
    planFor('d', { verdict: 'off' }),
    planFor('b', { verdict: 'at_risk' }),
    planFor('e', { verdict: 'on' }),
  ];

  it.each([
    ['inventory', 'c a d b e'],
    ['reverse_inventory', 'e b d a c'],
    ['sorted', 'a b c d e'],
    ['reverse_sorted', 'e d c b a'],
    ['worst_first', 'a b c e d'],
  ] as const)('%s is %s', (order, names) => {
    expect(
      orderHosts(hosts, order, 'r1')
        .map((host) => host.host)
        .join(' '),
    ).toBe(names);
  });

  it('longest_first is by what each host is expected to take, and by name among equals', () => {
    const timed = hosts.map((host, index) => ({
      ...host,
      expected: { seconds: [60, 90, 60, 300, 90][index] ?? 0, by: 'host' as const },
    }));
    for (const given of [timed, timed.toReversed()])
      expect(
        orderHosts(given, 'longest_first', 'r1')
          .map((host) => host.host)
          .join(' '),
      ).toBe('b a e c d');
  });

  it('shuffle is the same for the same seed, another for another, and loses nobody', () => {
    const many = fleet(50).map((host) => host.plan);
    const order = (seed: string) => orderHosts(many, 'shuffle', seed).map((host) => host.host);
    expect(order('r1')).toEqual(order('r1'));
    expect(order('r1')).not.toEqual(order('r2'));
    expect(order('r1').toSorted()).toEqual(many.map((host) => host.host).toSorted());
  });

  it('shuffle puts every host in the first place now and then', () => {
    const firsts = new Set(
      Array.from({ length: 200 }, (_, seed) => orderHosts(hosts, 'shuffle', `${seed}`)[0]?.host),
    );
    expect(firsts.size).toBe(5);
  });
});

describe('must Docker be upgraded after the argument', () => {
  const change = { sign: '+', what: 'boot argument cgroup.memory', risk: 'write' } as const;
  const withTask = (
    host: string,
    module: string,
    changes: readonly PlannedChange[],
    more: Partial<HostPlan> = {},
  ): HostPlan => ({
    ...planFor(host),
    tasks: [{ id: '1', name: 'The argument', module, status: 'change', changes, risk: 'write' }],
    ...more,
  });
  const argued = (host: string) =>
    withTask(host, 'kernel_arg', [{ ...change, after: 'cgroup.memory=nosocket,nokmem' }]);
  const notes = (...hosts: readonly HostPlan[]) => {
    const play = {
      name: 'p',
      hosts: 'all',
      vars: {},
      rollout: plain,
      tags: [],
      tasks: [],
      place: { file: 'p', line: 1, column: 1 },
    };
    const planned = hosts.map((value) => ({
      host: value.host,
      outcome: { ok: true, value } as const,
    }));
    return assemblePlay(play, planned, { pool: hosts.length, seed: 'seed' }).notes;
  };

  it('is answered once for all hosts that get it', () => {
    const answer =
      'with cgroup.memory=nokmem: Docker, containerd and kubelet need no upgrade for this. Once the argument is in force the kernel refuses accounting, whoever asks';
    expect(notes(argued('a'), planFor('b'))).toEqual([`1 host ${answer}`]);
    expect(notes(argued('a'), argued('b'))).toEqual([`2 hosts ${answer}`]);
  });

  it.each<[string, HostPlan]>([
    ['nothing sets it', planFor('a')],
    [
      'it is taken away',
      withTask('a', 'kernel_arg', [{ ...change, sign: '-', before: 'cgroup.memory=nokmem' }]),
    ],
    [
      'it is another argument',
      withTask('a', 'kernel_arg', [{ ...change, after: 'cgroup.memory=nosocket' }]),
    ],
    [
      'the host is refused',
      { ...argued('a'), refused: { task: 'The argument', why: 'the disk is full' } },
    ],
  ])('is not asked where %s', (_, host) => {
    expect(notes(host)).toBeUndefined();
  });
});

describe('exit code', () => {
  const inOrder: readonly [ExitReason, number][] = [
    ['internal', 1],
    ['usage', 3],
    ['locked', 7],
    ['stale', 8],
    ['no_hosts', 11],
    ['blocked', 5],
    ['failed', 4],
    ['unreachable', 6],
    ['unverified', 12],
    ['window', 9],
    ['closed', 10],
    ['changes', 2],
  ];

  it('is 0 without a reason', () => expect(exitCode([])).toBe(0));
  it.each(inOrder)('%s is %i', (reason, code) => expect(exitCode([reason])).toBe(code));
  it('of several reasons is that of the first in the order of precedence', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...inOrder], { minLength: 1 }), (some) => {
        const first = inOrder.find(([reason]) => some.some(([other]) => other === reason));
        expect(exitCode(some.map(([reason]) => reason))).toBe(first?.[1]);
      }),
    );
  });
});

describe('estimate', () => {
  it('adds a stated default for each effect, at most its timeout', () => {
    const effects = [
      { kind: 'cordon', timeout: 60 },
      { kind: 'drain', timeout: 1800 },
      { kind: 'reboot', timeout: 120 },
    ] as const;
    expect(secondsOf(effects)).toBe(5 + 300 + 120);
  });

  const estimated = (planned: number, durations: readonly number[]) =>
    withHistory(durations.map((seconds) => ({ host: 'h1', remedy: 'reboot', seconds, drain: 0 })))(
      planFor('h1', { estimate: planned }),
    ).estimate;

  it.each([
    [[7], 7],
    [[3, 1, 2], 3],
    [Array.from({ length: 100 }, (_, index) => index + 1), 95],
    [Array.from({ length: 20 }, (_, index) => index + 1), 19],
  ])('p95 of %j is %s', (durations, expected) => expect(estimated(600, durations)).toBe(expected));

  it('history goes before defaults; who has nothing to do needs no time', () => {
    expect([estimated(600, []), estimated(600, [1500, 20]), estimated(0, [1500])]).toEqual([
      600, 1500, 0,
    ]);
  });
});
