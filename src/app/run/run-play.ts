// Running a play of a plan, anew or after a crash: lock, journal, the loop, and what people see of it.

import {
  type Commands,
  changedFiles,
  commandsFor,
  hashOf,
  JournalError,
  StateGoneError,
  stateError,
  writing,
} from '../../adapters/store/index.ts';
import { beginning } from '../../core/plan/plan-play.ts';
import { fold } from '../../core/run-state/fold.ts';
import { isResolvable, wordFor } from '../../core/run-state/resolve.ts';
import { emptyState, hostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { createVoice, type Voice } from '../../engine/node/events.ts';
import type { Cluster } from '../../engine/ports/cluster.ts';
import type { Clock } from '../../engine/ports/local.ts';
import type { Forwarder } from '../../engine/ports/outside.ts';
import type { Journal, Store } from '../../engine/ports/store.ts';
import type { Transport } from '../../engine/ports/transport.ts';
import { type RunInput, runLoop } from '../../engine/run.ts';
import { ledgerOf } from '../../engine/run-log.ts';
import { present } from '../../model/present.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import { causeText } from '../../model/run/failure.ts';
import type { Plan, PlayPlan } from '../../model/run/plan.ts';
import { toJson } from '../../model/text/printable.ts';
import { addressOf, type ReadyPlay } from '../plan/project.ts';
import type { Settings } from '../session/settings.ts';
import { CommandError, type World } from '../session/world.ts';
import { settingsToKeep } from './kept-settings.ts';
import { mendedSince } from './re-check.ts';
import { type Resolution, resolutionsIn } from './resolutions.ts';
import { finish, openView } from './run-view.ts';

export interface RunFlags {
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly strict?: boolean;
  readonly takeover?: string;
  /** Of a resume: only these hosts go on, and only so far that they are in service again. */
  readonly returnProven?: readonly string[];
}

export interface RunPorts {
  readonly transport: Transport;
  readonly cluster?: Cluster;
  readonly store: Store;
}

export interface PlayRun {
  readonly plan: Plan;
  readonly play: PlayPlan;
  readonly ready: ReadyPlay;
  /** The plan was read from a file, not made just now. */
  readonly saved?: boolean;
  /** Plays that come after it, each a run of its own: a resume goes on with them. */
  readonly following?: readonly PlayPlan[];
}

/** How a resumed run ended, and what that means for the plays after it. */
export interface Resumed {
  readonly exit: number;
  /** It had ended well before: what comes after it is not its own to begin. */
  readonly wasDone: boolean;
  /** Somebody had said yes to the whole plan. */
  readonly approved: boolean;
}

/** What a run locks: each of its hosts by where it is reached, so that two names of one machine are one. */
const lockedHosts = ({ ready }: PlayRun): readonly string[] => [...ready.setup.hosts.values()].map(({ target }) => addressOf(target));

export async function startRun(
  run: PlayRun,
  flags: RunFlags,
  set: Settings,
  world: World,
  ports: RunPorts,
  approved: boolean,
): Promise<{ readonly run: string; readonly exit: number }> {
  const id = runId(world.clock);
  const exit = await locked(run, id, flags, ports, async (lock) => {
    // With --strict a host that needs nothing any more is a difference like any other: its start will say so.
    const mended = run.saved === true && flags.strict !== true ? await mendedSince(run.play, run.ready, set, world, ports) : [];
    const previous = await ports.store.newest();
    const journal = await ports.store.createJournal(id);
    const files = await keepFiles(id, run, set, world);
    const down = await downHosts(run, ports, world);
    const begin = beginning(run.plan, run.play, { who: world.who, attended: world.asker.attended, down });
    const bodies: EventBody[] = [{ ...begin, files, ...present({ previous }) }, ...mended];
    if (approved || flags.yes === true) bodies.push(approval(flags, world));
    const commands = commandsFor(set.stateDir, id);
    return drive(
      guarded(journal, lock, set.stateDir),
      emptyState,
      [...bodies, ...takeoverNote(flags), ...connectionNote(ports)],
      1,
      commands,
      run,
      flags,
      set,
      world,
      ports,
    );
  });
  return { run: id, exit };
}

/** What a resume reads beside the journal, which has the digests. */
async function keepFiles(id: string, run: PlayRun, set: Settings, world: World): Promise<Readonly<Record<string, string>>> {
  const directory = `${set.stateDir}/runs/${id}`;
  const texts = {
    'plan.json': toJson(world.secrets.mask({ ...run.plan, plays: [run.play, ...(run.following ?? [])] })),
    'settings.json': toJson(settingsToKeep(run.ready, run.plan.inventories, set, world)),
  };
  await writing(directory, async () => {
    for (const [name, text] of Object.entries(texts)) await world.files.write(`${directory}/${name}`, text, 0o600);
  });
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, hashOf(text)]));
}

