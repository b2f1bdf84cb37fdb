// A database that is away is a pause: whole runs on a virtual clock, with an outage of the state at
// each call that a run makes.
import { beforeAll, describe, expect, it } from 'vitest';
import { emptyState } from '../../src/core/run-state/state.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import type { Asker } from '../../src/engine/ports/local.ts';
import type { Gates } from '../../src/engine/ports/outside.ts';
import { StateAwayError } from '../../src/engine/ports/state-errors.ts';
import { runLoop } from '../../src/engine/run.ts';
import { runLogOf } from '../../src/engine/run-log.ts';
import type { Event } from '../../src/model/run/event.ts';
import { begin } from '../core/fleet.ts';
import { awayStore, type StateAway } from '../fakes/away-store.ts';
import { type Fate, HostWorld, type Recording } from '../fakes/host-world.ts';
import { recordSick } from '../fakes/recording.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { memoryJournal, nobody, setupFor, sharedTime } from '../hostile/fleet.ts';

const head = (rollout: string): string => `- hosts: all
  rollout: ${rollout}
  tasks:
`;
const tasks = `    - drain: {timeout: 60s}
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, timeout: 120s, stable_for: 1s, ready_timeout: 60s}
    - verify_kmem: {timeout: 30s}
    - uncordon: {}
`;
const good: Fate = {
  lossy: 0,
  draws: [0.5],
  scriptSeconds: 2,
  bootSeconds: 30,
  reboot: 'good',
  drain: 'good',
};

let recording: Recording;
beforeAll(async () => {
  recording = await recordSick('n1');
});

interface Wishes {
  readonly rollout?: string;
  readonly tasks?: string;
  readonly fate?: Partial<Fate>;
  readonly asker?: (clock: VirtualClock) => Asker;
  readonly gates?: (clock: VirtualClock) => Gates;
  /** Signals, so many seconds after the outage began. */
  readonly stopAfter?: number;
  readonly killAfter?: number;
  readonly approved?: boolean;
}

interface Ended {
  readonly exit: number | undefined;
  readonly error: unknown;
  readonly events: readonly Event[];
  readonly world: HostWorld;
  readonly calls: readonly string[];
  readonly outage: { readonly from: number; readonly until: number } | undefined;
  readonly endedAt: number;
  /** Commands that reached the host, by time. */
  readonly seen: readonly { readonly since: number; readonly until?: number }[];
}

async function rollout(away?: StateAway, wishes: Wishes = {}): Promise<Ended> {
  const clock = new VirtualClock();
  const world = new HostWorld(recording, { ...good, ...wishes.fate }, {}, sharedTime(clock), 'n1');
  const setup = setupFor(['n1'], wishes.tasks ?? tasks, head(wishes.rollout ?? '{soak: 20s}'));
  const [stop, kill] = [new AbortController(), new AbortController()];
  const ports = {
    transport: world.transport,
    clock,
    asker: wishes.asker?.(clock) ?? nobody,
    gates: wishes.gates?.(clock) ?? { read: async () => ({ open: true, read: '' }) },
  };
  const [planned] = await clock.drive(
    planFleet(
      ['n1'],
      setup,
      { forks: 1, retries: 0, signal: stop.signal },
      { ...ports, cluster: world.cluster },
      () => {},
    ),
  );
  if (planned?.outcome.ok !== true) throw new Error(JSON.stringify(planned));
  const { journal, events } = memoryJournal(clock);
  const { store, calls, times } = awayStore(journal, clock, {
    away,
    stop: stop.signal,
    kill: kill.signal,
  });
  const runLog = runLogOf(await store.createJournal('r1'), emptyState, () => {});
  const seen: { since: number; until?: number }[] = [];
  store.outages?.((outage) => {
    seen.push(outage);
    if (outage.until !== undefined) return;
    const at = (seconds: number | undefined, signal: AbortController): void => {
      if (seconds !== undefined)
        void clock.sleep(seconds * 1000).then(() => signal.abort('SIGINT'));
    };
    at(wishes.stopAfter, stop);
    at(wishes.killAfter, kill);
  });
  const outcome = { ...planned.outcome.value };
  const run = async (): Promise<{ readonly exit: number }> => {
    await runLog.append(
      begin([{ host: 'n1', plan: outcome, down: false }], setup.play.rollout),
      true,
    );
    if (wishes.approved !== false)
      await runLog.append({ type: 'approved', risk: 'reboot', who: 'ops', how: 'flag' }, true);
    return runLoop({
      runLog,
      setup,
      ports: { ...ports, cluster: world.cluster },
      slots: store.slots('r1', new Set()),
      number: 1,
      strict: false,
      wait: false,
      operator: 'ops',
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      commands: store.commands('r1').take,
      ...(store.outages === undefined ? {} : { outages: store.outages }),
      stop: stop.signal,
      kill: kill.signal,
    });
  };
  const ended = await clock.drive(
    run().then(
      ({ exit }) => ({ exit, error: undefined }),
      (error: unknown) => ({ exit: undefined, error }),
    ),
  );
  return { ...ended, events, world, calls, outage: times(), endedAt: clock.now(), seen };
}

const typesOf = (events: readonly Event[]) => (type: Event['type']) =>
  events.filter((event) => event.type === type).length;

/** The first and the last call of each name, as numbers from 1 on. */
const turnsOf = (calls: readonly string[]): readonly number[] =>
  [
    ...new Set(
      [...new Set(calls)].flatMap((name) => [calls.indexOf(name), calls.lastIndexOf(name)]),
    ),
  ].map((index) => index + 1);

