// One test a line of the policy: what is decided, and why the others wait.
import { describe, expect, it } from 'vitest';
import { mayContinue } from '../../src/core/rollout/may-continue.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { whyNotResolvable } from '../../src/core/run-state/resolve.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import {
  begin,
  decidedAt,
  done,
  emptyState,
  failed,
  fleet,
  hostFor,
  noon,
  plain,
  settle,
  soaked,
  started,
  startsAt,
  stateAfter,
  type TimedEvent,
  wave,
} from './fleet.ts';

const percent = (value: number) => ({ percent: value });
const count = (value: number) => ({ count: value });

describe('before and after', () => {
  it('waits for the run to begin', () => {
    expect(decidedAt(emptyState, 0)).toEqual({ kind: 'wait', why: [] });
  });

  it('finishes with 0 when no host has anything to do', () => {
    const state = stateAfter(begin(fleet(3, () => ({ nothing: true }))));
    expect(decidedAt(state, 0)).toEqual({ kind: 'finish', exit: 0, why: '3 with nothing to do' });
  });

  it('says again how a finished run ended', () => {
    const state = stateAfter(begin(fleet(1)), [
      1,
      { type: 'run.finished', exit: 5, why: 'the brake' },
    ]);
    expect(decidedAt(state, 2)).toEqual({ kind: 'finish', exit: 5, why: 'the brake' });
  });
});

describe('max_unavailable', () => {
  const rows: readonly [string, Partial<Rollout>, number, number][] = [
    ['defaults to one host', {}, 10, 1],
    ['may be a number', { maxUnavailable: count(3) }, 10, 3],
    ['rounds a share down', { maxUnavailable: percent(25) }, 10, 2],
    ['is at least one host for a small share', { maxUnavailable: percent(1) }, 10, 1],
    ['takes a share of the pool before --limit', { maxUnavailable: percent(10) }, 100, 5],
    ['takes 29 % of 100 as 28, as Ansible does', { maxUnavailable: percent(29) }, 100, 28],
  ];
  it.each(rows)('%s', (_name, rollout, pool, slots) => {
    const hosts = fleet(pool === 100 && slots === 28 ? 40 : 5);
    expect(startsAt(stateAfter(begin(hosts, rollout, { pool })), 0)).toHaveLength(
      Math.min(slots, hosts.length),
    );
  });

  it('refills a slot as soon as it is free, without a barrier', () => {
    const state = settle(stateAfter(begin(fleet(4), { maxUnavailable: count(2) })), 0).state;
    const events = stateAfter(
      begin(fleet(4), { maxUnavailable: count(2) }),
      [0, wave(1, ['h1', 'h2', 'h3', 'h4'])],
      [0, started('h1')],
      [0, started('h2')],
      [9, done('h2')],
    );
    expect(state.held).toBe(2);
    expect(startsAt(events, 9)).toEqual(['h3']);
  });

  it('counts what was already missing: 1 of 10 down and 1 allowed starts nobody', () => {
    const state = stateAfter(
      begin(
        fleet(9),
        {},
        {
          pool: 10,
          leftOut: [{ host: 'dead', failure: { kind: 'unreachable', message: 'no route' } }],
        },
      ),
    );
    const { did, last } = settle(state, 0);
    expect(did).toEqual(['begin_wave']);
    expect(last).toMatchObject({ kind: 'finish', exit: 6 });
    expect(last).toMatchObject({
      why: expect.stringContaining('1 out of service, allowed: 1 (dead)'),
    });
  });

  it('a host that was left out but is up takes no capacity', () => {
    const leftOut = [{ host: 'locked', failure: { kind: 'auth' as const, message: 'no key' } }];
    expect(startsAt(stateAfter(begin(fleet(2), {}, { leftOut })), 0)).toEqual(['h1']);
  });

  it('waits for missing capacity only with --wait', () => {
    const state = stateAfter(
      begin(fleet(3)),
      [0, wave(1, ['h1', 'h2', 'h3'])],
      [0, { type: 'capacity.read', unavailable: ['other'] }],
    );
    expect(decidedAt(state, 1)).toMatchObject({ kind: 'finish', exit: 10 });
    expect(decidedAt(state, 1, { wait: true, capacitySource: true })).toMatchObject({
      kind: 'wait',
      until: noon + 15_000,
      why: [{ rule: 'capacity' }],
    });
  });

  const left = (host: string) =>
    [0, { type: 'slots.read', others: [{ host, run: 'r0', failed: true }] }] as const;

  it('starts none after a failure in another run of the play, but the host that failed there itself', () => {
    const policy = { maxUnavailable: count(2) };
    const begun = [0, wave(1, ['h1', 'h2', 'h3'])] as const;
    const elsewhere = stateAfter(begin(fleet(3), policy), begun, left('other'));
    expect(decidedAt(elsewhere, 1)).toMatchObject({
      kind: 'finish',
      exit: 5,
      why: expect.stringContaining('other in run r0, allowed: 0'),
    });
    expect(decidedAt(elsewhere, 1, { wait: true, slotsReadAt: noon })).toMatchObject({
      kind: 'wait',
      until: noon + 2000,
    });
    expect(decidedAt(elsewhere, 2, { wait: true, slotsReadAt: noon })).toMatchObject({
      kind: 'read_capacity',
    });
    expect(decidedAt(stateAfter(begin(fleet(3), policy), begun, left('h2')), 1)).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
  });

  it('counts a host that failed in another run by its end in this run alone, once this run walks it', () => {
    const decided = (failures: number, ...timed: readonly TimedEvent[]) => {
      const start = begin(fleet(3), {
        maxUnavailable: count(2),
        brake: { failures: count(failures), unreachable: 'count' },
      });
      return decidedAt(
        stateAfter(
          start,
          [0, wave(1, ['h1', 'h2', 'h3'])],
          left('h2'),
          [1, started('h2')],
          ...timed,
        ),
        3,
      );
    };
    expect(decided(0)).toMatchObject({ kind: 'start', host: 'h1' });
    expect(decided(0, [2, done('h2')])).toMatchObject({ kind: 'start', host: 'h1' });
    expect(decided(0, [2, done('h2', false)])).toMatchObject({ kind: 'finish', exit: 5 });
    expect(decided(1, [2, failed('h2')])).toMatchObject({ kind: 'start', host: 'h1' });
  });

  it('reads capacity again before every start, where there is a source for it', () => {
    const begun = [
      [0, wave(1, ['h1', 'h2'])],
      [0, { type: 'capacity.read', unavailable: [] }],
    ] as const;
    const policy = { maxUnavailable: count(2) };
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), begun[0]), 0, { capacitySource: true }),
    ).toMatchObject({ kind: 'read_capacity' });
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...begun), 0, { capacitySource: true }),
    ).toMatchObject({
      kind: 'start',
      host: 'h1',
    });
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...begun, [0, started('h1')]), 0, {
        capacitySource: true,
      }),
    ).toMatchObject({
      kind: 'read_capacity',
    });
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...begun), 16, { capacitySource: true }),
    ).toMatchObject({ kind: 'read_capacity' });
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), begun[0]), 0, {
        capacitySource: true,
        readingCapacity: true,
      }),
    ).toMatchObject({
      kind: 'wait',
    });
    // Also where the last reading is fresh: what is being read began before a host that is started
    // now.
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...begun), 0, {
        capacitySource: true,
        readingCapacity: true,
      }),
    ).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'capacity' }],
    });
  });

  it('finds a missing node by its name, and that host goes first with the slot that it holds itself', () => {
    const hosts = fleet(3, (number) => ({ node: `node${number}` }));
    const state = stateAfter(begin(hosts), [0, { type: 'capacity.read', unavailable: ['node3'] }]);
    expect(settle(state, 0).did).toEqual(['begin_wave', 'start h3']);
  });

  it('takes a host that is down first, and no second one beside it', () => {
    const hosts = [hostFor('up1'), hostFor('up2'), hostFor('dead', { down: true })];
    const state = stateAfter(begin(hosts));
    expect(settle(state, 0).did).toEqual(['begin_wave', 'start dead']);
    const after = stateAfter(
      begin(hosts),
      [0, wave(1, ['dead', 'up1', 'up2'])],
      [0, started('dead')],
      [60, done('dead')],
    );
    expect(startsAt(after, 60)).toEqual(['up1']);
  });

  it('never works on more hosts than it has slots, also when all of them are down', () => {
    expect(
      startsAt(
        stateAfter(
          begin(
            fleet(5, () => ({ down: true })),
            { maxUnavailable: count(2) },
          ),
        ),
        0,
      ),
    ).toEqual(['h1', 'h2']);
  });
});

