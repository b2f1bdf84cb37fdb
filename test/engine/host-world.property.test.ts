// Properties of a host's walk, over random faults and crashes of the controller at any event: the real
// walk, effects and modules on a virtual clock, against a host that keeps its own counters. For each
// property there is a fault that violates it.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { fold, foldAll } from '../../src/core/run-state/fold.ts';
import { hostState, type RunState } from '../../src/core/run-state/state.ts';
import { knownSecrets } from '../../src/engine/effects/mask.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import { walkHost } from '../../src/engine/host/walk.ts';
import type { PlaySetup, RunContext } from '../../src/engine/host/walk-context.ts';
import { factDefs } from '../../src/facts/index.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { AnyModule } from '../../src/model/run/change.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import type { HostPlan } from '../../src/model/run/plan.ts';
import { modules } from '../../src/modules/index.ts';
import { begin } from '../core/fleet.ts';
import {
  countedCommand,
  type Fate,
  type HostFaults,
  HostWorld,
  type Recording,
} from '../fakes/host-world.ts';
import { recordSick } from '../fakes/recording.ts';

/** A walk takes some milliseconds: fewer than of rollouts, and more at night (KMEND_SLOW=1). */
const worlds = process.env.KMEND_SLOW === undefined ? 500 : 10_000;

const playbook = `- hosts: all
  tasks:
    - shell: {cmd: ${countedCommand}}
    - drain: {timeout: 60s}
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, timeout: 120s, stable_for: 10s, ready_timeout: 60s}
    - verify_kmem: {timeout: 30s}
    - uncordon: {}
`;

let recording: Recording;
beforeAll(async () => {
  recording = await recordSick('n1');
});

interface Crash {
  /** At the so many-th event of a controller; `written`: just after it, not just before. */
  readonly at: number;
  readonly written: boolean;
}

interface RandomHost {
  readonly fate: Fate;
  readonly crashes: readonly Crash[];
  /** From this controller on the host is only returned to service (`rollout.adopt`). */
  readonly returnsFrom?: number;
}

const fate = fc
  .record({
    lossy: fc.constantFrom(0, 0, 5, 20),
    draws: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), {
      minLength: 5,
      maxLength: 40,
    }),
    scriptSeconds: fc.constantFrom(0, 1, 15),
    bootSeconds: fc.constantFrom(1, 30, 100),
    reboot: fc.constantFrom('good', 'good', 'good', 'hangs', 'dark', 'loops', 'old', 'deaf'),
    drain: fc.constantFrom('good', 'good', 'good', 'fails'),
    uncordonedAfter: fc.constantFrom(undefined, undefined, undefined, 3, 10, 60),
  })
  .map(
    ({ uncordonedAfter, ...rest }): Fate =>
      ({ ...rest, ...(uncordonedAfter === undefined ? {} : { uncordonedAfter }) }) as Fate,
  );

const crash = fc.record({ at: fc.integer({ min: 0, max: 24 }), written: fc.boolean() });
const randomHost: fc.Arbitrary<RandomHost> = fc.record({
  fate,
  crashes: fc.array(crash, { maxLength: 3 }),
});

class Crashed extends Error {}

interface Faults {
  readonly host?: HostFaults;
  readonly modules?: ReadonlyMap<string, AnyModule>;
  /** What a new controller makes of the journal. */
  readonly folded?: (events: readonly Event[]) => RunState;
}

interface Walked {
  readonly world: HostWorld;
  readonly events: readonly Event[];
  readonly ended: boolean;
  /** Events before the first controller that only returns the host. */
  readonly before: number;
}

const setups = new Map<ReadonlyMap<string, AnyModule>, PlaySetup>();

function setupWith(known: ReadonlyMap<string, AnyModule>): PlaySetup {
  const before = setups.get(known);
  if (before !== undefined) return before;
  const loaded = loadPlaybook('play.yaml', playbook, {
    modules: known,
    facts: factDefs.map((def) => def.name),
  });
  const only = loaded.value?.plays[0];
  if (only === undefined) throw new Error(JSON.stringify(loaded.diagnostics));
  const inventory = {
    hosts: new Map([['n1', { name: 'n1', groups: [], vars: {} }]]),
    groups: new Map(),
    files: [],
  };
  const target = {
    name: 'n1',
    user: 'root',
    hostKeyChecking: 'yes',
    legacyCrypto: false,
    connectTimeout: 10,
  } as const;
  const setup: PlaySetup = {
    play: only,
    modules: known,
    hosts: new Map([['n1', { target, variables: (layers) => hostScope(inventory, 'n1', layers) }]]),
    extraVars: {},
    isWanted: () => true,
    secrets: knownSecrets(),
    isSecret: () => false,
    addresses: () => new Map(),
    ownBootId: 'elsewhere',
  };
  setups.set(known, setup);
  return setup;
}

