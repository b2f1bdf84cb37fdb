// An API server that is away is a pause: whole runs on a virtual clock, with an outage at each call
// that a host's walk makes.
import { beforeAll, describe, expect, it } from 'vitest';
import { emptyState, hostStates } from '../../src/core/run-state/state.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import type { Cluster } from '../../src/engine/ports/cluster.ts';
import { runLoop } from '../../src/engine/run.ts';
import { runLogOf } from '../../src/engine/run-log.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import type { Event } from '../../src/model/run/event.ts';
import { failed, type Outcome } from '../../src/model/run/failure.ts';
import { begin } from '../core/fleet.ts';
import { type Fate, HostWorld, type Recording } from '../fakes/host-world.ts';
import { recordSick } from '../fakes/recording.ts';
import { emptyWorld, memorySlots } from '../fakes/slots.ts';
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

interface Away {
  /** It begins with the so many-th call. */
  readonly at: number;
  readonly seconds: number;
  /** The call that it begins with is carried out, and only its answer lost. */
  readonly late: boolean;
}

type Refusals = Readonly<Partial<Record<keyof Cluster, Outcome<never>>>>;

/** The cluster with one outage, or calls that are refused; counts its calls. */
function spoiled(real: Cluster, clock: VirtualClock, away: Away | undefined, refusals: Refusals) {
  const seen: string[] = [];
  let until = Number.NEGATIVE_INFINITY;
  const lost = failed('unreachable', 'the API server cannot be reached: connection refused', {
    transport: true,
  });
  // A kubelet reports a new boot some time after an outage.
  let boot: string | undefined;
  const asBefore = (answer: Awaited<ReturnType<Cluster['node']>>): void => {
    if (!answer.ok) return;
    if (clock.now() < until + 10_000 && boot !== undefined)
      Object.assign(answer.value, { bootId: boot });
    boot = answer.value.bootId;
  };
  const invalidate =
    (name: string, act: (...args: never[]) => unknown) =>
    async (...args: never[]): Promise<unknown> => {
      seen.push(name);
      const begins = seen.length === away?.at;
      if (begins) until = clock.now() + away.seconds * 1000;
      if (!begins && clock.now() < until) return lost;
      if (begins && !away.late) return lost;
      const answer = refusals[name as keyof Cluster] ?? (await act(...args));
      if (name === 'node') asBefore(answer as Awaited<ReturnType<Cluster['node']>>);
      return begins ? lost : answer;
    };
  // Each method keeps its signature.
  const cluster = Object.fromEntries(
    Object.entries(real).map(([name, act]) => [
      name,
      name === 'close' ? act : invalidate(name, act),
    ]),
  ) as unknown as Cluster;
  return { cluster, seen };
}

interface Ended {
  readonly exits: readonly number[];
  readonly events: readonly Event[];
  readonly world: HostWorld;
  readonly calls: readonly string[];
}

/** A run, and a plain resume of it when it did not end well. */
async function rollout(
  away?: Away,
  more: { rollout?: string; refusals?: Refusals; tasks?: string } = {},
): Promise<Ended> {
  const clock = new VirtualClock();
  const world = new HostWorld(recording, good, {}, sharedTime(clock), 'n1');
  const setup = setupFor(['n1'], more.tasks ?? tasks, head(more.rollout ?? '{soak: 20s}'));
  const signal = new AbortController().signal;
  const ports = {
    transport: world.transport,
    clock,
    asker: nobody,
    gates: { read: async () => ({ open: true, read: '' }) },
  };
  const planning = planFleet(
    ['n1'],
    setup,
    { forks: 1, retries: 0, signal },
    { ...ports, cluster: world.cluster },
    () => {},
  );
  const [planned] = await clock.drive(planning);
  if (planned?.outcome.ok !== true) throw new Error(JSON.stringify(planned));
  const { journal, events } = memoryJournal(clock);
  const runLog = runLogOf(journal, emptyState, () => {});
  await runLog.append(
    begin([{ host: 'n1', plan: planned.outcome.value, down: false }], setup.play.rollout),
    true,
  );
  await runLog.append({ type: 'approved', risk: 'reboot', who: 'ops', how: 'flag' }, true);
  const { cluster, seen } = spoiled(world.cluster, clock, away, more.refusals ?? {});
  const run = (number: number, over: Cluster): Promise<{ readonly exit: number }> =>
    clock.drive(
      runLoop({
        runLog,
        setup,
        ports: { ...ports, cluster: over },
        slots: slotsOf(memorySlots(emptyWorld()), 'r1', new Set()),
        number,
        strict: false,
        wait: false,
        operator: 'ops',
        keepOutput: async () => ({ kept: false, why: 'no store' }),
        commands: async () => [],
        stop: signal,
        kill: signal,
      }),
    );
  const first = await run(1, cluster);
  if (first.exit === 0) return { exits: [0], events, world, calls: seen };
  await runLog.append({ type: 'run.resumed', who: 'ops', tool: '' }, true);
  const second = await run(2, world.cluster);
  expect([...hostStates(runLog.state())].map(({ failures }) => failures)).toEqual([0]);
  return { exits: [first.exit, second.exit], events, world, calls: seen };
}

