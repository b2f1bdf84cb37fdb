// Hosts that a person has locked out: a hold keeps a host out as long as it stands, a cordon puts
// it behind all others, or out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/core/decide/decide.ts';
import { simulate } from '../../src/core/decide/simulate.ts';
import { hostState } from '../../src/core/run-state/state.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { Event, EventBody, LockOut } from '../../src/model/run/event.ts';
import { begin, fleet, noon, stateAfter, wave } from './fleet.ts';
import { monitor } from './monitor.ts';
import { randomWorld } from './worlds.ts';

const on = (host: string, by: LockOut['by'] = 'hold'): LockOut => ({
  host,
  by,
  why: `${host} has a ${by}`,
});
const read = (...lockOuts: readonly LockOut[]): EventBody => ({
  type: 'capacity.read',
  unavailable: [],
  lockOuts,
});
const flagged: EventBody = { type: 'approved', risk: 'reboot', who: 'ann', how: 'flag' };

/** In which order hosts are started, with these lock-outs from the beginning to the end. */
const order = (
  rollout: Partial<Rollout>,
  lockOuts: readonly LockOut[],
  start = begin(fleet(4), rollout),
) => {
  const end = simulate({
    begin: start,
    run: 'r1',
    now: noon,
    lockOuts: () => lockOuts,
    context: { wait: false },
  });
  return { starts: end.starts.map(({ host }) => host), exit: end.exit, why: end.why };
};

/** The fleet with a plan that knew of a cordon of this host. */
const cordonedInPlan = (name: string, rollout: Partial<Rollout>) => {
  const start = begin(fleet(4), rollout);
  return {
    ...start,
    hosts: start.hosts.map((one) =>
      one.host === name ? { ...one, plan: { ...one.plan, cordoned: true as const } } : one,
    ),
  };
};

describe('a cordon by somebody else', () => {
  const two = { maxUnavailable: { count: 2 } } as const;

  it.each([
    ['last', ['h1', 'h3', 'h4', 'h2'], 0],
    ['first', ['h2', 'h1', 'h3', 'h4'], 0],
    ['skip', ['h1', 'h3', 'h4'], 4],
  ] as const)('that the plan names, with `cordoned: %s`', (cordoned, starts, exit) => {
    const start = cordonedInPlan('h2', { ...two, cordoned });
    const down = {
      ...start,
      hosts: start.hosts.map((one) => ({ ...one, down: one.host === 'h2' })),
    };
    expect(order({}, [on('h2', 'cordon')], down)).toMatchObject({ starts, exit });
  });

  it('that the plan names is missing capacity in the plan as in the run: with `max_unavailable: 1` nobody would be started', () => {
    const start = cordonedInPlan('h2', { maxUnavailable: { count: 1 } });
    const planned = simulate({ begin: start, run: 'r1', now: noon, missing: ['h2'] });
    const source = { unavailable: ['h2'], lockOuts: [on('h2', 'cordon')] };
    const run = stateAfter(
      start,
      [0, flagged],
      [0, wave(1, ['h1', 'h2', 'h3', 'h4'])],
      [1, { type: 'capacity.read', ...source }],
    );
    const asRun = decide(run, start.rollout, noon + 1_000, { capacitySource: true });
    for (const { why } of [planned, asRun as { readonly why: string }])
      expect(why).toContain(
        'capacity is missing: 1 out of service, allowed: 1 (h2, cordoned by somebody else)',
      );
    expect(planned.starts).toEqual([]);
  });

  it('that the plan does not name keeps the host out, and the run says so', () => {
    expect(order(two, [on('h2', 'cordon')])).toEqual({
      starts: ['h1', 'h3', 'h4'],
      exit: 4,
      why: '3 done, 1 kept out by a hold or a cordon: kept out: h2 (h2 has a cordon)',
    });
  });

  it('that comes after the plan is minded no more than one before it, with --yes', () => {
    const state = stateAfter(
      begin(fleet(3)),
      [0, flagged],
      [0, wave(1, ['h1', 'h2', 'h3'])],
      [1, read(on('h1', 'cordon'))],
    );
    expect(hostState(state, 'h1')?.lockOut?.turn).toBe('last');
    const without = stateAfter(
      begin(fleet(3)),
      [0, wave(1, ['h1', 'h2', 'h3'])],
      [1, read(on('h1', 'cordon'))],
    );
    expect(hostState(without, 'h1')?.lockOut?.turn).toBe('never');
  });

  it('waits for all others, also where only its own zone has room', () => {
    const zoned = begin(
      fleet(3, (number) => ({ zone: number === 3 ? 'b' : 'a' })),
      { maxUnavailable: { count: 3 }, maxPerZone: { count: 1 }, cordoned: 'last' },
    );
    const start = {
      ...zoned,
      hosts: zoned.hosts.map((one) =>
        one.host === 'h3' ? { ...one, plan: { ...one.plan, cordoned: true as const } } : one,
      ),
    };
    expect(order({}, [on('h3', 'cordon')], start).starts).toEqual(['h1', 'h2', 'h3']);
  });

  it('makes no canary of a host, as long as there is another', () => {
    const canary = { hosts: { count: 1 }, soak: 0, promote: 'auto' } as const;
    expect(
      order({}, [on('h1', 'cordon')], cordonedInPlan('h1', { ...two, canary })).starts,
    ).toEqual(['h2', 'h3', 'h4', 'h1']);
  });
});

