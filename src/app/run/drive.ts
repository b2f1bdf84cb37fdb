// Runs the loop of a run, with its journal, its view, its events on nodes and its forwarded entries.

import type { SummaryReader } from '../../core/history/journal-summary.ts';
import type { Outbox } from '../../core/notices/outbox.ts';
import { isResolvable, resolutionEvent } from '../../core/run-state/resolve.ts';
import { hostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { createEventWriter, type EventWriter } from '../../engine/node/events.ts';
import type { Forwarder } from '../../engine/ports/outside.ts';
import {
  DatabaseError,
  JournalLostError,
  RunTakenError,
  StateAwayError,
  stateError,
} from '../../engine/ports/state-errors.ts';
import type { Commands, Journal, Store } from '../../engine/ports/store.ts';
import { type RunInput, runLoop } from '../../engine/run.ts';
import { type RunLog, runLogOf } from '../../engine/run-log.ts';
import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';
import { causeText } from '../../model/run/failure.ts';
import type { Plan, PlayPlan } from '../../model/run/plan.ts';
import { keepSummary } from '../history/summaries.ts';
import { openRunMetrics } from '../metrics/run-metrics-file.ts';
import { openNotices } from '../notices/run-notices.ts';
import type { ReadyPlay } from '../plan/project.ts';
import type { FollowedRun } from '../session/followed-run.ts';
import { type RunPorts, runPorts, type Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { withheldOf } from './kept-settings.ts';

export interface RunFlags {
  readonly yes?: boolean;
  readonly wait?: boolean;
  readonly strict?: boolean;
  readonly takeover?: string;
  /** Of a resume: only these hosts go on, until they are returned to service. */
  readonly returnProven?: readonly string[];
  /** Of a worker, see `RunInput`. */
  readonly othersElsewhere?: () => Promise<boolean>;
  /** The run is begun, and left to a worker. */
  readonly detach?: boolean;
}

export interface PlayRun extends RunFlags {
  readonly plan: Plan;
  readonly play: PlayPlan;
  readonly ready: ReadyPlay;
  /** The plan was read from a file. */
  readonly saved?: boolean;
  /** Later plays of the plan, each a run of its own: a resume goes on with them. */
  readonly following?: readonly PlayPlan[];
}

/** Does work follow the end of the run: later plays, or rollbacks of its failed hosts? */
export const hasRest = ({ plan, ready, following = [] }: PlayRun): boolean =>
  following.length > 0 ||
  (plan.rollbackOf === undefined && ready.setup.play.rollout.rollback === 'failed_host');

/** Where a run begins or goes on. */
export interface Entry {
  readonly journal: Journal;
  readonly before: RunState;
  /** Has seen the journal so far. */
  readonly followed: FollowedRun;
  /** Has seen the journal so far. */
  readonly summary: SummaryReader;
  /** Notices of the journal so far that were not sent. */
  readonly outbox: Outbox;
  /** Events that are journalled first. */
  readonly bodies: readonly EventBody[];
  /** Number of this controller in the run. */
  readonly number: number;
  readonly commands: Commands;
}

export async function drive(run: PlayRun, entry: Entry, session: Session): Promise<number> {
  const { world, observer } = session;
  const { journal, before, commands, followed, summary } = entry;
  const ports = await runPorts(session);
  const view = await observer.openRun(journal.run, run.play.play, {
    view: followed.view,
    now: world.clock.now,
  });
  const unwatch = ports.store.outages?.(({ since, until }) => {
    const away = until === undefined ? since : undefined;
    followed.away(away);
    view.away(away);
  });
  let isClosed = false;
  const warn = (text: string): void => {
    if (!isClosed)
      void journal.append(world.secrets.mask({ type: 'warning', text }), false).catch(() => {});
  };
  const forwarder = await openForwarder(session, warn);
  const voice = openVoice(run, before, session, ports, warn);
  const notices = await openNotices(
    entry.outbox,
    {
      warn: (text) => (isClosed ? observer.notice(text, 'warning') : warn(text)),
      sent: (body) => journal.append(body, false),
    },
    session,
  );
  const metrics = await openRunMetrics(followed.head, session);
  const runLog = runLogOf(journal, before, (event, state, line) => {
    commands.see(event);
    followed.see(event);
    summary.see(event);
    view.onEvent(event);
    forwarder?.send(event, line);
    voice?.see(event, state);
    notices?.see(event, state, line);
    metrics?.seen();
  });
  try {
    await begin(runLog, entry.bodies, session);
    const input = await inputOf(run, entry, { runLog, ports }, session);
    const ended = await world.underWay(() => runLoop(input));
    isClosed = true;
    // Removes the files of commands that were journalled.
    await commands.take();
    await notices?.close();
    await runLog.append({ type: 'run.closed' }, true);
    await view.close();
    view.ended({
      run: runLog.run,
      state: runLog.state(),
      head: runLog.end(),
      withheld: await withheldOf(runLog.run, session),
    });
    const made = { summary: summary.summary(runLog.state()), changes: summary.changes() };
    await keepSummary(runLog.run, runLog.end(), made, ports.store);
    return world.stop.aborted && world.stop.reason === 'SIGTERM' ? 143 : ended.exit;
  } catch (thrown) {
    throw endedBy(thrown, runLog, session);
  } finally {
    unwatch?.();
    await view.close();
    await voice?.close();
    await notices?.close();
    await metrics?.close();
    await followed.close();
    const lost = await forwarder?.close();
    if (lost !== undefined)
      observer.notice(
        `the journal of run ${journal.run} was not forwarded whole: ${lost}`,
        'warning',
      );
    await journal.close();
  }
}

/** The error that ends a command whose run cannot go on. */
function endedBy(thrown: unknown, { run, state }: RunLog, { settings, world }: Session): unknown {
  const stops = `run ${run} stops here, no further step is begun on any host; ${underWay(state())}`;
  if (thrown instanceof RunTakenError)
    return new CommandError(
      7,
      `run ${run} was taken over by another process`,
      `nothing more was done here; see \`kmend report ${run}\``,
    );
  if (thrown instanceof JournalLostError)
    return new CommandError(
      1,
      `${thrown.message}: ${stops}`,
      'its hosts obey no other controller meanwhile; compare them with the journal, and let the standby be synchronous',
    );
  if (thrown instanceof DatabaseError)
    return new CommandError(
      1,
      `${thrown.message}: ${stops}`,
      `${thrown.remedy}; then: kmend resume ${run}`,
    );
  if (thrown instanceof StateAwayError)
    return new CommandError(
      world.stop.reason === 'SIGTERM' ? 143 : 130,
      `${thrown.message}: ${stops}`,
      `when it answers again: kmend resume ${run}`,
    );
  const error = stateError(thrown, settings.state);
  return error === undefined
    ? thrown
    : new CommandError(
        1,
        `${error.message}: ${stops}`,
        `${error.remedy}, then: kmend resume ${run}`,
      );
}

/** Journals the first entries of a run or a resume. */
export async function begin(
  runLog: RunLog,
  bodies: readonly EventBody[],
  { world }: Session,
): Promise<void> {
  for (const body of bodies) {
    const event = body.type === 'host.resolved' ? resolutionEvent(runLog.state(), body) : body;
    // Not synced one by one, since there may be thousands of them. The first effect syncs all.
    await runLog.append(
      world.secrets.mask(event),
      event.type !== 'drift.noted' && event.type !== 'host.done',
    );
  }
}

async function inputOf(
  run: PlayRun,
  { bodies, number, commands }: Entry,
  { runLog, ports }: { readonly runLog: RunLog; readonly ports: RunPorts },
  { world }: Session,
): Promise<RunInput> {
  const { setup, canaryHosts } = run.ready;
  return {
    runLog,
    setup,
    ports: {
      ...ports,
      clock: world.clock,
      asker: world.asker,
      gates: await world.gates(ports.cluster),
    },
    number,
    ...present({
      takeover: run.takeover,
      returns: run.returnProven,
      canaryHosts,
      othersElsewhere: run.othersElsewhere,
    }),
    strict: run.strict === true,
    wait: run.wait === true,
    operator: world.who,
    keepOutput: (host, text) => ports.store.keepOutput(runLog.run, host, text),
    freed: freedBy(bodies, runLog.state()),
    slots: ports.store.slots(runLog.run, new Set(setup.addresses().keys())),
    commands: commands.take,
    ...present({ outages: ports.store.outages, sites: sharedSites(ports.store, world) }),
    stop: world.stop,
    kill: world.kill,
  };
}

/** Where the state is shared, workers of sites take their hosts. */
function sharedSites(
  { sites: leads, workers, watch }: Store,
  { version }: Pick<Session['world'], 'version'>,
): RunInput['sites'] {
  return leads === undefined || workers === undefined
    ? undefined
    : { leads, workers, version, ...present({ watch }) };
}

/** A missing right to write events is reported only where the play asks for them. */
function openVoice(
  { play }: PlayRun,
  before: RunState,
  { world }: Session,
  { cluster }: RunPorts,
  warn: (text: string) => void,
): EventWriter | undefined {
  const { events } = play.rollout;
  if (cluster === undefined || events === false) return undefined;
  return createEventWriter(cluster, world.clock, before, (failure) => {
    if (events === true)
      warn(
        `no events on nodes (rollout.events): ${causeText(failure)}; docs/rbac.yaml has the role kmend-events`,
      );
  });
}

async function openForwarder(
  { settings, world }: Session,
  warn: (text: string) => void,
): Promise<Forwarder | undefined> {
  const { forward } = settings;
  return (
    forward &&
    world.forwarder(forward, (why) =>
      warn(`entries are not forwarded (--audit-forward): ${why}; the run goes on`),
    )
  );
}

/** Hosts that the operator acknowledged. They are free for later runs. */
const freedBy = (bodies: readonly EventBody[], state: RunState): readonly string[] =>
  bodies.flatMap((body) => {
    if (body.type !== 'host.resolved' || body.as === 'retry') return [];
    const host = hostState(state, body.host);
    return host !== undefined && isResolvable(host) ? [host.host] : [];
  });

/** Hosts that a run leaves under way, each with the effect in flight. */
function underWay(state: RunState): string {
  const hosts = [...hostStates(state)].filter((host) => host.status === 'running');
  if (hosts.length === 0) return 'no host was under way';
  return `under way: ${hosts.map((host) => `${host.host}${host.inFlight[0] === undefined ? '' : ` (${host.inFlight[0].what})`}`).join(', ')}`;
}
