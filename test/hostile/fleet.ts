// A fleet on one virtual clock, driven by the real run loop, in which one host does what it wants.
// Nothing here reads the time or the disk.

import { emptyState, hostStates } from '../../src/core/run-state/state.ts';
import { knownSecrets } from '../../src/engine/effects/mask.ts';
import { planFleet } from '../../src/engine/host/fleet.ts';
import type { PlaySetup } from '../../src/engine/host/walk-context.ts';
import type { Clock } from '../../src/engine/ports/local.ts';
import type { Journal } from '../../src/engine/ports/store.ts';
import type {
  Connection,
  ExecRequest,
  ExecResult,
  Transport,
} from '../../src/engine/ports/transport.ts';
import { runLoop } from '../../src/engine/run.ts';
import { runLogOf } from '../../src/engine/run-log.ts';
import { slotsOf } from '../../src/engine/state/slots.ts';
import { factDefs } from '../../src/facts/index.ts';
import { hostScope, loadPlaybook } from '../../src/load/index.ts';
import type { Event } from '../../src/model/run/event.ts';
import { failed, type Outcome, ok } from '../../src/model/run/failure.ts';
import type { HostPlan } from '../../src/model/run/plan.ts';
import { modules } from '../../src/modules/index.ts';
import { begin } from '../core/fleet.ts';
import {
  countedCommand,
  type Fate,
  HostWorld,
  type Recording,
  type Time,
} from '../fakes/host-world.ts';
import { emptyWorld, memorySlots } from '../fakes/slots.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

/** What a hostile host does with one command; `honest` lets it be carried out first. */
export type Move =
  | { readonly kind: 'honest' | 'hang' | 'drop' }
  /** Its own answer, with text before, in the middle of or after it. */
  | {
      readonly kind: 'insert';
      readonly text: string;
      readonly times: number;
      readonly where: number;
    }
  /** Any answer at all, at once. */
  | {
      readonly kind: 'say';
      readonly text: string;
      readonly times: number;
      readonly code: number | null;
      readonly stderr: string;
    }
  /** Its own answer, in which one text is replaced by another: boot ids, host names, areas. */
  | { readonly kind: 'lie'; readonly about: string; readonly instead: string }
  /** Its own answer, and this line more in each area of the probe. */
  | { readonly kind: 'plant'; readonly line: string }
  /** Half of its own answer, as late as the command allows. */
  | { readonly kind: 'drip' };

/** Chooses the move for a command, of which it is the so many-th. */
export type Hostility = (request: ExecRequest, turn: number) => Move;

const head = `- hosts: all
  rollout: {max_unavailable: 10, brake: {failures: 10}, retries: {transport: 1}}
  tasks:
`;

const remedy = `    - shell: {cmd: ${countedCommand}}
      timeout: 600s
    - kernel_arg: {key: cgroup.memory, value: nokmem}
    - reboot: {when_pending: true, timeout: 120s, stable_for: 10s, drain: none}
    - verify_kmem: {timeout: 30s}
`;

/** What a command may return: the transport keeps no more. */
const defaultLimit = 4 * 1024 * 1024;

/** Commands that a hostile host may get in a second of the run, and beside that. */
const pace = { each: 3, besides: 300 };

export interface Fleet {
  readonly recording: Recording;
  /** By name; the hostile one has a fate too, for where it is honest. */
  readonly fates: ReadonlyMap<string, Fate>;
  /** YAML of the tasks, with four spaces before each dash; default is the whole remedy. */
  readonly tasks?: string;
  readonly hostile?: { readonly host: string; readonly move: Hostility };
}

export interface Ended {
  readonly plans: ReadonlyMap<string, HostPlan | string>;
  readonly events: readonly Event[];
  readonly exit: number;
  /** Seconds of the run, and commands that the hostile host got. */
  readonly seconds: number;
  readonly commands: number;
  /** It was asked no more often than `pace` says. */
  readonly paced: boolean;
  /** Characters of the journal that are about a host. */
  readonly written: (host: string) => number;
  /** Characters of the state that the run keeps in memory. */
  readonly kept: number;
  /**
   * The most that the process worked without a turn for the others, in microseconds of its
   * processor time.
   */
  readonly longest: number;
}