const typesOf = (events: readonly Event[]) => (type: Event['type']) =>
  events.filter((event) => event.type === type).length;

describe('an outage of the cluster', () => {
  it('of 90 s at any call of a run is waited out: exit 0, no failure, one reboot, the node back in service, one outage in the journal', async () => {
    const whole = await rollout();
    expect([whole.exits, whole.world.boots]).toEqual([[0], 2]);
    expect(new Set(whole.calls)).toEqual(
      new Set([
        'nodes',
        'node',
        'systemPods',
        'forecast',
        'cordon',
        'drain',
        'owns',
        'pods',
        'uncordon',
      ]),
    );
    for (const late of [false, true])
      for (let at = 1; at <= whole.calls.length; at++) {
        const { exits, events, world } = await rollout({ at, seconds: 90, late });
        const count = typesOf(events);
        const where = `call ${at} (${whole.calls[at - 1]}), ${late ? 'its answer lost' : 'lost'}`;
        expect([where, exits, world.boots, world.uncordons]).toEqual([
          where,
          [0],
          2,
          [{ remediated: true, touched: true }],
        ]);
        expect([
          where,
          count('effect.failed'),
          count('host.failed'),
          count('cluster.away'),
          count('cluster.back'),
        ]).toEqual([where, 0, 0, 1, 1]);
      }
  }, 120_000);

  it.each([
    ['', tasks],
    [
      ', also where every task ignores errors',
      tasks.replaceAll(/\}$/gm, '}\n      ignore_errors: true'),
    ],
  ])(
    'that outlasts `deadline.cluster` fails no host: exit 6 or 10, nothing in the brake, and a plain resume goes on to the end%s',
    async (_, play) => {
      const whole = await rollout(undefined, { tasks: play });
      for (let at = 1; at <= whole.calls.length; at++) {
        const { exits, events, world } = await rollout(
          { at, seconds: 900, late: at % 2 === 0 },
          { rollout: '{soak: 20s, deadline: {cluster: 5m}}', tasks: play },
        );
        const count = typesOf(events);
        const where = `call ${at} (${whole.calls[at - 1]})`;
        const left = events.some((event) => event.type === 'host.failed' && event.touched);
        expect([where, exits, world.boots, world.uncordons.length]).toEqual([
          where,
          [left ? 6 : 10, 0],
          2,
          1,
        ]);
        expect([
          where,
          count('brake.tripped'),
          count('effect.failed'),
          count('cluster.away'),
        ]).toEqual([where, 0, 0, 1]);
        const ends = events.flatMap((event) =>
          event.type === 'host.failed' ? [event.failure.kind] : [],
        );
        expect([where, ends.filter((kind) => kind !== 'interrupted')]).toEqual([where, []]);
      }
    },
    120_000,
  );
});

describe('the return of a proven node', () => {
  it('is owed: where the cluster refuses it, a plain resume does it, and the brake is released', async () => {
    const refusals = { uncordon: failed('auth', 'may not patch nodes') };
    const { exits, events, world } = await rollout(undefined, { refusals });
    expect(exits).toEqual([4, 0]);
    expect([world.boots, world.uncordons]).toEqual([2, [{ remediated: true, touched: true }]]);
    const count = typesOf(events);
    expect([count('host.failed'), count('host.done')]).toEqual([1, 1]);
  });
});