describe('kept slots (standing rule 2)', () => {
  const policy = { brake: { failures: count(9), unreachable: 'count' as const } };
  const kept = [
    [0, wave(1, ['h1', 'h2'])],
    [0, started('h1')],
    [60, failed('h1')],
  ] as const;

  it('an unattended run ends with 5 when they leave nothing to start', () => {
    const decision = decidedAt(stateAfter(begin(fleet(2), policy), ...kept), 61);
    expect(decision).toMatchObject({ kind: 'finish', exit: 5 });
    expect(decision).toMatchObject({ why: expect.stringContaining('(h1)') });
  });

  it('an attended run pauses and names them', () => {
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...kept), 61, { attended: true }),
    ).toMatchObject({ kind: 'pause', hosts: ['h1'] });
  });

  it('the acknowledgement of a kept host ends that pause, no other: it pauses again where another host still keeps its slot', () => {
    const slots = {
      maxUnavailable: count(2),
      brake: { failures: count(9), unreachable: 'count' as const },
    };
    const timed = [
      [0, wave(1, ['h1', 'h2', 'h3', 'h4'])],
      [0, started('h1')],
      [0, started('h2')],
      [60, failed('h1')],
      [60, failed('h2')],
    ] as const;
    const byKmend = { type: 'run.paused', who: 'kmend', why: 'kept', hosts: ['h1', 'h2'] } as const;
    const byEve = { type: 'run.paused', who: 'eve', why: 'lunch' } as const;
    const word = { type: 'host.resolved', host: 'h1', who: 'eve', note: '', as: 'skip' } as const;
    const decided = (...more: Parameters<typeof stateAfter>[1][]) =>
      decidedAt(stateAfter(begin(fleet(4), slots), ...timed, ...more), 100, { attended: true });
    expect(decided()).toMatchObject({ kind: 'pause', hosts: ['h1', 'h2'] });
    expect(decided([61, byKmend])).toMatchObject({ kind: 'wait', why: [{ rule: 'paused' }] });
    expect(decided([61, byKmend], [99, word])).toMatchObject({ kind: 'start', host: 'h3' });
    expect(
      decided([61, byKmend], [99, word], [99, started('h3')], [99, failed('h3')]),
    ).toMatchObject({
      kind: 'pause',
      hosts: ['h2', 'h3'],
    });
    expect(decided([61, byKmend], [62, byEve], [99, word])).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'paused' }],
    });
  });

  it('a resolved host gives its slot back', () => {
    const resolved = {
      type: 'host.resolved',
      host: 'h1',
      who: 'eve',
      note: 'disk',
      as: 'done',
    } as const;
    expect(
      decidedAt(stateAfter(begin(fleet(2), policy), ...kept, [99, resolved]), 100),
    ).toMatchObject({ kind: 'start', host: 'h2' });
  });

  it('a host to be retried goes first, as one that is out of service', () => {
    const resolved = {
      type: 'host.resolved',
      host: 'h1',
      who: 'eve',
      note: 'disk',
      as: 'retry',
    } as const;
    expect(startsAt(stateAfter(begin(fleet(2), policy), ...kept, [99, resolved]), 100)).toEqual([
      'h1',
    ]);
    const alone = stateAfter(
      begin(fleet(1), policy),
      [0, wave(1, ['h1'])],
      [0, started('h1')],
      [60, failed('h1')],
      [99, resolved],
    );
    expect(settle(alone, 100).did).toEqual(['start h1']);
  });

  it('a failed drain that was undone gives the slot back and still counts', () => {
    const state = stateAfter(
      begin(fleet(2), policy),
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
      [60, failed('h1', 'blocked', false)],
    );
    expect(state.failures).toBe(1);
    expect(decidedAt(state, 61)).toMatchObject({ kind: 'start', host: 'h2' });
  });

  it('a host that went dark before it was touched keeps its slot: it is out of service', () => {
    const state = stateAfter(
      begin(fleet(2), policy),
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
      [60, failed('h1', 'unreachable', false)],
    );
    expect(decidedAt(state, 61)).toMatchObject({ kind: 'finish', exit: 5 });
  });
});

describe('zones', () => {
  const zones = fleet(6, (number) => ({ zone: `z${number % 2}` }));

  it('max_zones: 1 works in one zone at a time', () => {
    const state = stateAfter(begin(zones, { maxUnavailable: count(3), maxZones: 1 }));
    expect(startsAt(state, 0)).toEqual(['h1', 'h3', 'h5']);
  });

  it('max_per_zone bounds each zone', () => {
    const state = stateAfter(begin(zones, { maxUnavailable: count(5), maxPerZone: count(2) }));
    expect(startsAt(state, 0)).toEqual(['h1', 'h2', 'h3', 'h4']);
  });

  it('a share of max_per_zone is of the zone, at least one host', () => {
    expect(
      startsAt(stateAfter(begin(zones, { maxUnavailable: count(5), maxPerZone: percent(10) })), 0),
    ).toEqual(['h1', 'h2']);
    expect(
      startsAt(stateAfter(begin(zones, { maxUnavailable: count(5), maxPerZone: percent(67) })), 0),
    ).toEqual(['h1', 'h2', 'h3', 'h4']);
  });

  it('a kept slot keeps its zone', () => {
    const policy = {
      maxUnavailable: count(2),
      maxZones: 1,
      brake: { failures: count(9), unreachable: 'count' as const },
    };
    const state = stateAfter(
      begin([hostFor('a1', { zone: 'a' }), hostFor('b1', { zone: 'b' })], policy),
      [0, wave(1, ['a1', 'b1'])],
      [0, started('a1')],
      [9, failed('a1')],
    );
    expect(decidedAt(state, 10)).toMatchObject({ kind: 'finish', exit: 5 });
  });

  it('a zone that is short without us counts as one that is worked in', () => {
    const hosts = [
      hostFor('a1', { zone: 'a' }),
      hostFor('b1', { zone: 'b' }),
      hostFor('b2', { zone: 'b', nothing: true }),
    ];
    const state = stateAfter(begin(hosts, { maxUnavailable: count(2), maxZones: 1 }), [
      0,
      { type: 'capacity.read', unavailable: ['b2'] },
    ]);
    expect(startsAt(state, 0)).toEqual(['b1']);
  });

  it('names the zones that prevent a start', () => {
    const state = settle(
      stateAfter(
        begin(
          fleet(4, (number) => ({ zone: number === 1 ? 'a' : 'b' })),
          { maxUnavailable: count(3), maxZones: 1 },
        ),
      ),
      0,
    );
    expect(state.last).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'zone', text: 'no zone has room: a: 1 out of service (max_zones 1)' }],
    });
  });
});

describe('waves', () => {
  it.each([
    [[count(3)], 10, [3, 3, 3, 1]],
    [[percent(30)], 10, [3, 3, 3, 1]],
    [[percent(30)], 20, [6, 6, 6, 2]],
    [[count(1), count(5), count(10)], 24, [1, 5, 10, 8]],
    [[percent(10), percent(20), percent(100)], 15, [1, 3, 11]],
    [[count(1), count(5), percent(20)], 15, [1, 5, 3, 3, 3]],
    [[count(1), count(5), percent(20)], 30, [1, 5, 6, 6, 6, 6]],
    [[percent(0)], 4, [1, 1, 1, 1]],
    [[count(0)], 4, [4]],
    [[count(-1)], 4, [4]],
    [[percent(33)], 3, [1, 1, 1]],
    [[count(1), count(0)], 5, [1, 4]],
    [[percent(29)], 100, [28, 28, 28, 16]],
    [[], 7, [7]],
  ])('%j of %i hosts are waves of %j', (waves, hosts, sizes) => {
    let state = stateAfter(begin(fleet(hosts), { waves, maxUnavailable: count(hosts) }));
    const seen: number[] = [];
    for (;;) {
      const { did, state: after, last } = settle(state, 0);
      if (last.kind === 'finish') break;
      seen.push(did.filter((step) => step.startsWith('start')).length);
      const timed = did.filter((step) => step.startsWith('start ')).map((step) => step.slice(6));
      state = timed.reduce((current, host) => foldAt(current, done(host)), after);
    }
    expect(seen).toEqual(sizes);
  });

  it('the barrier: the second wave begins when the first has ended, soaked and proven itself again', () => {
    const start = begin(fleet(3), {
      waves: [count(2), count(1)],
      maxUnavailable: count(3),
      soak: { host: 0, wave: 300 },
    });
    const first = [
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
      [0, started('h2')],
      [10, done('h1')],
    ] as const;
    expect(decidedAt(stateAfter(start, ...first), 11)).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'wave' }],
    });
    const ended = stateAfter(start, ...first, [20, done('h2')]);
    expect(decidedAt(ended, 21)).toMatchObject({
      kind: 'wait',
      until: noon + 320_000,
      why: [{ rule: 'soak' }],
    });
    expect(decidedAt(ended, 320)).toMatchObject({ kind: 'repeat_proof', host: 'h1' });
    expect(decidedAt(ended, 320, { busy: new Set(['h1']) })).toMatchObject({ kind: 'wait' });
    const one = stateAfter(start, ...first, [20, done('h2')], [321, soaked('h1')]);
    expect(decidedAt(one, 321)).toMatchObject({ kind: 'repeat_proof', host: 'h2' });
    const both = stateAfter(
      start,
      ...first,
      [20, done('h2')],
      [321, soaked('h1')],
      [322, soaked('h2')],
    );
    expect(settle(both, 322).did).toEqual(['end_wave', 'begin_wave', 'start h3']);
  });
});