/** @param resolutions what a person says now of hosts that ended badly; what was left for the run before comes first */
export async function resumeRun(
  id: string,
  run: PlayRun,
  resolutions: readonly Resolution[],
  flags: RunFlags,
  set: Settings,
  world: World,
  ports: RunPorts,
): Promise<Resumed> {
  let wasDone = false;
  let approved = flags.yes === true;
  const exit = await locked(run, id, flags, ports, async (lock) => {
    let state = emptyState;
    let number = 2;
    let files: Readonly<Record<string, string>> = {};
    let resolved: readonly Resolution[] = [];
    const commands = commandsFor(set.stateDir, id);
    const see = (event: Event): void => {
      state = fold(state, event);
      commands.see(event);
      if (event.type === 'run.started') files = event.files ?? {};
      if (event.type === 'run.resumed') number += 1;
    };
    const { journal, torn } = await ports.store.openJournal(id, see).catch(damaged);
    wasDone = state.finished?.exit === 0;
    approved ||= state.approved !== undefined;
    try {
      const alien = [...state.indexOf.keys()].find((host) => !run.ready.setup.hosts.has(host));
      if (alien !== undefined) throw new CommandError(1, `the journal of run ${id} has a host that its plan has not: ${alien}`);
      resolved = resolutionsIn(resolutions, state);
      await unchanged(id, files, set);
    } catch (error) {
      await journal.close();
      throw error;
    }
    const left = await commands.take('host.resolved');
    // Killed before the yes was in the journal, it has to be said again; said twice it is written once.
    const yes = flags.yes === true && state.approved === undefined ? [approval(flags, world)] : [];
    const resumed: EventBody = { type: 'run.resumed', who: world.who, tool: world.version };
    // A host that a person leaves as it is must not be taken up again: their words go first.
    const bodies: EventBody[] = [
      ...left,
      ...resolved,
      resumed,
      ...tornNote(torn),
      ...takeoverNote(flags),
      ...connectionNote(ports),
      ...yes,
    ];
    return drive(guarded(journal, lock, set.stateDir), state, bodies, number, commands, run, flags, set, world, ports);
  });
  return { exit, wasDone, approved };
}

const approval = (flags: RunFlags, world: World): EventBody => ({
  type: 'approved',
  risk: 'reboot',
  who: world.who,
  how: flags.yes === true ? 'flag' : 'asked',
});

function damaged(error: unknown): never {
  if (!(error instanceof JournalError)) throw error;
  throw new CommandError(1, error.message, 'somebody or something changed this journal: nothing is done by it; look at its hosts by hand');
}

/** What the run was approved for must be what is resumed. */
async function unchanged(id: string, files: Readonly<Record<string, string>>, set: Settings): Promise<void> {
  const directory = `${set.stateDir}/runs/${id}`;
  const changed = await changedFiles(directory, files);
  if (changed.length === 0) return;
  const names = changed.map((name) => `${directory}/${name}`).join(' and ');
  throw new CommandError(
    1,
    `${names} changed since run ${id} began: its journal has another digest`,
    `nothing is done by it; see \`kmend audit verify ${id}\``,
  );
}