let approved: HostPlan | undefined;

/** The plan that a person approved: of the host as it was found, on a good day. */
async function planOf(setup: PlaySetup): Promise<HostPlan> {
  if (approved !== undefined) return approved;
  const good = new HostWorld(recording, {
    lossy: 0,
    draws: [0.5],
    scriptSeconds: 1,
    bootSeconds: 1,
    reboot: 'good',
    drain: 'good',
  });
  const options = { forks: 1, retries: 0, signal: new AbortController().signal };
  const [planned] = await planFleet(['n1'], setup, options, good, () => {});
  if (planned?.outcome.ok !== true) throw new Error(JSON.stringify(planned));
  approved = planned.outcome.value;
  return approved;
}

const isOver = (events: readonly Event[]): boolean =>
  events.some(({ type }) => type === 'host.done' || type === 'host.failed');

async function walk(
  { fate: its, crashes, returnsFrom = Number.POSITIVE_INFINITY }: RandomHost,
  faults: Faults = {},
): Promise<Walked> {
  const setup = setupWith(faults.modules ?? modules);
  const plan = await planOf(setup);
  const world = new HostWorld(recording, its, faults.host);
  const events: Event[] = [];
  const write = (body: EventBody): Event => {
    const event: Event = { ...body, v: 1, seq: events.length, at: world.now, run: 'r1', prev: '' };
    events.push(event);
    return event;
  };
  write(begin([{ host: 'n1', plan, down: false }]));
  write({ type: 'host.started', host: 'n1', why: '' });
  let before = 0;
  for (let number = 1; ; number++) {
    if (number === returnsFrom) before = events.length;
    let state = (faults.folded ?? foldAll)(events);
    if (hostState(state, 'n1')?.status !== 'running')
      return { world, events, ended: isOver(events), before };
    const due = crashes[number - 1];
    let written = 0;
    let crashed = false;
    const crash = (): never => {
      crashed = true;
      throw new Crashed();
    };
    const context: RunContext = {
      setup,
      ports: world,
      token: { run: 'r1', number },
      record: async (body) => {
        const isLast = written === due?.at;
        written += 1;
        if (isLast && !due.written) crash();
        const event = write(body);
        if (isLast) crash();
        state = fold(state, event);
        return event;
      },
      state: () => state,
      signal: new AbortController().signal,
      isOver: () => crashed,
      isLeaving: () => false,
      leaveOwn: async () => false,
      mayContinue: () => 'go',
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      overQuota: () => undefined,
      strict: false,
      onlyReturns: number >= returnsFrom,
    };
    try {
      await walkHost('n1', plan, setup.hosts.get('n1') ?? never(), context, context.signal);
    } catch (error) {
      if (!(error instanceof Crashed)) throw error;
      // The new controller comes a while later; the host has gone on meanwhile.
      world.now += 2000;
      continue;
    }
    return { world, events, ended: isOver(events), before };
  }
}

const never = (): never => {
  throw new Error('no setup');
};

/** What is true of every correct walk. */
interface Verdict {
  readonly ended: boolean;
  /** Uncordoned only when accounting is off for sure, or when the host was not touched. */
  readonly proven: boolean;
  /** No boot without a planned reboot. */
  readonly planned: boolean;
  /** No command that does not converge was run twice. */
  readonly once: boolean;
  readonly held: boolean;
}

async function judged(host: RandomHost, faults?: Faults): Promise<Verdict> {
  const { world, ended } = await walk(host, faults);
  return {
    ended,
    proven: world.uncordons.every(({ remediated, touched }) => remediated || !touched),
    planned: world.boots - 1 <= plannedReboots,
    once: world.counted <= 1,
    held: world.rebootedInService === 0,
  };
}

/** The play has one. */
const plannedReboots = 1;

const good: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 2,
  bootSeconds: 30,
  reboot: 'good',
  drain: 'good',
};
const allHold: Verdict = { ended: true, proven: true, planned: true, once: true, held: true };