function foldAt(state: ReturnType<typeof stateAfter>, body: ReturnType<typeof done>) {
  return fold(state, { ...body, v: 1, seq: state.lastSeq + 1, at: noon, run: 'r1', prev: '' });
}

describe('canary', () => {
  const canary = { hosts: count(1), soak: 600, promote: 'auto' } as const;
  const remedies = fleet(6, (number) => ({ remedy: number % 2 === 0 ? 'runtime' : 'kernel_arg' }));

  it('takes the first hosts of each remedy', () => {
    expect(decidedAt(stateAfter(begin(remedies, { canary })), 0)).toMatchObject({
      kind: 'begin_wave',
      canary: true,
      wave: 0,
      hosts: ['h1', 'h2'],
    });
  });

  it('takes the first hosts of each kernel that is tried, also beside others of their remedy', () => {
    const tries = fleet(6, (number) => ({
      remedy: 'kernel_arg',
      ...(number > 2 ? { tries: number < 5 ? '862' : '957' } : {}),
    }));
    expect(decidedAt(stateAfter(begin(tries, { canary })), 0)).toMatchObject({
      canary: true,
      hosts: ['h1', 'h3', 'h5'],
    });
  });

  it('takes the hosts of a pattern', () => {
    const state = stateAfter(begin(fleet(4), { canary: { ...canary, hosts: { pattern: 'h3' } } }));
    expect(decidedAt(state, 0, { canaryHosts: ['h3', 'other'] })).toMatchObject({ hosts: ['h3'] });
  });

  it('is never empty, also when the pattern names only hosts with nothing to do', () => {
    const state = stateAfter(
      begin([hostFor('a', { nothing: true }), hostFor('b'), hostFor('c')], {
        canary: { ...canary, hosts: { pattern: 'a' } },
      }),
    );
    expect(decidedAt(state, 0, { canaryHosts: ['a'] })).toMatchObject({ hosts: ['b'] });
  });

  it('replaces a refused host of a pattern by the next', () => {
    const state = stateAfter(
      begin([hostFor('a', { refused: 'el6' }), hostFor('b'), hostFor('c')], {
        canary: { ...canary, hosts: { pattern: 'a' } },
      }),
    );
    expect(decidedAt(state, 0, { canaryHosts: ['a'] })).toMatchObject({ hosts: ['b'] });
  });

  it('no other host starts before all are done, soaked and proven again', () => {
    const start = begin(fleet(3), { canary, maxUnavailable: count(3) });
    const first = [
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
    ] as const;
    expect(decidedAt(stateAfter(start, ...first), 1)).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'canary' }],
    });
    const ended = stateAfter(start, ...first, [60, done('h1')]);
    expect(decidedAt(ended, 659)).toMatchObject({
      kind: 'wait',
      until: noon + 660_000,
      why: [{ rule: 'canary' }],
    });
    expect(decidedAt(ended, 660)).toMatchObject({ kind: 'repeat_proof', host: 'h1' });
    const proven = stateAfter(start, ...first, [60, done('h1')], [661, soaked('h1')]);
    expect(settle(proven, 661).did).toEqual([
      'promote',
      'end_wave',
      'begin_wave',
      'start h2',
      'start h3',
    ]);
  });

  it('an early yes of a person does not shorten the soak', () => {
    const start = begin(fleet(2), { canary: { ...canary, promote: 'manual' } });
    const state = stateAfter(
      start,
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [60, done('h1')],
      [61, { type: 'canary.promoted', by: 'eve', why: '' }],
    );
    expect(decidedAt(state, 62)).toMatchObject({ kind: 'wait', until: noon + 660_000 });
    expect(decidedAt(state, 660)).toMatchObject({ kind: 'repeat_proof', host: 'h1' });
  });

  it('waits for a person where promotion is manual', () => {
    const start = begin(fleet(2), { canary: { ...canary, promote: 'manual', soak: 0 } });
    const ended = [
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [60, done('h1')],
    ] as const;
    expect(decidedAt(stateAfter(start, ...ended), 61)).toMatchObject({
      kind: 'wait',
      why: [{ text: 'the canary is done; go on with: kmend promote r1' }],
    });
    const promoted = stateAfter(start, ...ended, [
      70,
      { type: 'canary.promoted', by: 'eve', why: 'looks good' },
    ]);
    expect(settle(promoted, 70).did).toEqual(['end_wave', 'begin_wave', 'start h2']);
  });

  it('is not promoted while a gate is closed', () => {
    const gates = [{ name: 'alerts', kind: 'http' as const, args: {}, for: 0 }];
    const start = begin(fleet(2), { canary: { ...canary, soak: 0 }, gates });
    const ended = [
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [60, done('h1')],
    ] as const;
    expect(decidedAt(stateAfter(start, ...ended), 61)).toMatchObject({
      kind: 'read_gates',
      gates: ['alerts'],
    });
    const closed = stateAfter(start, ...ended, [
      61,
      { type: 'gate.read', gate: 'alerts', open: false, read: '3 firing' },
    ]);
    expect(decidedAt(closed, 62)).toMatchObject({ kind: 'finish', exit: 10 });
    expect(decidedAt(closed, 62, { wait: true })).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'gate', text: 'gate alerts is closed: 3 firing' }],
    });
    const open = stateAfter(start, ...ended, [
      61,
      { type: 'gate.read', gate: 'alerts', open: true, read: '0 firing' },
    ]);
    expect(decidedAt(open, 62)).toEqual({
      kind: 'promote',
      by: 'policy',
      why: 'all canary hosts are done and soaked 0 s; alerts: 0 firing',
    });
  });

  it.each([
    ['was refused at its start', failed('h1', 'refused', false)],
    ['needed nothing after all', done('h1', false)],
  ])('a canary that %s is replaced by the next and named', (_name, end) => {
    const state = stateAfter(
      begin(fleet(3), { canary }),
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [9, end],
    );
    const decision = decidedAt(state, 10);
    expect(decision).toMatchObject({
      kind: 'begin_wave',
      canary: true,
      hosts: ['h2'],
      why: expect.stringContaining('in place of h1'),
    });
  });

  it('any failure in it trips the brake, however much the brake allows, also an ignored unreachable one', () => {
    const policy = { canary, brake: { failures: count(99), unreachable: 'ignore' as const } };
    const state = stateAfter(
      begin(fleet(3), policy),
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [9, failed('h1', 'unreachable')],
    );
    expect(decidedAt(state, 10)).toEqual({
      kind: 'trip',
      host: 'h1',
      why: 'canary h1 failed (unreachable: it went wrong)',
    });
  });

  it('a failure while it soaks trips the brake', () => {
    const state = stateAfter(
      begin(fleet(3), { canary, soak: { host: 0, wave: 0 } }),
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [9, done('h1')],
      [99, failed('h1', 'boot_loop')],
    );
    expect(decidedAt(state, 100)).toMatchObject({ kind: 'trip', host: 'h1' });
  });

  it('needs no soak when nobody is left to follow', () => {
    const state = stateAfter(
      begin(fleet(1), { canary }),
      [0, wave(0, ['h1'], true)],
      [0, started('h1')],
      [9, done('h1')],
    );
    expect(settle(state, 10)).toMatchObject({
      did: ['end_wave'],
      last: { kind: 'finish', exit: 0 },
    });
  });
});