/** Time of hosts that share a clock. */
export const sharedTime = (clock: VirtualClock): Time => ({
  get now() {
    return clock.time;
  },
  set now(_now: number) {
    throw new Error("the clock is everybody's");
  },
  spend: (milliseconds: number) => clock.sleep(milliseconds),
});

export async function runFleet({
  recording,
  fates,
  hostile,
  tasks = remedy,
}: Fleet): Promise<Ended> {
  const clock = new VirtualClock();
  const time = sharedTime(clock);
  const worlds = new Map(
    [...fates].map(([name, fate]) => [name, new HostWorld(recording, fate, {}, time, name)]),
  );
  const began = clock.time;
  let commands = 0;
  let paced = true;
  const transport: Transport = {
    connect: async (target, options) => {
      const made = await worldOf(worlds, target.name).transport.connect(target, options);
      if (!made.ok) return made;
      // Nobody can show the key of another host.
      const connection = { ...made.value, hostKey: `key of ${target.name}` };
      if (hostile?.host !== target.name) return ok(connection);
      const next = (request: ExecRequest): Move => {
        commands += 1;
        paced &&= commands <= pace.besides + (pace.each * (clock.time - began)) / 1000;
        // Whoever asks without a pause would never end.
        return paced ? hostile.move(request, commands) : { kind: 'hang' };
      };
      return ok(taken(connection, next, clock));
    },
    close: async () => {},
  };
  const setup = setupFor([...fates.keys()], tasks);
  const ports = { transport, clock };
  const planned = await clock.drive(
    planFleet(
      [...fates.keys()],
      setup,
      { forks: 10, retries: 1, signal: new AbortController().signal },
      ports,
      () => {},
    ),
  );
  const plans = new Map(
    planned.map(
      ({ host, outcome }) =>
        [host, outcome.ok ? outcome.value : `${outcome.failure.kind}`] as const,
    ),
  );
  const hosts = planned.flatMap(({ host, outcome }) =>
    outcome.ok ? [{ host, plan: outcome.value, down: false }] : [],
  );
  const { journal, events } = memoryJournal(clock);
  const runLog = runLogOf(journal, emptyState, () => {});
  await runLog.append(begin(hosts, setup.play.rollout), true);
  await runLog.append({ type: 'approved', risk: 'reboot', who: 'ops', how: 'flag' }, true);
  const { exit } = await clock.drive(
    runLoop({
      runLog,
      setup,
      ports: { ...ports, asker: nobody, gates: { read: async () => ({ open: true, read: '' }) } },
      slots: slotsOf(memorySlots(emptyWorld()), 'r1', new Set()),
      number: 1,
      strict: false,
      wait: false,
      operator: 'ops',
      keepOutput: async () => ({ kept: false, why: 'no store' }),
      commands: async () => [],
      stop: new AbortController().signal,
      kill: new AbortController().signal,
    }),
  );
  return {
    plans,
    events,
    exit,
    seconds: (clock.time - began) / 1000,
    commands,
    paced,
    written: (host) =>
      events
        .filter((event) => 'host' in event && event.host === host)
        .reduce((sum, event) => sum + JSON.stringify(event).length, 0),
    kept: JSON.stringify([...hostStates(runLog.state())]).length,
    longest: clock.longest,
  };
}

export const nobody = { attended: false, confirm: async () => false, secret: async () => '' };

function worldOf(worlds: ReadonlyMap<string, HostWorld>, name: string): HostWorld {
  const world = worlds.get(name);
  if (world === undefined) throw new Error(`no host ${name}`);
  return world;
}

/** A connection of a compromised host. */
function taken(
  real: Connection,
  next: (request: ExecRequest) => Move,
  clock: VirtualClock,
): Connection {
  const exec: Connection['exec'] = async (request) => {
    const move = next(request);
    const answer = await moved(move, request, real, clock);
    // A real connection costs time, and hands out what it keeps line by line.
    await clock.sleep(1);
    if (answer.ok && request.onLine !== undefined)
      for (const line of answer.value.stdout.split('\n')) request.onLine(line);
    return answer;
  };
  return { ...real, exec };
}