describe('the walk of a host', () => {
  it(`uncordons no unproven host, reboots no more than planned, runs no command twice, and ends, whatever happens (${worlds} worlds)`, async () => {
    await fc.assert(
      fc.asyncProperty(randomHost, async (host) => {
        expect(await judged(host)).toEqual(allHold);
      }),
      { numRuns: worlds },
    );
  }, 600_000);

  it('has the same result with crashes as without, if nothing else fails', async () => {
    const end = async (crashes: readonly Crash[]): Promise<unknown> => {
      const { world, events } = await walk({ fate: good, crashes });
      return [
        world.boots,
        world.counted,
        world.uncordons,
        events.filter(({ type }) => type === 'host.done' || type === 'host.failed').length,
      ];
    };
    expect(await end([])).toEqual([2, 1, [{ remediated: true, touched: true }], 1]);
    // Once at every event, just before and just after it; then several times.
    for (let at = 0; at < 30; at++)
      for (const written of [true, false])
        expect(await end([{ at, written }])).toEqual(await end([]));
    await fc.assert(
      fc.asyncProperty(fc.array(crash, { maxLength: 4 }), async (crashes) => {
        expect(await end(crashes)).toEqual(await end([]));
      }),
      { numRuns: worlds / 10 },
    );
  }, 600_000);
});

describe('a controller that only returns the host (rollout.adopt)', () => {
  /** What it began, and whether the host came back by it. */
  async function returned(at: number, written: boolean, more: Partial<Fate> = {}, faults?: Faults) {
    const { world, events, before } = await walk(
      { fate: { ...good, ...more }, crashes: [{ at, written }], returnsFrom: 2 },
      faults,
    );
    const after = before === 0 ? [] : events.slice(before);
    const began = after.flatMap((event) =>
      event.type === 'effect.started' && event.harmless !== true ? [event.kind] : [],
    );
    const last = events[before - 1];
    const unsent = written && last?.type === 'effect.started' && last.kind === 'reboot';
    return {
      began,
      unsent,
      done: after.some(({ type }) => type === 'host.done'),
      proof: after.some(({ type }) => type === 'proof'),
      world,
    };
  }
  const points = Array.from({ length: 30 }, (_, at) =>
    [true, false].map((written) => ({ at, written })),
  ).flat();

  it('begins nothing but the uncordon, wherever the one before it was killed, and uncordons on a proof of its own', async () => {
    let came = 0;
    for (const { at, written } of points) {
      const { began, done, proof, unsent, world } = await returned(at, written);
      expect([at, written, began.filter((kind) => kind !== 'uncordon')]).toEqual([at, written, []]);
      expect([
        world.boots <= (unsent ? 1 : 2),
        world.counted <= 1,
        began.includes('uncordon') && !proof,
      ]).toEqual([true, true, false]);
      expect(world.uncordons.every(({ remediated }) => remediated)).toBe(true);
      came += Number(done);
    }
    expect(came).toBeGreaterThan(5);
    expect(came).toBeLessThan(points.length - 10);
  }, 120_000);

  it('does not change a host that cannot be proven, or that has not booted', async () => {
    for (const reboot of ['deaf', 'old', 'hangs'] as const)
      for (let at = 0; at < 30; at += 3)
        expect((await returned(at, true, { reboot })).world.uncordons).toEqual([]);
  }, 120_000);
});

describe('each property can fail', () => {
  const without =
    (...types: readonly Event['type'][]) =>
    (events: readonly Event[]): RunState =>
      foldAll(events.filter(({ type }) => !types.includes(type)));
  const verify = modules.get('verify_kmem');
  const credulous = new Map(modules).set('verify_kmem', {
    ...(verify ?? never()),
    plan: () => ({
      changes: [],
      proof: { verdict: 'off', by: 'samples', evidence: 'it will be fine' },
    }),
  });

  it.each<[keyof Verdict, string, Faults]>([
    ['proven', 'a proof that is taken for granted', { modules: credulous }],
    [
      'planned',
      'a controller that forgets which effects it has sent',
      { folded: without('effect.started', 'effect.done') },
    ],
    ['once', 'a host that runs again what is sent again', { host: { noSpool: true } }],
    [
      'held',
      'a cluster that reports every node as owned by the run',
      { host: { alwaysHeld: true } },
    ],
    ['ended', 'a walk that does not record its end', { folded: without('host.started') }],
  ])(
    '%s: %s',
    async (property, _name, faults) => {
      const check = fc.asyncProperty(
        randomHost,
        async (host) => (await judged(host, faults))[property],
      );
      expect((await fc.check(check, { numRuns: 400, seed: 3 })).failed).toBe(true);
    },
    120_000,
  );
});