describe('brake', () => {
  const ends = (policy: Partial<Rollout>, ...timed: Parameters<typeof stateAfter>[1][]) =>
    decidedAt(
      stateAfter(
        begin(
          fleet(10, (number) => ({ zone: number <= 5 ? 'a' : 'b' })),
          { maxUnavailable: count(10), ...policy },
        ),
        [
          0,
          wave(
            1,
            fleet(10).map((host) => host.host),
          ),
        ],
        ...timed,
      ),
      100,
    );

  it('the first failure stops further starts, also while slots are free', () => {
    expect(ends({}, [1, started('h1')], [2, failed('h1')])).toMatchObject({
      kind: 'trip',
      host: 'h1',
    });
  });

  it.each([
    'unreachable',
    'timeout',
    'exit',
    'parse',
    'blocked',
    'not_converged',
    'not_verified',
    'boot_loop',
    'fenced',
    'interrupted',
    'auth',
    'host_key',
  ] as const)('counts %s', (kind) => {
    expect(ends({}, [1, started('h1')], [2, failed('h1', kind)])).toMatchObject({ kind: 'trip' });
  });

  it.each(['refused', 'drift'] as const)(
    'does not count a host that was started and left untouched as %s',
    (kind) => {
      expect(ends({}, [1, started('h1')], [2, failed('h1', kind, false)])).toMatchObject({
        kind: 'start',
      });
    },
  );

  it('counts drift of a host that was touched', () => {
    expect(ends({}, [1, started('h1')], [2, failed('h1', 'drift', true)])).toMatchObject({
      kind: 'trip',
    });
  });

  it('does not count a host that this run did not start', () => {
    expect(ends({}, [2, failed('h1', 'unreachable', false)])).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
  });

  it('allows as many as failures says', () => {
    const allowed = { brake: { failures: count(1), unreachable: 'count' as const } };
    expect(ends(allowed, [1, started('h1')], [2, failed('h1')])).toMatchObject({ kind: 'start' });
    expect(
      ends(allowed, [1, started('h1')], [1, started('h2')], [2, failed('h1')], [3, failed('h2')]),
    ).toMatchObject({
      kind: 'trip',
      host: 'h2',
    });
  });

  it('takes a share of the hosts that were started', () => {
    const allowed = { brake: { failures: percent(25), unreachable: 'count' as const } };
    const four = [1, 2, 3, 4].map((number) => [1, started(`h${number}`)] as const);
    expect(ends(allowed, ...four, [2, failed('h1')])).toMatchObject({ kind: 'start' });
    expect(ends(allowed, ...four.slice(0, 3), [2, failed('h1')])).toMatchObject({ kind: 'trip' });
  });

  it('per_wave takes a share of the wave', () => {
    const allowed = {
      brake: { failures: count(99), perWave: percent(10), unreachable: 'count' as const },
    };
    expect(ends(allowed, [1, started('h1')], [2, failed('h1')])).toMatchObject({ kind: 'start' });
    expect(
      ends(allowed, [1, started('h1')], [1, started('h2')], [2, failed('h1')], [3, failed('h2')]),
    ).toMatchObject({ kind: 'trip' });
  });

  it('per_zone counts each zone for itself', () => {
    const allowed = {
      brake: { failures: count(99), perZone: count(1), unreachable: 'count' as const },
    };
    expect(
      ends(allowed, [1, started('h1')], [1, started('h6')], [2, failed('h1')], [2, failed('h6')]),
    ).toMatchObject({ kind: 'start' });
    expect(
      ends(allowed, [1, started('h1')], [1, started('h2')], [2, failed('h1')], [2, failed('h2')]),
    ).toMatchObject({
      kind: 'trip',
      why: expect.stringContaining('zone a'),
    });
  });

  it('unreachable: ignore leaves unreachable hosts out of the count', () => {
    const policy = { brake: { failures: count(0), unreachable: 'ignore' as const } };
    expect(ends(policy, [1, started('h1')], [2, failed('h1', 'unreachable')])).toMatchObject({
      kind: 'start',
    });
    expect(ends(policy, [1, started('h1')], [2, failed('h1', 'timeout')])).toMatchObject({
      kind: 'trip',
    });
  });

  const resolved = (host: string, as: 'done' | 'skip' | 'retry', who = 'eve') =>
    ({ type: 'host.resolved', host, who, note: '', as }) as const;
  const tripped = { type: 'brake.tripped', why: '', host: 'h1' } as const;

  it('an acknowledged failure no longer counts, and a second failure of the same host does', () => {
    const allowed = { brake: { failures: count(1), unreachable: 'count' as const } };
    const again = [
      [1, started('h1')],
      [2, failed('h1')],
      [3, resolved('h1', 'retry')],
      [4, started('h1')],
      [5, failed('h1')],
    ] as const;
    expect(ends(allowed, ...again)).toMatchObject({ kind: 'start' });
    expect(ends(allowed, ...again, [6, started('h2')], [7, failed('h2')])).toMatchObject({
      kind: 'trip',
      host: 'h2',
    });
  });

  it.each(['done', 'skip', 'retry'] as const)(
    'is released by the acknowledgement of its failure (%s), which is named',
    (as) => {
      expect(
        ends({}, [1, started('h1')], [2, failed('h1')], [2, tripped], [9, resolved('h1', as)]),
      ).toEqual({
        kind: 'release',
        by: 'eve',
        hosts: ['h1'],
        why: `every failure was acknowledged: h1 (${as})`,
      });
    },
  );

  it('stays tripped until every failure is acknowledged, also one that came after it tripped; time does not release it', () => {
    const two = [
      [1, started('h1')],
      [1, started('h2')],
      [2, failed('h1')],
      [2, tripped],
      [3, failed('h2')],
    ] as const;
    expect(ends({}, ...two, [9, resolved('h1', 'skip')])).toMatchObject({
      kind: 'finish',
      exit: 5,
    });
    expect(
      ends({}, ...two, [9, resolved('h1', 'skip')], [10, resolved('h2', 'retry', 'bob')]),
    ).toMatchObject({
      kind: 'release',
      by: 'eve, bob',
      hosts: ['h1', 'h2'],
    });
    const later = stateAfter(
      begin(fleet(3)),
      [0, wave(1, ['h1', 'h2', 'h3'])],
      [1, started('h1')],
      [2, failed('h1')],
      [2, tripped],
    );
    expect(decidedAt(later, 10 * 365 * 86_400)).toMatchObject({ kind: 'finish', exit: 5 });
  });

  it('stays tripped after a resume that acknowledges no failure', () => {
    const resumed = [
      [8, { type: 'run.finished', exit: 5, why: '' }],
      [9, { type: 'run.resumed', who: 'eve', tool: '' }],
    ] as const;
    expect(ends({}, [1, started('h1')], [2, failed('h1')], [2, tripped], ...resumed)).toMatchObject(
      { kind: 'finish', exit: 5 },
    );
  });

  it('lets a held host go on once it is released (on_brake: hold), and not before', () => {
    const start = begin(fleet(3), { onBrake: 'hold', maxUnavailable: count(3) });
    const timed = [
      [0, wave(1, ['h1', 'h2', 'h3'])],
      [1, started('h1')],
      [1, started('h2')],
      [2, failed('h1')],
      [2, tripped],
    ] as const;
    expect(mayContinue(stateAfter(start, ...timed), start.rollout, noon + 3000, 'h2')).toBe('hold');
    expect(
      mayContinue(
        stateAfter(start, ...timed, [9, resolved('h1', 'skip')]),
        start.rollout,
        noon + 9000,
        'h2',
      ),
    ).toBe('go');
  });

  it('trips again at once with the next failure after its release', () => {
    const once = [
      [1, started('h1')],
      [2, failed('h1')],
      [2, tripped],
      [9, resolved('h1', 'skip')],
      [9, { type: 'brake.released', by: 'eve', hosts: ['h1'], why: '' }],
    ] as const;
    expect(ends({}, ...once)).toMatchObject({ kind: 'start', host: 'h2' });
    expect(ends({}, ...once, [10, started('h2')], [11, failed('h2')])).toMatchObject({
      kind: 'trip',
      host: 'h2',
    });
  });

  it('a second canary that failed and is not acknowledged keeps the brake', () => {
    const policy = {
      canary: { hosts: count(2), soak: 0, promote: 'auto' as const },
      brake: { failures: count(9), unreachable: 'count' as const },
    };
    const failures = [
      [0, wave(0, ['h1', 'h2'], true)],
      [0, started('h1')],
      [0, started('h2')],
      [1, failed('h1')],
      [2, failed('h2')],
    ] as const;
    const start = begin(fleet(4), policy);
    expect(decidedAt(stateAfter(start, ...failures, [3, resolved('h2', 'skip')]), 4)).toMatchObject(
      {
        kind: 'trip',
        host: 'h1',
      },
    );
    const both = stateAfter(
      start,
      ...failures,
      [2, tripped],
      [3, resolved('h2', 'skip')],
      [4, resolved('h1', 'skip')],
    );
    expect(settle(both, 5).did.slice(0, 2)).toEqual(['release', 'begin_wave']);
  });

  it('a zone over its limit trips it, also when another zone had the last failure', () => {
    const allowed = {
      brake: { failures: count(99), perZone: count(1), unreachable: 'count' as const },
    };
    const three = ['h1', 'h2', 'h6'].map((host) => [1, started(host)] as const);
    expect(
      ends(allowed, ...three, [2, failed('h1')], [2, failed('h2')], [2, failed('h6')]),
    ).toMatchObject({
      kind: 'trip',
      why: expect.stringContaining('zone a'),
    });
  });

  it('resolving a host that did not fail changes nothing: it is not started a second time', () => {
    const state = stateAfter(
      begin(fleet(2)),
      [0, wave(1, ['h1', 'h2'])],
      [1, started('h1')],
      [2, resolved('h1', 'retry')],
    );
    expect(decidedAt(state, 3)).toMatchObject({ kind: 'wait' });
    expect(whyNotResolvable(state, 'h1', 'retry')).toBe('h1 did not fail: it is under way');
  });

  it('running hosts go to their end, then the run ends with 5 and names nobody as started', () => {
    const tripped = [
      [1, started('h1')],
      [1, started('h2')],
      [2, failed('h1')],
      [2, { type: 'brake.tripped', why: 'h1', host: 'h1' }],
    ] as const;
    expect(ends({}, ...tripped)).toMatchObject({ kind: 'wait', why: [{ rule: 'brake' }] });
    expect(ends({}, ...tripped, [9, done('h2')])).toMatchObject({ kind: 'finish', exit: 5 });
  });

  it('ends with 4 when it trips on the last host: nobody was left unstarted', () => {
    const state = stateAfter(
      begin(fleet(1)),
      [0, wave(1, ['h1'])],
      [1, started('h1')],
      [2, failed('h1')],
      [2, { type: 'brake.tripped', why: '', host: 'h1' }],
    );
    expect(decidedAt(state, 3)).toMatchObject({ kind: 'finish', exit: 4 });
  });

  it.each([
    ['finish', 'go'],
    ['hold', 'hold'],
  ] as const)('on_brake: %s lets running hosts %s', (onBrake, answer) => {
    const start = begin(fleet(2), { onBrake, maxUnavailable: count(2) });
    const state = stateAfter(
      start,
      [0, wave(1, ['h1', 'h2'])],
      [1, started('h1')],
      [1, started('h2')],
      [2, failed('h1')],
    );
    expect(mayContinue(state, start.rollout, noon + 3000, 'h2')).toBe(answer);
  });
});