describe('an outage of the database', () => {
  it('at any call of a run is waited out: exit 0, no failure, one reboot, the node back in service, one outage in the journal', async () => {
    const whole = await rollout();
    expect([whole.exit, whole.world.boots]).toEqual([0, 2]);
    expect(new Set(whole.calls)).toEqual(
      new Set([
        ...whole.events.map(({ type }) => type),
        'commands',
        'claim',
        'keep',
        'drop',
        'forget',
        'clear',
        'others',
      ]),
    );
    for (const [index, at] of turnsOf(whole.calls).entries()) {
      const late = index % 2 === 0;
      const { exit, error, events, world, seen } = await rollout({ at, seconds: 300, late });
      const count = typesOf(events);
      const where = `call ${at} (${whole.calls[at - 1]}), ${late ? 'its answer' : 'it'} waits`;
      expect([where, error, exit, world.boots, world.uncordons]).toEqual([
        where,
        undefined,
        0,
        2,
        [{ remediated: true, touched: true }],
      ]);
      const failures = events.flatMap((event) =>
        event.type === 'host.failed' ? [event.failure.kind] : [],
      );
      // Only a start that the outage has delayed is decided again.
      expect([where, failures.filter((kind) => kind !== 'interrupted')]).toEqual([where, []]);
      expect([where, count('effect.failed'), count('brake.tripped')]).toEqual([where, 0, 0]);
      expect([where, seen.length, seen.every(({ since }) => since > 0)]).toEqual([where, 2, true]);
    }
  }, 240_000);

  it('ends no host by its deadline, and is in the journal once, before anything else is decided', async () => {
    const wishes = { rollout: '{deadline: {host: 3m}}' };
    const whole = await rollout(undefined, wishes);
    const at = whole.calls.lastIndexOf('effect.started') + 1;
    const { exit, events, outage } = await rollout({ at, seconds: 600, late: false }, wishes);
    expect([exit, typesOf(events)('host.failed')]).toEqual([0, 0]);
    const back = events.filter((event) => event.type === 'database.back');
    expect(back).toMatchObject([{ type: 'database.back', seconds: 600 }]);
    expect(back[0]).toMatchObject({ since: outage?.from });
  });

  it('starts nothing by what was read before it: a host whose start was delayed is decided again, with gates read anew', async () => {
    const wishes: Wishes = {
      rollout: '{gates: [{name: quiet, command: ok}]}',
      // Closed from the outage on, for ten minutes after it.
      gates: (clock) => {
        const began = clock.now();
        return {
          read: async () => {
            const open = clock.now() < began + 60_000 || clock.now() > began + 1_200_000;
            return { open, read: open ? 'quiet' : 'busy' };
          },
        };
      },
    };
    const whole = await rollout(undefined, wishes);
    for (const call of ['claim', 'keep', 'host.started']) {
      const at = whole.calls.indexOf(call) + 1;
      const { events } = await rollout({ at, seconds: 600, late: false }, wishes);
      const begun = events.find(({ type }) => type === 'effect.started');
      const open = events.filter((event) => event.type === 'gate.read' && event.open);
      expect([call, begun === undefined || (open.at(-1)?.at ?? 0) > begun.at - 20_000]).toEqual([
        call,
        true,
      ]);
      const failed = events.filter((event) => event.type === 'host.failed');
      expect([
        call,
        failed.every((event) => event.failure.kind === 'interrupted' && !event.touched),
      ]).toEqual([call, true]);
    }
  });

  it('is waited for by the answer of the operator', async () => {
    const asker = (clock: VirtualClock): Asker => ({
      ...nobody,
      attended: true,
      confirm: async () => {
        await clock.sleep(20_000);
        return true;
      },
    });
    const wishes = { asker, approved: false };
    const whole = await rollout(undefined, wishes);
    const at = whole.calls.indexOf('approved') + 1;
    const { exit, events } = await rollout({ at, seconds: 600, late: false }, wishes);
    expect([whole.exit, exit, typesOf(events)('host.failed')]).toEqual([0, 0, 0]);
  });

  it.each([
    ['the first signal, and the time that a restart of the server takes', { stopAfter: 60 }, 70],
    ['the second signal, at once', { stopAfter: 60, killAfter: 62 }, 63],
  ] as const)(
    'is ended by %s: the run stops, and nothing is begun',
    async (_, signals, seconds) => {
      const whole = await rollout();
      for (const call of ['effect.started', 'effect.done', 'commands', 'keep']) {
        const at = whole.calls.indexOf(call) + 1;
        const { error, events, outage, endedAt, world } = await rollout(
          { at, seconds: 86_400, late: false },
          signals,
        );
        expect([call, error instanceof StateAwayError]).toEqual([call, true]);
        // An outage is seen after three seconds.
        expect([call, (endedAt - (outage?.from ?? 0)) / 1000]).toEqual([call, seconds + 3]);
        expect([
          call,
          world.boots,
          events.filter(({ at: when }) => when > (outage?.from ?? 0)),
        ]).toEqual([call, 1, []]);
      }
    },
  );

  it('of less than three seconds is not mentioned', async () => {
    const whole = await rollout();
    const at = whole.calls.indexOf('effect.done') + 1;
    const { exit, events, seen } = await rollout({ at, seconds: 2.5, late: true });
    expect([exit, seen, typesOf(events)('database.back')]).toEqual([0, [], 0]);
  });
});