const tornNote = (torn: boolean): readonly EventBody[] =>
  torn ? [{ type: 'warning', text: 'the last line of the journal was cut off by a crash: it is removed, nothing was begun by it' }] : [];

const takeoverNote = ({ takeover }: RunFlags): readonly EventBody[] =>
  takeover === undefined ? [] : [{ type: 'warning', text: `takes over what run ${takeover} holds (--takeover)` }];

const connectionNote = ({ cluster }: RunPorts): readonly EventBody[] =>
  cluster?.unsafe === undefined ? [] : [{ type: 'warning', text: cluster.unsafe }];

type Held = Extract<Awaited<ReturnType<Store['lock']>>, { readonly held: true }>;

/** A controller that was stopped and wakes up after its hosts were taken over finds out before it announces anything. */
const guarded = (journal: Journal, lock: Held, stateDir: string): Journal => ({
  run: journal.run,
  end: () => journal.end(),
  follow: (see) => journal.follow(see),
  close: () => journal.close(),
  append: async (body, sync) => {
    if (body.type === 'host.started' || body.type === 'effect.started') await mayGoOn(journal.run, lock, stateDir);
    return journal.append(body, sync);
  },
});

async function mayGoOn(run: string, lock: Held, stateDir: string): Promise<void> {
  const state = await lock.state();
  if (state === 'gone') throw new StateGoneError(stateDir);
  if (state === 'taken')
    throw new CommandError(7, `the hosts of run ${run} were taken over by another run`, 'nothing more was done here; see `kmend runs`');
}