describe('a hold', () => {
  it('on a canary has another one take its place', () => {
    const canary = { hosts: { count: 1 }, soak: 0, promote: 'auto' } as const;
    expect(order({ canary }, [on('h1')]).starts).toEqual(['h2', 'h3', 'h4']);
  });

  it('that leaves no canary promotes none', () => {
    const canary = { hosts: { count: 1 }, soak: 0, promote: 'auto' } as const;
    const all = ['h1', 'h2', 'h3', 'h4'].map((host) => on(host));
    expect(order({ canary }, all)).toMatchObject({ starts: [], exit: 4 });
  });

  it('that is gone lets the host be started in the same run', () => {
    const lockOuts = (now: number): readonly LockOut[] => (now < noon + 900_000 ? [on('h1')] : []);
    const end = simulate({
      begin: begin(fleet(3)),
      run: 'r1',
      now: noon,
      lockOuts,
      context: { wait: false },
    });
    expect(end.starts.map(({ host }) => host)).toEqual(['h2', 'h3', 'h1']);
    expect(end.exit).toBe(0);
  });

  it('is waited for with --wait', () => {
    const lockOuts = (now: number): readonly LockOut[] =>
      now < noon + 36_000_000 ? [on('h1')] : [];
    const end = simulate({
      begin: begin(fleet(3)),
      run: 'r1',
      now: noon,
      lockOuts,
      context: { wait: true },
    });
    expect(end.starts.map(({ host }) => host)).toEqual(['h2', 'h3', 'h1']);
  });

  it.each<[string, Partial<Rollout>]>([
    ['the canary', { canary: { hosts: { count: 1 }, soak: 600, promote: 'auto' } }],
    ['the wave', { waves: [{ count: 1 }], soak: { host: 0, wave: 600 } }],
  ])('that is gone while %s soaks cuts the soak short for nobody', (_what, rollout) => {
    // h1 takes 600 s and soaks as long; h2 is free a minute into the soak.
    const lockOuts = (now: number): readonly LockOut[] => (now < noon + 660_000 ? [on('h2')] : []);
    const end = simulate({
      begin: begin(fleet(2), rollout),
      run: 'r1',
      now: noon,
      lockOuts,
      context: { wait: true },
    });
    expect(end.starts.map(({ host, at }) => [host, (at - noon) / 1000])).toEqual([
      ['h1', 0],
      ['h2', 1200],
    ]);
  });

  it('found by the walk before anything was done puts the host back in line; nothing has failed', () => {
    const failure = {
      kind: 'kept_out',
      message: 'node n1 is on hold: disk',
      resumable: true,
    } as const;
    const ended: EventBody = {
      type: 'host.failed',
      host: 'h1',
      failure,
      touched: false,
      state: 'untouched',
    };
    const begun = [
      [0, wave(1, ['h1', 'h2'])],
      [0, { type: 'host.started', host: 'h1', why: '' }],
      [1, ended],
    ] as const;
    const kept = stateAfter(begin(fleet(2)), ...begun);
    expect(hostState(kept, 'h1')).toMatchObject({
      status: 'planned',
      lockOut: { turn: 'never', why: failure.message },
    });
    expect([kept.failures, kept.held, kept.wave?.open]).toEqual([0, 0, 1]);
    const freed = stateAfter(begin(fleet(2)), ...begun, [2, read()]);
    expect(hostState(freed, 'h1')).toMatchObject({ status: 'planned' });
    expect(hostState(freed, 'h1')?.lockOut).toBeUndefined();
  });

  it('found by the walk with its node drained leaves it so: its slot is kept, nothing has failed, and a resume goes on with it', () => {
    const failure = {
      kind: 'kept_out',
      message: 'node n1 is on hold: disk',
      resumable: true,
    } as const;
    const at = { host: 'h1', task: '0', effect: 'e1' };
    const events = [
      [0, wave(1, ['h1', 'h2'])],
      [0, { type: 'host.started', host: 'h1', why: '' }],
      [
        1,
        {
          type: 'effect.started',
          ...at,
          kind: 'cordon',
          what: 'cordon',
          timeout: 60,
          detached: false,
        },
      ],
      [1, { type: 'effect.done', ...at, result: { ok: true } }],
      [2, { type: 'host.failed', host: 'h1', failure, touched: true, state: 'cordoned' }],
    ] as const;
    const state = stateAfter(begin(fleet(2)), ...events);
    expect(hostState(state, 'h1')).toMatchObject({ status: 'failed', keepsSlot: true });
    expect([state.failures, state.held]).toEqual([0, 1]);
    const resumed = stateAfter(begin(fleet(2)), ...events, [
      3,
      { type: 'run.resumed', who: 'ann', tool: 'test' },
    ]);
    expect(hostState(resumed, 'h1')?.status).toBe('running');
  });
});

