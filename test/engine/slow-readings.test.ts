// Slow gates, clusters, hosts and answers never delay an operator command or a deadline: whole runs
// on a virtual clock.
import { beforeAll, describe, expect, it } from 'vitest';
import { emptyState } from '../../src/core/run-state/state.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import type { Cluster } from '../../src/engine/ports/cluster.ts';
import type { Transport } from '../../src/engine/ports/transport.ts';
import { runLoop } from '../../src/engine/run.ts';
import { runLogOf } from '../../src/engine/run-log.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import type { Event, EventBody } from '../../src/model/run/event.ts';
import { begin } from '../core/fleet.ts';
import { type Fate, HostWorld, type Recording } from '../fakes/host-world.ts';
import { recordSick } from '../fakes/recording.ts';
import { emptyWorld, memorySlots } from '../fakes/slots.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';
import { memoryJournal, nobody, setupFor, sharedTime } from '../hostile/fleet.ts';

const tasks = `    - kernel_arg: {key: cgroup.memory, value: nokmem}
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

interface Slow {
  readonly rollout: string;
  readonly hosts?: readonly string[];
  /** Seconds that each reading takes, whatever the signal says. */
  readonly gate?: number;
  readonly nodes?: number;
  /** Seconds that the script of the task runs on the host. */
  readonly script?: number;
  /** From this second on a connection takes 30 s. */
  readonly deafFrom?: number;
  /** What operators ask for, by the second after the start of the run. */
  readonly asks?: readonly (readonly [second: number, body: EventBody])[];
  /** A signal stops the run in this second. */
  readonly stopAt?: number;
  /** The risk is not approved yet: the operator answers the question yes in this second. */
  readonly answerAt?: number;
}

interface Journalled {
  readonly exit: number;
  /** How often the operator was asked. */
  readonly questions: number;
  /** Seconds after the start of the run at which an entry like this was first written. */
  readonly at: (type: Event['type'], host?: string) => number | undefined;
}

async function run({
  rollout,
  hosts = ['n1'],
  gate = 0,
  nodes,
  script = 2,
  asks = [],
  stopAt,
  answerAt,
  deafFrom = Number.POSITIVE_INFINITY,
}: Slow): Promise<Journalled> {
  const clock = new VirtualClock();
  const worlds = new Map(
    hosts.map((name) => [
      name,
      new HostWorld(recording, { ...good, scriptSeconds: script }, {}, sharedTime(clock), name),
    ]),
  );
  const first = worlds.get(hosts[0] ?? '');
  if (first === undefined) throw new Error('no host');
  const cluster: Cluster = {
    ...first.cluster,
    nodes: async () => {
      await clock.sleep((nodes ?? 0) * 1000);
      return first.cluster.nodes();
    },
  };
  const asked = answerAt === undefined ? '' : '    - reboot: {when_pending: true, drain: none}\n';
  const setup = setupFor(hosts, tasks + asked, `- hosts: all\n  rollout: ${rollout}\n  tasks:\n`);
  const stop = new AbortController();
  let began = Number.POSITIVE_INFINITY;
  let questions = 0;
  const transport: Transport = {
    connect: async (target) => {
      if (clock.now() >= began + deafFrom * 1000) await clock.sleep(30_000);
      return (worlds.get(target.name) ?? first).transport.connect(target);
    },
    close: async () => {},
  };
  const ports = {
    transport,
    clock,
    ...(nodes === undefined ? {} : { cluster }),
    asker: {
      ...nobody,
      attended: answerAt !== undefined,
      confirm: async (_question: string, signal?: AbortSignal) => {
        questions += 1;
        await clock.sleep((answerAt ?? 0) * 1000, signal);
        return signal?.aborted !== true;
      },
    },
    gates: {
      read: async () => {
        await clock.sleep(gate * 1000);
        return { open: true, read: 'fine' };
      },
    },
  };
  const signal = new AbortController().signal;
  const planned = await clock.drive(
    planFleet(hosts, setup, { forks: 2, retries: 0, signal }, ports, () => {}),
  );
  const { journal, events } = memoryJournal(clock);
  const runLog = runLogOf(journal, emptyState, () => {});
  const plans = planned.flatMap(({ host, outcome }) =>
    outcome.ok ? [{ host, plan: outcome.value, down: false }] : [],
  );
  await runLog.append(begin(plans, setup.play.rollout), true);
  if (answerAt === undefined)
    await runLog.append({ type: 'approved', risk: 'reboot', who: 'ops', how: 'flag' }, true);
  began = clock.now();
  const due = [...asks];
  if (stopAt !== undefined) void clock.sleep(stopAt * 1000).then(() => stop.abort('SIGINT'));
  const { exit } = await clock.drive(
    runLoop({
      runLog,
      setup,
      ports,
      slots: slotsOf(memorySlots(emptyWorld()), 'r1', new Set()),
      number: 1,
      strict: false,
      wait: true,
      operator: 'ops',
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      commands: async () => {
        const [next] = due;
        if (next === undefined || clock.now() < began + next[0] * 1000) return [];
        due.shift();
        return [next[1]];
      },
      stop: stop.signal,
      kill: signal,
    }),
  );
  const at: Journalled['at'] = (type, host) => {
    const found = events.find(
      (event) =>
        event.type === type && (host === undefined || ('host' in event && event.host === host)),
    );
    return found === undefined ? undefined : (found.at - began) / 1000;
  };
  return { exit, at, questions };
}

const gates = 'gates: [{name: alerts, http: {url: "http://gate"}}]';
const abort: EventBody = { type: 'run.aborted', who: 'ann', why: 'enough' };
const pause: EventBody = { type: 'run.paused', who: 'ann', why: 'lunch' };

describe('a reading that takes 30 s', () => {
  it.each<[string, Slow]>([
    ['a gate', { rollout: `{${gates}}`, gate: 30 }],
    ['the nodes of the cluster', { rollout: '{}', nodes: 30 }],
  ])(
    'of %s: an abort ends the run within a second, and no reading follows its end',
    async (_what, slow) => {
      const { exit, at } = await run({ ...slow, asks: [[5, abort]] });
      expect(exit).toBe(130);
      expect(at('run.aborted')).toBeLessThanOrEqual(6);
      expect(at('run.finished')).toBeLessThanOrEqual(6);
      expect([at('gate.read'), at('capacity.read'), at('host.started')]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    },
  );

  it.each<[string, Slow]>([
    ['a gate', { rollout: `{${gates}}`, gate: 30 }],
    ['the nodes of the cluster', { rollout: '{}', nodes: 30 }],
  ])('of %s: a signal ends the run at once', async (_what, slow) => {
    const { exit, at } = await run({ ...slow, stopAt: 5 });
    expect([exit, at('run.finished')]).toEqual([130, 5]);
  });

  it.each<[string, Slow]>([
    ['a gate', { rollout: `{${gates}}`, gate: 30 }],
    ['the nodes of the cluster', { rollout: '{}', nodes: 10 }],
  ])(
    'of %s: a pause starts nobody, also when the reading comes, and the run goes on when the operator says so',
    async (_what, slow) => {
      const { exit, at } = await run({
        ...slow,
        asks: [
          [5, pause],
          [60, { type: 'run.continued', who: 'ann' }],
        ],
      });
      expect(exit).toBe(0);
      expect(at('run.paused')).toBeLessThanOrEqual(6);
      expect(at('host.started')).toBeGreaterThanOrEqual(60);
    },
  );

  it('of a gate: the deadline of the run ends it', async () => {
    const { exit, at } = await run({ rollout: `{${gates}, deadline: {run: 10s}}`, gate: 30 });
    expect([exit, at('run.finished')]).toEqual([9, 10]);
  });

  it('of a gate: the deadline of a host that is under way ends that host', async () => {
    const { at } = await run({
      rollout: `{${gates}, max_unavailable: 2, deadline: {host: 10s}, brake: {failures: 5}}`,
      hosts: ['n1', 'n2'],
      gate: 30,
      script: 100,
    });
    expect(at('host.started', 'n1')).toBe(30);
    expect(at('host.failed', 'n1')).toBeLessThanOrEqual(42);
    expect(at('host.started', 'n2')).toBe(60);
  });

  it('starts nobody before it is there', async () => {
    const { at } = await run({ rollout: `{${gates}}`, gate: 30, nodes: 7 });
    expect([at('capacity.read'), at('gate.read')]).toEqual([7, 37]);
    // What was read of the cluster is too old by then, and what is read anew makes the gate too
    // old.
    expect(at('host.started')).toBeGreaterThanOrEqual(37);
  });
});

describe('a question that the operator has not answered yet', () => {
  const rollout = '{approve: evict}';

  it('does not delay the abort of another process', async () => {
    const { exit, at, questions } = await run({ rollout, answerAt: 3600, asks: [[5, abort]] });
    expect([exit, questions]).toEqual([130, 1]);
    expect(at('run.finished')).toBeLessThanOrEqual(6);
    expect([at('approved'), at('host.started')]).toEqual([undefined, undefined]);
  });

  it('does not delay a signal', async () => {
    const { exit, at } = await run({ rollout, answerAt: 3600, stopAt: 5 });
    expect([exit, at('run.finished'), at('approved')]).toEqual([130, 5, undefined]);
  });

  it('is asked once, and its answer starts the hosts', async () => {
    const { exit, at, questions } = await run({ rollout, answerAt: 20 });
    expect([exit, questions, at('approved')]).toEqual([0, 1, 20]);
  });

  it.each([
    [40, 40],
    [90, 60],
  ])(
    'that is open for %i s: the first wait of the run is journalled after %i s, and after a minute it is the question',
    async (answerAt, journalled) => {
      const { exit, at } = await run({ rollout, answerAt });
      expect([exit, at('waiting')]).toEqual([0, journalled]);
    },
  );
});

it('a host whose fence cannot be closed keeps an abort from nobody, and the run ends when that was tried', async () => {
  const skip: EventBody = { type: 'host.resolved', host: 'n1', who: 'ann', note: '', as: 'skip' };
  const { exit, at } = await run({
    rollout: `{${gates}, max_unavailable: 2, deadline: {host: 10s}, brake: {failures: 5}}`,
    hosts: ['n1', 'n2'],
    gate: 20,
    script: 100,
    deafFrom: 55,
    asks: [
      [25, pause],
      [60, skip],
      [62, abort],
    ],
  });
  expect([exit, at('host.started', 'n2')]).toEqual([130, undefined]);
  expect(at('host.failed', 'n1')).toBeLessThanOrEqual(32);
  expect(at('run.aborted')).toBeLessThanOrEqual(63);
  expect(at('run.finished')).toBeGreaterThanOrEqual(90);
});