describe('soak', () => {
  const start = begin(fleet(2), { soak: { host: 120, wave: 0 } });
  const given = [
    [0, wave(1, ['h1', 'h2'])],
    [0, started('h1')],
    [60, done('h1')],
  ] as const;

  it('a host keeps its slot while it soaks, and its proof is repeated at the end', () => {
    expect(decidedAt(stateAfter(start, ...given), 61)).toMatchObject({
      kind: 'wait',
      until: noon + 180_000,
      why: [{ rule: 'budget' }],
    });
    expect(decidedAt(stateAfter(start, ...given), 180)).toMatchObject({
      kind: 'repeat_proof',
      host: 'h1',
    });
    expect(decidedAt(stateAfter(start, ...given, [181, soaked('h1')]), 181)).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
  });

  it('a host that needed nothing does not soak', () => {
    expect(
      decidedAt(
        stateAfter(start, [0, wave(1, ['h1', 'h2'])], [0, started('h1')], [60, done('h1', false)]),
        61,
      ),
    ).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
  });

  it('a failure at the end of the soak is a failure of a started host', () => {
    expect(
      decidedAt(stateAfter(start, ...given, [181, failed('h1', 'boot_loop')]), 181),
    ).toMatchObject({ kind: 'trip' });
  });
});

describe('gates', () => {
  const gate = { name: 'alerts', kind: 'prometheus' as const, args: {}, for: 0 };
  const start = (hold: number) =>
    begin(fleet(3), { gates: [{ ...gate, for: hold }], maxUnavailable: count(2) });
  const begun = [0, wave(1, ['h1', 'h2', 'h3'])] as const;
  const read = (open: boolean) =>
    ({ type: 'gate.read', gate: 'alerts', open, read: open ? '0' : 'connection refused' }) as const;

  it('are read before every start', () => {
    expect(decidedAt(stateAfter(start(0), begun), 0)).toMatchObject({
      kind: 'read_gates',
      gates: ['alerts'],
    });
    expect(decidedAt(stateAfter(start(0), begun, [1, read(true)]), 2)).toMatchObject({
      kind: 'start',
      host: 'h1',
    });
    expect(
      decidedAt(stateAfter(start(0), begun, [1, read(true)], [2, started('h1')]), 3),
    ).toMatchObject({ kind: 'read_gates' });
  });

  it('a reading goes stale', () => {
    expect(decidedAt(stateAfter(start(0), begun, [1, read(true)]), 16)).toMatchObject({
      kind: 'read_gates',
    });
  });

  it('fail closed: what was read as an error starts nobody', () => {
    expect(decidedAt(stateAfter(start(0), begun, [1, read(false)]), 2)).toMatchObject({
      kind: 'finish',
      exit: 10,
      why: expect.stringContaining('connection refused'),
    });
    expect(
      decidedAt(stateAfter(start(0), begun, [1, read(false)]), 2, { wait: true }),
    ).toMatchObject({
      kind: 'wait',
      until: noon + 16_000,
    });
    expect(
      decidedAt(stateAfter(start(0), begun, [1, read(false)]), 16, { wait: true }),
    ).toMatchObject({ kind: 'read_gates' });
  });

  it('are not read twice at once', () => {
    expect(decidedAt(stateAfter(start(0), begun), 0, { readingGates: true })).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'gate' }],
    });
  });

  it('must hold for as long as `for` says, without a break', () => {
    const reads = (times: readonly (readonly [number, boolean])[]) =>
      times.map(([at, open]) => [at, read(open)] as const);
    expect(
      decidedAt(
        stateAfter(
          start(30),
          begun,
          ...reads([
            [0, true],
            [15, true],
          ]),
        ),
        16,
      ),
    ).toMatchObject({ kind: 'wait', until: noon + 30_000 });
    expect(
      decidedAt(
        stateAfter(
          start(30),
          begun,
          ...reads([
            [0, true],
            [15, true],
            [30, true],
          ]),
        ),
        30,
      ),
    ).toMatchObject({ kind: 'start' });
    expect(
      decidedAt(
        stateAfter(
          start(30),
          begun,
          ...reads([
            [0, true],
            [15, false],
            [30, true],
          ]),
        ),
        30,
      ),
    ).toMatchObject({ kind: 'wait' });
  });

  it('a gate that nobody read for more than a minute did not hold without a break', () => {
    expect(
      decidedAt(stateAfter(start(30), begun, [0, read(true)], [61, read(true)]), 61),
    ).toMatchObject({ kind: 'wait' });
  });

  it('are read on while all slots are taken, where they must hold for some time', () => {
    const busy = [begun, [0, read(true)], [0, started('h1')], [0, started('h2')]] as const;
    expect(decidedAt(stateAfter(start(30), ...busy), 10)).toMatchObject({
      kind: 'wait',
      until: noon + 15_000,
    });
    expect(decidedAt(stateAfter(start(30), ...busy), 15)).toMatchObject({ kind: 'read_gates' });
    expect(decidedAt(stateAfter(start(0), ...busy), 15)).toMatchObject({ kind: 'wait' });
  });

  it('a gate may be called constructor', () => {
    const state = stateAfter(begin(fleet(1), { gates: [{ ...gate, name: 'constructor' }] }), [
      0,
      wave(1, ['h1']),
    ]);
    expect(decidedAt(state, 0)).toMatchObject({ kind: 'read_gates', gates: ['constructor'] });
  });
});