describe('in random rollouts', () => {
  /** By host: from when to when it is held, in minutes; and whether it is a cordon. */
  const locks = fc.array(
    fc.record({
      host: fc.nat({ max: 23 }),
      from: fc.nat({ max: 90 }),
      minutes: fc.nat({ max: 200 }),
      by: fc.constantFrom('hold', 'cordon'),
    }),
    { maxLength: 8 },
  );

  it('no host is started while its lock-out stands, one that comes last waits for all others, and the run ends', () => {
    fc.assert(
      fc.property(
        randomWorld,
        locks,
        fc.constantFrom('last', 'first', 'skip'),
        fc.boolean(),
        (world, drawn, cordoned, wait) => {
          const rollout = { ...world.begin.rollout, cordoned };
          const start = { ...world.begin, rollout };
          const stands = ({ from, minutes }: (typeof drawn)[number], now: number) =>
            now >= noon + from * 60_000 && now < noon + (from + minutes) * 60_000;
          const lockOuts = (now: number): readonly LockOut[] => {
            const found = new Map<string, LockOut>();
            for (const one of drawn)
              if (stands(one, now) && found.get(`h${one.host}`)?.by !== 'hold')
                found.set(`h${one.host}`, on(`h${one.host}`, one.by));
            return [...found.values()];
          };
          const watch = monitor(start, rollout);
          const wrong: string[] = [];
          const onEvent = (event: Event): void => {
            watch.see(event);
            if (event.type !== 'host.started') return;
            const lock = lockOuts(event.at).find(({ host }) => host === event.host);
            if (lock !== undefined && (lock.by === 'hold' || cordoned !== 'first'))
              wrong.push(`${event.host} was started, ${lock.why}`);
          };
          let decisions = 0;
          const onDecision = (): void => {
            decisions += 1;
            if (decisions > 10_000) throw new Error('it does not come to an end');
          };
          const end = simulate({
            begin: start,
            run: 'r1',
            now: noon,
            outcome: world.outcome,
            gate: world.gate,
            lockOuts,
            context: { wait },
            // With `wait` a run may wait for capacity that never comes back.
            horizon: noon + 6 * 3_600_000,
            onEvent,
            onDecision,
          });
          expect([...wrong, ...watch.broken.map(({ what }) => what)]).toEqual([]);
          if (!wait) expect(end.exit).toBeTypeOf('number');
        },
      ),
      { numRuns: process.env.KMEND_SLOW === undefined ? 1_000 : 20_000 },
    );
  }, 300_000);
});