async function moved(
  move: Move,
  request: ExecRequest,
  real: Connection,
  clock: VirtualClock,
): Promise<Outcome<ExecResult>> {
  const late = (): Outcome<ExecResult> =>
    failed('timeout', `the command took longer than ${request.timeout} s`);
  const lost = (): Outcome<ExecResult> =>
    failed('unreachable', 'the connection was lost', { transport: true });
  const limit = request.maxOutput ?? defaultLimit;
  const answered = (stdout: string, stderr = '', code: number | null = 0): Outcome<ExecResult> =>
    ok({
      code,
      stdout: stdout.slice(0, limit),
      stderr: stderr.slice(0, limit),
      truncated: stdout.length > limit,
    });
  if (move.kind === 'say')
    return answered(move.text.repeat(move.times), move.stderr.repeat(move.times), move.code);
  if (move.kind === 'hang') {
    await clock.sleep(request.timeout * 1000, request.signal);
    return late();
  }
  const { onLine: _later, ...quiet } = request;
  const answer = await real.exec(quiet);
  if (move.kind === 'drop') real.close();
  if (!answer.ok) return answer;
  const { stdout, stderr, code } = answer.value;
  switch (move.kind) {
    case 'honest':
      return answer;
    case 'drop':
      return lost();
    case 'lie':
      return answered(stdout.replaceAll(move.about, move.instead), stderr, code);
    case 'insert': {
      const lines = stdout.split('\n');
      lines.splice(Math.floor(move.where * lines.length), 0, move.text.repeat(move.times));
      return answered(lines.join('\n'), stderr, code);
    }
    case 'plant':
      return answered(
        stdout.replace(/^@@kmend done /gm, (end) => `${move.line}\n${end}`),
        stderr,
        code,
      );
    case 'drip': {
      // What came until the time is over has been handed out; the transport then says that it is
      // late.
      await clock.sleep(request.timeout * 1000, request.signal);
      for (const line of stdout.slice(0, stdout.length / 2).split('\n')) request.onLine?.(line);
      return late();
    }
  }
}

export function setupFor(names: readonly string[], tasks: string, top = head): PlaySetup {
  const loaded = loadPlaybook('play.yaml', top + tasks, {
    modules,
    facts: factDefs.map((def) => def.name),
  });
  const only = loaded.value?.plays[0];
  if (only === undefined) throw new Error(JSON.stringify(loaded.diagnostics));
  const inventory = {
    hosts: new Map(names.map((name) => [name, { name, groups: [], vars: {} }])),
    groups: new Map(),
    files: [],
  };
  const hosts = new Map(
    names.map((name) => {
      const target = {
        name,
        user: 'root',
        hostKeyChecking: 'yes',
        legacyCrypto: false,
        connectTimeout: 10,
      } as const;
      return [
        name,
        {
          target,
          variables: (layers: Parameters<typeof hostScope>[2]) =>
            hostScope(inventory, name, layers),
        },
      ] as const;
    }),
  );
  const secrets = knownSecrets();
  const addresses = (): ReadonlyMap<string, string> => new Map();
  return {
    play: only,
    modules,
    hosts,
    extraVars: {},
    secrets,
    isSecret: () => false,
    isWanted: () => true,
    ownBootId: 'elsewhere',
    addresses,
  };
}

export function memoryJournal(clock: Clock): {
  readonly journal: Journal;
  readonly events: readonly Event[];
} {
  const events: Event[] = [];
  let follower: (event: Event, line: string) => void = () => {};
  const journal: Journal = {
    run: 'r1',
    end: () => ({ entries: events.length, head: '' }),
    append: async (body) => {
      const event: Event = {
        ...body,
        v: 1,
        seq: events.length,
        at: clock.now(),
        run: 'r1',
        prev: '',
      };
      events.push(event);
      follower(event, '');
      return event;
    },
    follow: (see) => {
      follower = see;
    },
    close: async () => {},
  };
  return { journal, events };
}