describe('windows and freezes', () => {
  // Noon UTC is 13:00 in Berlin; the window closes at 13:30.
  const windows = [{ days: [3], from: 12 * 60, to: 13 * 60 + 30, tz: 'Europe/Berlin' }];
  const begun = [0, wave(1, ['h1', 'h2'])] as const;

  it('a host is started when its estimate fits in what is left', () => {
    const state = stateAfter(
      begin(
        fleet(2, () => ({ estimate: 1800 })),
        { windows },
      ),
      begun,
    );
    expect(decidedAt(state, 0)).toMatchObject({ kind: 'start' });
    expect(decidedAt(state, 1)).toMatchObject({ kind: 'finish', exit: 9 });
  });

  it('20 minutes left and a history of 25: nobody is started, with the reason', () => {
    const state = stateAfter(
      begin(
        fleet(2, () => ({ estimate: 1500 })),
        { windows },
      ),
      begun,
    );
    const decision = decidedAt(state, 600, { wait: true });
    expect(decision).toMatchObject({
      kind: 'wait',
      why: [
        { rule: 'window', text: 'the window closes in 1200 s, and h1 is expected to take 1500 s' },
      ],
    });
    // Next Wednesday, 12:00 in Berlin.
    expect(decision).toMatchObject({ until: Date.UTC(2026, 0, 21, 11) });
  });

  it('a shorter host that fits goes before a longer one that does not', () => {
    const hosts = [hostFor('long', { estimate: 3600 }), hostFor('short', { estimate: 600 })];
    expect(
      decidedAt(stateAfter(begin(hosts, { windows }), [0, wave(1, ['long', 'short'])]), 0),
    ).toMatchObject({
      kind: 'start',
      host: 'short',
    });
  });

  it('ends with 9 outside the window, and waits only with --wait', () => {
    const state = stateAfter(begin(fleet(2), { windows }), begun);
    expect(decidedAt(state, 1800)).toMatchObject({ kind: 'finish', exit: 9 });
    expect(decidedAt(state, 1800, { wait: true })).toMatchObject({
      kind: 'wait',
      until: Date.UTC(2026, 0, 21, 11),
    });
  });

  it('does not wait for ever for a window that is never long enough', () => {
    const state = stateAfter(
      begin(
        fleet(2, () => ({ estimate: 7200 })),
        { windows },
      ),
      begun,
    );
    expect(decidedAt(state, 0, { wait: true })).toMatchObject({
      kind: 'finish',
      exit: 9,
      why: expect.stringContaining('no window is ever long enough'),
    });
  });

  it('does not wait for ever for a short host that may not go before a long one', () => {
    const short = [{ days: [6], from: 0, to: 5, tz: 'UTC' }];
    const hosts = [
      hostFor('short', { estimate: 60 }),
      hostFor('long', { estimate: 360, down: true }),
    ];
    const state = stateAfter(begin(hosts, { windows: short }), [0, wave(1, ['short', 'long'])]);
    expect(decidedAt(state, 0, { wait: true })).toMatchObject({ kind: 'finish', exit: 9 });
  });

  it('gates that must hold for some time are read before the window opens', () => {
    const gates = [{ name: 'alerts', kind: 'http' as const, args: {}, for: 120 }];
    const state = stateAfter(
      begin(fleet(2), { windows: [{ days: [3], from: 780, to: 840, tz: 'UTC' }], gates }),
      begun,
    );
    // It opens at 13:00 UTC.
    expect(decidedAt(state, 0, { wait: true })).toMatchObject({
      kind: 'wait',
      until: noon + 3_465_000,
    });
    expect(decidedAt(state, 3465, { wait: true })).toMatchObject({
      kind: 'read_gates',
      gates: ['alerts'],
    });
    const read = stateAfter(
      begin(fleet(2), { windows: [{ days: [3], from: 780, to: 840, tz: 'UTC' }], gates }),
      begun,
      [3465, { type: 'gate.read', gate: 'alerts', open: true, read: '0' }],
    );
    expect(decidedAt(read, 3466, { wait: true })).toMatchObject({
      kind: 'wait',
      until: noon + 3_480_000,
    });
  });

  it('starts nobody in a freeze, and says why it is frozen', () => {
    const freeze = [
      { from: '2026-01-14T13:00', to: '2026-01-15T00:00', tz: 'Europe/Berlin', why: 'the sale' },
    ];
    expect(
      decidedAt(stateAfter(begin(fleet(2), { freeze }), begun), 0, { wait: true }),
    ).toMatchObject({
      kind: 'wait',
      until: Date.UTC(2026, 0, 14, 23),
      why: [{ rule: 'freeze', text: 'frozen: the sale' }],
    });
  });

  it('a host must be done before a freeze begins', () => {
    const freeze = [
      { from: '2026-01-14T13:05', to: '2026-01-15T00:00', tz: 'Europe/Berlin', why: 'the sale' },
    ];
    expect(decidedAt(stateAfter(begin(fleet(2), { freeze }), begun), 0)).toMatchObject({
      kind: 'finish',
      exit: 9,
    });
  });

  it.each([
    ['finish', 'go'],
    ['hold', 'hold'],
  ] as const)('on_window_end: %s lets running hosts %s', (onWindowEnd, answer) => {
    const start = begin(fleet(2), { windows, onWindowEnd });
    const state = stateAfter(start, begun, [0, started('h1')]);
    expect(mayContinue(state, start.rollout, noon + 60_000, 'h1')).toBe('go');
    expect(mayContinue(state, start.rollout, noon + 1_800_000, 'h1')).toBe(answer);
  });
});

describe('deadlines', () => {
  it('a host that takes longer is ended', () => {
    const state = stateAfter(
      begin(fleet(1), { deadline: { host: 60 } }),
      [0, wave(1, ['h1'])],
      [10, started('h1')],
    );
    expect(decidedAt(state, 11)).toMatchObject({ kind: 'wait', until: noon + 70_000 });
    expect(decidedAt(state, 70)).toMatchObject({ kind: 'expire', host: 'h1' });
    expect(decidedAt(state, 70, { busy: new Set(['h1']) })).toMatchObject({ kind: 'wait' });
  });

  it('the time in which no controller was there does not count', () => {
    const state = stateAfter(
      begin(fleet(1), { deadline: { host: 60 } }),
      [0, wave(1, ['h1'])],
      [10, started('h1')],
      [5000, { type: 'run.resumed', who: 'ops', tool: 'test' }],
    );
    expect(decidedAt(state, 5001)).toMatchObject({ kind: 'wait', until: noon + 5_060_000 });
  });

  it('a run that takes longer starts nobody any more', () => {
    const state = stateAfter(
      begin(fleet(2), { deadline: { run: 60 } }),
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
    );
    expect(decidedAt(state, 61)).toMatchObject({ kind: 'wait' });
    const ended = stateAfter(
      begin(fleet(2), { deadline: { run: 60 } }),
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
      [62, done('h1')],
    );
    expect(decidedAt(ended, 63)).toMatchObject({ kind: 'finish', exit: 9 });
  });
});