async function locked(run: PlayRun, id: string, flags: RunFlags, ports: RunPorts, work: (lock: Held) => Promise<number>): Promise<number> {
  const lock = await ports.store.lock(lockedHosts(run), id, flags.takeover);
  if (!lock.held)
    throw new CommandError(
      7,
      `these hosts are locked by ${lock.by}`,
      'wait for it, or see `kmend runs`; a lock is freed by its run or by the proven death of its process, never by time; ' +
        `if you know that it is dead: --takeover ${lock.run}`,
    );
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** Hosts that another run left out of service, or whose node is not ready or cordoned by somebody else: they hold their own slot. */
async function downHosts(run: PlayRun, ports: RunPorts, world: World): Promise<ReadonlySet<string>> {
  const held = run.play.hosts.filter((host) => host.heldBy !== undefined).map(({ host }) => host);
  if (ports.cluster === undefined) return new Set(held);
  const nodes = await ports.cluster.nodes(world.kill);
  if (!nodes.ok)
    throw new CommandError(10, `the cluster does not say which nodes are ready: ${causeText(nodes.failure)}`, nodes.failure.hint);
  const out = new Set(nodes.value.filter((node) => !node.ready || node.unschedulable).map((node) => node.name));
  const down = run.play.hosts.filter((host) => host.node !== undefined && out.has(host.node)).map((host) => host.host);
  return new Set([...held, ...down]);
}

async function drive(
  journal: Journal,
  before: RunState,
  bodies: readonly EventBody[],
  number: number,
  commands: Commands,
  run: PlayRun,
  flags: RunFlags,
  set: Settings,
  world: World,
  ports: RunPorts,
): Promise<number> {
  const { mask } = world.secrets;
  const view = await openView(journal.run, run.play.play, set, world);
  let isClosed = false;
  const warn = (text: string): void => {
    if (!isClosed) void journal.append(mask({ type: 'warning', text }), false).catch(() => {});
  };
  const forwarder = await openForwarder(set, world, warn);
  const voice = openVoice(run, before, world, ports, warn);
  const ledger = ledgerOf(journal, before, (event, state, line) => {
    commands.see(event);
    view.onEvent(event, state);
    forwarder?.send(event, line);
    voice?.see(event, state);
  });
  try {
    for (const body of bodies) {
      const word = body.type === 'host.resolved' ? wordFor(ledger.state(), body) : body;
      // Of a thousand hosts that need nothing each would wait for the disk: the first effect is announced on disk with all before it.
      await ledger.append(mask(word), word.type !== 'drift.noted' && word.type !== 'host.done');
    }
    const asker = { ...world.asker, confirm: (question: string) => view.aside(() => world.asker.confirm(question)) };
    const input: RunInput = {
      ledger,
      setup: run.ready.setup,
      ports: { ...ports, clock: world.clock, asker, gates: await world.gates(ports.cluster), here: world.here },
      number,
      ...present({ takeover: flags.takeover, returns: flags.returnProven }),
      strict: flags.strict === true,
      wait: flags.wait === true,
      ...present({ canaryHosts: run.ready.canaryHosts }),
      who: world.who,
      keepOutput: (host, text) => ports.store.keepOutput(journal.run, host, text),
      freed: freedBy(bodies, ledger.state()),
      slots: ports.store.slots(journal.run, new Set(run.ready.setup.addresses().keys())),
      commands: commands.take,
      stop: world.stop,
      kill: world.kill,
    };
    const ended = await world.underWay(() => runLoop(input));
    isClosed = true;
    // Removes the files of those that the journal has.
    await commands.take();
    await ledger.append({ type: 'run.closed' }, true);
    await view.close();
    finish(ledger, set, world);
    return world.stop.aborted && world.stop.reason === 'SIGTERM' ? 143 : ended.exit;
  } catch (thrown) {
    const error = stateError(thrown, set.stateDir);
    if (error === undefined) throw thrown;
    throw new CommandError(
      1,
      `${error.message}: run ${journal.run} stops here, no further step is begun on any host; ${underWay(ledger.state())}`,
      `${error.remedy}, then: kmend resume ${journal.run}`,
    );
  } finally {
    await view.close();
    await voice?.close();
    const trouble = await forwarder?.close();
    if (trouble !== undefined) world.err(`warning: the journal of run ${journal.run} was not forwarded whole: ${trouble}`);
    await journal.close();
  }
}

/** A missing right to write events is worth a word only where the play asks for them. */
function openVoice(
  { play }: PlayRun,
  before: RunState,
  world: World,
  { cluster }: RunPorts,
  warn: (text: string) => void,
): Voice | undefined {
  const { events } = play.rollout;
  if (cluster === undefined || events === false) return undefined;
  return createVoice(cluster, world.clock, before, (failure) => {
    if (events === true) warn(`no events on nodes (rollout.events): ${causeText(failure)}; docs/rbac.yaml has the role kmend-events`);
  });
}

async function openForwarder({ forward }: Settings, world: World, warn: (text: string) => void): Promise<Forwarder | undefined> {
  return forward && world.forwarder(forward, (why) => warn(`entries are not forwarded (--audit-forward): ${why}; the run goes on`));
}

/** Hosts that a person is done with: later runs shall find them free. */
const freedBy = (bodies: readonly EventBody[], state: RunState): readonly string[] =>
  bodies.flatMap((body) => {
    if (body.type !== 'host.resolved' || body.as === 'retry') return [];
    const host = hostState(state, body.host);
    return host !== undefined && isResolvable(host) ? [host.host] : [];
  });

/** Which hosts a run lets go of, and in the middle of what. */
function underWay(state: RunState): string {
  const hosts = [...hostStates(state)].filter((host) => host.status === 'running');
  if (hosts.length === 0) return 'no host was under way';
  return `under way: ${hosts.map((host) => `${host.host}${host.inFlight[0] === undefined ? '' : ` (${host.inFlight[0].what})`}`).join(', ')}`;
}

/**
 * Sorts by time, is easy to say aloud, and is not used twice: `20261124-153012-k3f9`. Of the last four characters two are the milliseconds
 * (36 * 36 are enough for 1,000), so that runs of the same second keep their order too.
 */
export function runId(clock: Clock): string {
  const now = clock.now();
  const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${(now % 1000).toString(36).padStart(2, '0')}${clock.id().slice(0, 2)}`;
}
