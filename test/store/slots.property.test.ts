// Two runs of one pool in random worlds, whose every step on the shared disk is interleaved with
// the other's: no start of either exceeds its budget or its zones with what both have out of
// service, also when a controller is killed and resumed; and both come to an end.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/core/decide/decide.ts';
import { eventOf } from '../../src/core/rollout/decision.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { heldSlot } from '../../src/core/run-state/slot.ts';
import {
  emptyState,
  hostState,
  hostStates,
  type RunState,
} from '../../src/core/run-state/state.ts';
import { SlotClaims } from '../../src/engine/slot-claims.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { begin, failure, hostFor, noon, plain } from '../core/fleet.ts';
import { emptyWorld, memorySlots, type SlotWorld } from '../fakes/slots.ts';

const runs = process.env.KMEND_SLOW === undefined ? 400 : 10_000;

/**
 * Lets one of those that wait go on, whichever the draws say; a controller that is killed stays
 * where it is.
 */
class Steps {
  readonly #waiting: { readonly who: string; readonly go: () => void }[] = [];
  readonly #draw: () => number;
  count = 0;
  constructor(draw: () => number) {
    this.#draw = draw;
  }
  readonly of = (who: string) => (): Promise<void> =>
    new Promise((go) => void this.#waiting.push({ who, go }));
  kill(who: string): void {
    for (let at = this.#waiting.length - 1; at >= 0; at -= 1)
      if (this.#waiting[at]?.who === who) this.#waiting.splice(at, 1);
  }
  async next(): Promise<void> {
    const [one] = this.#waiting.splice(Math.floor(this.#draw() * this.#waiting.length), 1);
    this.count += 1;
    one?.go();
    // To its next step: nobody is killed between two.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const pool = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
const addresses = new Map(pool.map((host) => [`${host}:22`, host]));
const zoneOf = (host: string): string => (Number(host.slice(1)) % 2 === 0 ? 'even' : 'odd');

interface Sides {
  readonly a: Rollout;
  readonly b: Rollout;
}

interface Fate {
  readonly seed: number;
  readonly fails: ReadonlySet<string>;
  /** Steps after which the controller of a run is killed; it is resumed some steps later. */
  readonly kills: readonly {
    readonly run: 'a' | 'b';
    readonly at: number;
    readonly resumed: boolean;
  }[];
}

interface Played {
  readonly broken: readonly string[];
  readonly states: Readonly<Record<'a' | 'b', RunState>>;
  readonly steps: number;
}

async function play(policies: Sides, fate: Fate): Promise<Played> {
  let seed = fate.seed;
  const draw = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return seed / 2 ** 32;
  };
  const steps = new Steps(draw);
  const states: Record<'a' | 'b', RunState> = { a: emptyState, b: emptyState };
  const broken: string[] = [];
  const shared: SlotWorld = {
    ...emptyWorld(),
    judge: async (run, host) => {
      const found = hostState(states[run as 'a' | 'b'], host);
      return (found === undefined ? undefined : heldSlot(found)) ?? 'none';
    },
  };
  const now = (): number => noon + steps.count * 1000;
  const append = (run: 'a' | 'b', body: EventBody): void => {
    const state = states[run];
    states[run] = fold(state, { ...body, v: 1, seq: state.lastSeq + 1, at: now(), run, prev: '' });
    if (body.type === 'host.started') broken.push(...exceeded(policies, states, body.host));
  };
  const control = async (run: 'a' | 'b', step: () => Promise<void>): Promise<void> => {
    const claims = new SlotClaims({
      slots: slotsOf(memorySlots({ ...shared, step }), run, new Set(addresses.keys())),
      addresses,
      countsUnreachable: true,
      now,
      state: () => states[run],
      record: async (body) => append(run, body),
    });
    const walk = async (host: string): Promise<void> => {
      await step();
      await step();
      if (fate.fails.has(host))
        append(run, {
          type: 'host.failed',
          host,
          failure: failure(),
          touched: true,
          state: 'drained',
        });
      else append(run, { type: 'host.done', host, changed: true, proven: 'yes' });
    };
    for (const host of hostStates(states[run])) if (host.status === 'running') void walk(host.host);
    for (;;) {
      await claims.sync();
      const again = () =>
        decide(states[run], policies[run], now(), {
          wait: true,
          attended: false,
          slotsReadAt: claims.readAt,
        });
      const decision = again();
      if (decision.kind === 'start' && !(await claims.take(decision.host, again))) continue;
      const event = eventOf(decision);
      if (event !== undefined) append(run, event);
      if (decision.kind === 'finish') return;
      if (decision.kind === 'start') void walk(decision.host);
      if (decision.kind === 'read_capacity') await claims.read();
      if (decision.kind === 'wait') await step();
    }
  };
  const running = new Set<string>();
  const launch = (run: 'a' | 'b', controller: string): void => {
    shared.alive.add(run);
    running.add(controller);
    void control(run, steps.of(controller)).then(() => {
      running.delete(controller);
      shared.alive.delete(run);
    });
  };
  append(
    'a',
    begin(
      ['h1', 'h2', 'h3'].map((host) => hostFor(host, { zone: zoneOf(host) })),
      policies.a,
      { pool: pool.length },
    ),
  );
  append(
    'b',
    begin(
      ['h4', 'h5', 'h6'].map((host) => hostFor(host, { zone: zoneOf(host) })),
      policies.b,
      { pool: pool.length },
    ),
  );
  launch('a', 'a 1');
  launch('b', 'b 1');
  await new Promise((resolve) => setImmediate(resolve));
  while (running.size > 0 && steps.count < 600) {
    for (const { run, at, resumed } of fate.kills) {
      if (steps.count === at && running.delete(`${run} 1`)) {
        steps.kill(`${run} 1`);
        shared.alive.delete(run);
      }
      if (
        resumed &&
        steps.count === at + 40 &&
        !running.has(`${run} 1`) &&
        states[run].finished === undefined
      ) {
        append(run, { type: 'run.resumed', who: 'ops', tool: '' });
        launch(run, `${run} 2`);
      }
    }
    await steps.next();
  }
  return { broken, states, steps: steps.count };
}

/**
 * What both runs have out of service, counted from their journals, against the wider of their
 * budgets: each run keeps to its own.
 */
function exceeded(
  { a, b }: Sides,
  states: Readonly<Record<'a' | 'b', RunState>>,
  host: string,
): readonly string[] {
  const out = [...hostStates(states.a), ...hostStates(states.b)].filter(
    (one) => heldSlot(one) !== undefined,
  );
  const zones = new Set(out.map((one) => one.plan.zone));
  const slots = Math.max(
    ...[a, b].map(({ maxUnavailable }) => ('count' in maxUnavailable ? maxUnavailable.count : 0)),
  );
  const most = Math.max(...[a, b].map(({ maxZones = 2 }) => maxZones));
  const names = out.map((one) => one.host).join(' ');
  return [
    ...(out.length > slots ? [`start of ${host}: ${names} out of service, allowed ${slots}`] : []),
    ...(zones.size > most ? [`start of ${host}: zones of ${names}`] : []),
  ];
}

const policy: fc.Arbitrary<Rollout> = fc
  .record({
    slots: fc.integer({ min: 1, max: 3 }),
    zones: fc.option(fc.constant(1), { nil: undefined }),
    failures: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ slots, zones, failures }) => ({
    ...plain,
    maxUnavailable: { count: slots },
    ...(zones === undefined ? {} : { maxZones: zones }),
    brake: { failures: { count: failures }, unreachable: 'count' },
  }));
const sides: fc.Arbitrary<Sides> = fc.oneof(
  policy.map((both) => ({ a: both, b: both })),
  fc.record({ a: policy, b: policy }),
);
const kill = fc.record({
  run: fc.constantFrom('a' as const, 'b' as const),
  at: fc.integer({ min: 1, max: 200 }),
  resumed: fc.boolean(),
});

describe('two runs of one pool', () => {
  it(`never have more hosts out of service together than their budgets allow (${runs} worlds)`, async () => {
    await fc.assert(
      fc.asyncProperty(
        sides,
        fc.nat(),
        fc.subarray(pool),
        fc.array(kill, { maxLength: 2 }),
        async (policies, seed, fails, kills) => {
          expect((await play(policies, { seed, fails: new Set(fails), kills })).broken).toEqual([]);
        },
      ),
      { numRuns: runs },
    );
  }, 600_000);

  it('both do all of their hosts where nothing fails', async () => {
    await fc.assert(
      fc.asyncProperty(sides, fc.nat(), async (policies, seed) => {
        const { states } = await play(policies, { seed, fails: new Set(), kills: [] });
        for (const run of ['a', 'b'] as const) {
          expect(states[run].finished?.exit).toBe(0);
          expect([...hostStates(states[run])].map((host) => host.status)).toEqual([
            'done',
            'done',
            'done',
          ]);
        }
      }),
      { numRuns: runs / 4 },
    );
  }, 600_000);
});