describe('a cluster that is away', () => {
  const away = (since: number): EventBody => ({
    type: 'cluster.away',
    since: noon + since * 1000,
    why: 'no answer',
  });
  const two = { maxUnavailable: count(2) };
  const lost = { kind: 'interrupted', message: 'away', transport: true, resumable: true } as const;
  const left = (touched: boolean): EventBody => ({
    type: 'host.failed',
    host: 'h1',
    failure: lost,
    touched,
    state: '',
  });

  it('holds further starts until it is back', () => {
    const timed: TimedEvent[] = [
      [0, wave(1, ['h1', 'h2'])],
      [1, started('h1')],
    ];
    expect(decidedAt(stateAfter(begin(fleet(2), two), ...timed), 3)).toMatchObject({
      kind: 'start',
      host: 'h2',
    });
    const waiting = {
      kind: 'wait',
      why: [{ rule: 'cluster', text: 'the cluster is away: no answer' }],
    };
    expect(decidedAt(stateAfter(begin(fleet(2), two), ...timed, [2, away(2)]), 3)).toMatchObject(
      waiting,
    );
    const back = stateAfter(
      begin(fleet(2), two),
      ...timed,
      [2, away(2)],
      [90, { type: 'cluster.back', seconds: 88 }],
    );
    expect(decidedAt(back, 90)).toMatchObject({ kind: 'start', host: 'h2' });
  });

  it('no deadline of a host counts the time', () => {
    const during = stateAfter(
      begin(fleet(1), { deadline: { host: 60 } }),
      [0, wave(1, ['h1'])],
      [10, started('h1')],
      [20, away(20)],
    );
    expect(decidedAt(during, 300)).toMatchObject({ kind: 'wait' });
    const after = fold(during, {
      type: 'cluster.back',
      seconds: 280,
      v: 1,
      seq: 9,
      at: noon + 300_000,
      run: 'r1',
      prev: '',
    });
    expect(decidedAt(after, 301)).toMatchObject({ kind: 'wait', until: noon + 350_000 });
    expect(decidedAt(after, 350)).toMatchObject({ kind: 'expire', host: 'h1' });
  });

  it('ends an idle run after `deadline.cluster`, by default after half an hour, and never while a host is under way', () => {
    const idle = stateAfter(begin(fleet(1)), [0, wave(1, ['h1'])], [10, away(10)]);
    expect(decidedAt(idle, 1809)).toMatchObject({ kind: 'wait', until: noon + 1_810_000 });
    expect(decidedAt(idle, 1810)).toMatchObject({
      kind: 'finish',
      exit: 10,
      why: '1 not started (cluster): no answer',
    });
    const short = stateAfter(
      begin(fleet(1), { deadline: { cluster: 60 } }),
      [0, wave(1, ['h1'])],
      [10, away(10)],
    );
    expect(decidedAt(short, 70)).toMatchObject({ kind: 'finish', exit: 10 });
    const busy = stateAfter(
      begin(fleet(2)),
      [0, wave(1, ['h1', 'h2'])],
      [1, started('h1')],
      [10, away(10)],
    );
    expect(decidedAt(busy, 1900)).toMatchObject({ kind: 'wait' });
  });

  it('a host that it stopped counts for no brake: untouched it is not started, touched it is left for a resume', () => {
    const timed: TimedEvent[] = [
      [0, wave(1, ['h1'])],
      [1, started('h1')],
      [10, away(10)],
    ];
    const untouched = stateAfter(begin(fleet(1)), ...timed, [1810, left(false)]);
    expect(untouched).toMatchObject({ failures: 0, held: 0 });
    expect(decidedAt(untouched, 1811)).toMatchObject({
      kind: 'finish',
      exit: 10,
      why: expect.stringMatching(/^1 not started/),
    });
    const touched = stateAfter(begin(fleet(1)), ...timed, [1810, left(true)]);
    expect(touched).toMatchObject({ failures: 0, held: 1 });
    expect(decidedAt(touched, 1811)).toMatchObject({
      kind: 'finish',
      exit: 6,
      why: expect.stringMatching(/^1 left where the outage/),
    });
    const resumed = fold(touched, {
      type: 'run.resumed',
      who: 'ops',
      tool: '',
      v: 1,
      seq: 9,
      at: noon + 4e6,
      run: 'r1',
      prev: '',
    });
    expect(resumed.away).toBeUndefined();
    expect(decidedAt(resumed, 4001)).toMatchObject({ kind: 'wait', why: [{ rule: 'running' }] });
  });
});

describe('approve', () => {
  const start = begin(
    fleet(2, () => ({ risk: 'reboot' })),
    { approve: 'evict' },
  );
  const yes = { type: 'approved', risk: 'reboot', who: 'eve', how: 'asked' } as const;

  it('asks a person from that risk on', () => {
    expect(decidedAt(stateAfter(start), 0, { attended: true })).toMatchObject({
      kind: 'ask',
      about: 'risk',
      risk: 'reboot',
    });
    expect(decidedAt(stateAfter(start, [1, yes]), 1, { attended: true })).toMatchObject({
      kind: 'begin_wave',
    });
  });

  it('a yes to evictions is none to reboots', () => {
    expect(
      decidedAt(stateAfter(start, [1, { ...yes, risk: 'evict' }]), 1, { attended: true }),
    ).toMatchObject({ kind: 'ask' });
  });

  it('nobody is asked below that risk, or never', () => {
    expect(
      decidedAt(
        stateAfter(
          begin(
            fleet(2, () => ({ risk: 'write' })),
            { approve: 'evict' },
          ),
        ),
        0,
      ),
    ).toMatchObject({ kind: 'begin_wave' });
    expect(decidedAt(stateAfter(begin(fleet(2), { approve: 'never' })), 0)).toMatchObject({
      kind: 'begin_wave',
    });
  });

  it('an unattended run never asks: it ends', () => {
    expect(decidedAt(stateAfter(start), 0)).toMatchObject({ kind: 'finish', exit: 3 });
  });
});

describe('unplannable', () => {
  const leftOut = [
    { host: 'dead', failure: { kind: 'unreachable' as const, message: 'no route' } },
  ];
  const start = (unplannable: Rollout['unplannable']) =>
    begin(fleet(2), { unplannable, maxUnavailable: count(2) }, { pool: 3, leftOut });

  it('leave_out goes on, and the exit code shows it', () => {
    const state = stateAfter(
      start('leave_out'),
      [0, wave(1, ['h1', 'h2'])],
      [0, started('h1')],
      [0, done('h1')],
      [0, started('h2')],
      [0, done('h2')],
      [0, { type: 'wave.done', wave: 1 }],
    );
    expect(decidedAt(stateAfter(start('leave_out')), 0)).toMatchObject({ kind: 'begin_wave' });
    expect(decidedAt(state, 1)).toMatchObject({ kind: 'finish', exit: 6 });
  });

  it('stop starts nobody', () => {
    expect(decidedAt(stateAfter(start('stop')), 0)).toMatchObject({ kind: 'finish', exit: 6 });
  });

  it('ask asks on a terminal and stops unattended; a yes goes on', () => {
    expect(decidedAt(stateAfter(start('ask')), 0, { attended: true })).toMatchObject({
      kind: 'ask',
      about: 'unplannable',
    });
    expect(decidedAt(stateAfter(start('ask')), 0)).toMatchObject({ kind: 'finish' });
    const yes = {
      type: 'approved',
      risk: 'none',
      who: 'eve',
      how: 'asked',
      about: 'unplannable',
    } as const;
    expect(decidedAt(stateAfter(start('ask'), [1, yes]), 1)).toMatchObject({ kind: 'begin_wave' });
  });

  it('counts refused hosts too, and a plan that can only end unmet is as good as refused', () => {
    expect(
      decidedAt(
        stateAfter(
          begin([hostFor('a'), hostFor('b', { refused: 'el6' })], { unplannable: 'stop' }),
        ),
        0,
      ),
    ).toMatchObject({
      kind: 'finish',
      exit: 4,
    });
    const unmet = hostFor('b');
    const plan = {
      ...unmet.plan,
      tasks: unmet.plan.tasks.map((task) => ({ ...task, status: 'unmet' as const })),
    };
    expect(
      decidedAt(stateAfter(begin([hostFor('a'), { ...unmet, plan }], { unplannable: 'stop' })), 0),
    ).toMatchObject({
      kind: 'finish',
      exit: 4,
    });
  });
});

describe('pause, continue, abort', () => {
  const start = begin(fleet(2), { maxUnavailable: count(2) });
  const begun = [
    [0, wave(1, ['h1', 'h2'])],
    [0, started('h1')],
  ] as const;
  const paused = { type: 'run.paused', who: 'eve', why: 'lunch' } as const;

  it('a paused run starts nobody until it is continued', () => {
    expect(decidedAt(stateAfter(start, ...begun, [1, paused]), 2)).toMatchObject({
      kind: 'wait',
      why: [{ rule: 'paused', text: 'paused by eve: lunch' }],
    });
    expect(
      decidedAt(
        stateAfter(start, ...begun, [1, paused], [3, { type: 'run.continued', who: 'eve' }]),
        4,
      ),
    ).toMatchObject({
      kind: 'start',
    });
  });

  it('a resumed run stays paused: somebody else may have asked for it', () => {
    expect(
      decidedAt(
        stateAfter(
          start,
          ...begun,
          [1, paused],
          [3, { type: 'run.resumed', who: 'ops', tool: '' }],
        ),
        4,
      ),
    ).toMatchObject({
      kind: 'wait',
    });
  });

  it('an aborted run holds its hosts, waits for them and ends with 130', () => {
    const aborted = [1, { type: 'run.aborted', who: 'eve', why: 'SIGINT' }] as const;
    const state = stateAfter(start, ...begun, aborted);
    expect(mayContinue(state, plain, noon + 2000, 'h1')).toBe('hold');
    expect(decidedAt(state, 2)).toMatchObject({ kind: 'wait', why: [{ rule: 'aborted' }] });
    expect(
      decidedAt(
        stateAfter(
          start,
          ...begun,
          aborted,
          [5, failed('h1', 'interrupted')],
          [5, { type: 'brake.tripped', why: '', host: 'h1' }],
        ),
        6,
      ),
    ).toMatchObject({ kind: 'finish', exit: 130 });
  });

  it('a run resumed after an abort goes on', () => {
    const state = stateAfter(
      start,
      ...begun,
      [1, { type: 'run.aborted', who: 'eve', why: 'SIGINT' }],
      [9, { type: 'run.resumed', who: 'eve', tool: '' }],
    );
    expect(decidedAt(state, 10)).toMatchObject({ kind: 'start', host: 'h2' });
  });
});

describe('exit', () => {
  it('ends with 12 when a host is only provisionally proven, and with 0 once a sample proved it', () => {
    const start = begin(fleet(1), { soak: { host: 60, wave: 0 } });
    const given = [
      [0, wave(1, ['h1'])],
      [0, started('h1')],
      [9, done('h1', true, 'provisional')],
    ] as const;
    const unproven = stateAfter(
      start,
      ...given,
      [70, soaked('h1')],
      [70, { type: 'wave.done', wave: 1 }],
    );
    expect(decidedAt(unproven, 71)).toMatchObject({ kind: 'finish', exit: 12 });
    const proof = {
      type: 'proof',
      host: 'h1',
      verdict: 'off',
      by: 'samples',
      evidence: '4 EIO',
    } as const;
    const proven = stateAfter(
      start,
      ...given,
      [50, proof],
      [70, soaked('h1')],
      [70, { type: 'wave.done', wave: 1 }],
    );
    expect(decidedAt(proven, 71)).toMatchObject({ kind: 'finish', exit: 0 });
  });

  it('ends with 12 when a host is proven in part, at once or by a sample within its soak, and says so', () => {
    const start = begin(fleet(1), { soak: { host: 60, wave: 0 } });
    const accepted = [{ key: 'kubelet', name: 'kubelet 1.12.3' }];
    const proof = {
      type: 'proof',
      host: 'h1',
      verdict: 'on',
      by: 'samples',
      evidence: '',
      accepted,
    } as const;
    const end = [
      [70, soaked('h1')],
      [70, { type: 'wave.done', wave: 1 }],
    ] as const;
    const begun = [
      [0, wave(1, ['h1'])],
      [0, started('h1')],
    ] as const;
    for (const state of [
      stateAfter(start, ...begun, [8, proof], [9, done('h1', true, 'partial')], ...end),
      stateAfter(
        start,
        ...begun,
        [8, { ...proof, by: 'none' }],
        [9, done('h1', true, 'provisional')],
        [50, proof],
        ...end,
      ),
    ])
      expect(decidedAt(state, 71)).toMatchObject({
        kind: 'finish',
        exit: 12,
        why: '1 done, 1 proven in part',
      });
  });
});

describe('wave_overlap', () => {
  const policy: Partial<Rollout> = {
    maxUnavailable: { count: 4 },
    waves: [{ count: 4 }],
    waveOverlap: { count: 1 },
  };
  const first = ['h1', 'h2', 'h3', 'h4'];
  const afterStart = (more: readonly TimedEvent[], given: Partial<Rollout> = {}) =>
    stateAfter(
      begin(fleet(8), { ...policy, ...given }),
      [0, wave(1, first)],
      ...first.map((host): TimedEvent => [0, started(host)]),
      ...more,
    );
  const ended: readonly TimedEvent[] = [
    [60, done('h1')],
    [70, done('h2')],
    [80, done('h3')],
  ];

  it('begins the next wave beside the last host of this one, in the slots that are free', () => {
    expect(settle(afterStart(ended), 80).did).toEqual([
      'begin_wave',
      'start h5',
      'start h6',
      'start h7',
    ]);
    expect(decidedAt(afterStart(ended), 80)).toMatchObject({
      why: '4 of 4 hosts left; 1 host of wave 1 still under way',
    });
  });

  it('waits for one more where the policy allows fewer, or nothing', () => {
    expect(settle(afterStart(ended.slice(0, 2)), 80).did).toEqual([]);
    expect(settle(afterStart(ended, { waveOverlap: { percent: 20 } }), 80).did).toEqual([]);
    const { waveOverlap: _none, ...barrier } = policy;
    const state = stateAfter(
      begin(fleet(8), barrier),
      [0, wave(1, first)],
      ...first.map((host): TimedEvent => [0, started(host)]),
      ...ended,
    );
    expect(settle(state, 80).did).toEqual([]);
  });

  it('waits for a wave in which a host failed', () => {
    const brake: Rollout['brake'] = { failures: { count: 3 }, unreachable: 'count' };
    const state = afterStart([...ended.slice(0, 2), [80, failed('h3')]], { brake });
    expect(settle(state, 80).did).toEqual([]);
  });

  it('waits for the soak of the wave, and for the repeated proof of those that have ended', () => {
    const given = { soak: { host: 0, wave: 100 } };
    expect(decidedAt(afterStart(ended, given), 80)).toMatchObject({
      kind: 'wait',
      until: noon + 180_000,
    });
    expect(decidedAt(afterStart(ended, given), 180)).toMatchObject({
      kind: 'repeat_proof',
      host: 'h1',
    });
    const proven: readonly TimedEvent[] = ['h1', 'h2', 'h3'].map((host) => [180, soaked(host)]);
    expect(settle(afterStart([...ended, ...proven], given), 180).did[0]).toBe('begin_wave');
  });

  it('counts the late host in the new wave: its failure, and the end of that wave', () => {
    const given: Partial<Rollout> = {
      brake: { failures: { count: 9 }, perWave: { count: 0 }, unreachable: 'count' },
    };
    const second: readonly TimedEvent[] = [
      [80, wave(2, ['h5', 'h6', 'h7', 'h8'])],
      ...['h5', 'h6', 'h7'].map((host): TimedEvent => [80, started(host)]),
    ];
    expect(
      decidedAt(afterStart([...ended, ...second, [90, failed('h4')]], given), 90),
    ).toMatchObject({
      kind: 'trip',
      why: expect.stringContaining('1 of 4 hosts of wave 2 failed, allowed: 0'),
    });
    const all: readonly TimedEvent[] = ['h5', 'h6', 'h7', 'h8'].map((host) => [95, done(host)]);
    const state = afterStart([...ended, ...second, [90, started('h8')], ...all]);
    expect(decidedAt(state, 95)).toMatchObject({ kind: 'wait' });
    expect(
      settle(afterStart([...ended, ...second, [90, done('h4')], [90, started('h8')], ...all]), 95)
        .did,
    ).toEqual(['end_wave']);
  });

  it('leaves a host of its own soak alone when the soak of the wave is over', () => {
    const given: Partial<Rollout> = { waveOverlap: { count: 2 }, soak: { host: 600, wave: 10 } };
    const state = afterStart(
      [
        [10, done('h1')],
        [20, done('h2')],
        [500, done('h3')],
        [610, soaked('h1')],
        [620, soaked('h2')],
      ],
      given,
    );
    expect(decidedAt(state, 620)).toMatchObject({ kind: 'begin_wave', wave: 2 });
  });

  it('measures a share of failures by the smaller wave while two of them count', () => {
    const hosts = fleet(44);
    const others = hosts.slice(4).map(({ host }) => host);
    const brake: Rollout['brake'] = {
      failures: { count: 9 },
      perWave: { percent: 30 },
      unreachable: 'count',
    };
    const state = stateAfter(
      begin(hosts, { ...policy, brake, waveOverlap: { count: 2 } }),
      [0, wave(1, first)],
      ...first.map((host): TimedEvent => [0, started(host)]),
      [60, done('h1')],
      [60, done('h2')],
      [60, wave(2, others)],
      [70, failed('h3')],
      [70, failed('h4')],
    );
    expect(decidedAt(state, 70)).toMatchObject({
      kind: 'trip',
      why: expect.stringContaining('2 of 4 hosts of wave 2 failed'),
    });
  });
});
