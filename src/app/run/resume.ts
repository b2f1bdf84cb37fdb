// Resumes a run after a crash, an interruption or a failure.

import { readSummary } from '../../core/history/journal-summary.ts';
import { type Outbox, withEntry } from '../../core/notices/outbox.ts';
import { fold } from '../../core/run-state/fold.ts';
import { emptyState, hostStates, type RunState } from '../../core/run-state/state.ts';
import { JournalError } from '../../engine/ports/state-errors.ts';
import type { Journal } from '../../engine/ports/store.ts';
import { NotReturned } from '../../engine/run.ts';
import { present } from '../../model/present.ts';
import type { Event, EventBody } from '../../model/run/event.ts';
import type { Plan } from '../../model/run/plan.ts';
import { refuseNeverBegan } from '../history/never-began.ts';
import { wantedBy } from '../notices/targets.ts';
import { refuseClosedHere } from '../plan/closed-values.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import type { ReadyPlay } from '../plan/project.ts';
import { followRun } from '../session/followed-run.ts';
import { runPorts, type Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { rollBackFailed } from './auto-rollback.ts';
import { type Left, leaveResolutions } from './control.ts';
import { drive, hasRest, type PlayRun, type RunFlags } from './drive.ts';
import { keptSettings, reportMissing } from './kept-settings.ts';
import { planOfRun, withSavedPlan } from './load-saved.ts';
import { guarded, locked } from './locks.ts';
import { type Resolution, resolutionsIn } from './resolutions.ts';
import { approvalOf, connectionNotes, type EndedRun, exitOf, runPlays } from './start.ts';

export interface ResumeInput extends RunFlags {
  readonly run: string;
  /** Resolutions of failed hosts. Those that were left for the run come first. */
  readonly resolutions?: readonly Resolution[];
  /** Of a worker: why it does not carry the run on; undefined = it does. */
  readonly refuse?: (run: RunToCarryOn, session: Session) => Promise<string | undefined>;
}

/** A run that was left, before anything is done. */
export interface RunToCarryOn {
  readonly state: RunState;
  /** The version of kmend that had it last. */
  readonly tool: string;
  readonly ready: ReadyPlay;
}

export type Resumed =
  /** The run has a process: the resolutions were left for it. */
  | (Left & { readonly kind: 'left' })
  | {
      readonly kind: 'ended';
      readonly exit: number;
      readonly runs: readonly EndedRun[];
      /** Later plays that are not begun, since the run had ended before. */
      readonly notBegun: readonly string[];
    };

export const exitOfResume = (resumed: Resumed): number =>
  resumed.kind === 'left' ? 0 : resumed.exit;

export async function resume(input: ResumeInput, session: Session): Promise<Resumed> {
  const { run, resolutions = [] } = input;
  const store = await session.ports.store();
  await refuseNeverBegan(run, store);
  const plan = await planOfRun(run, session);
  const kept = await keptSettings(run, session);
  // The run has a process, and a second one would find it locked.
  if (resolutions.length > 0 && (await store.holder(run)) !== undefined)
    return { kind: 'left', ...(await leaveResolutions(run, resolutions, session)) };
  reportMissing(run, kept, session);
  const named = {
    plan,
    name: `run ${run}`,
    kept,
    strictVersion: false,
    ...present({ takeover: input.takeover }),
  };
  const flags = input.othersElsewhere === undefined ? input : { ...input, ...kept.carriedOn };
  return withSavedPlan(named, session, (made, inner) => resumePlan(flags, made, inner));
}

async function resumePlan(input: ResumeInput, made: MadePlan, session: Session): Promise<Resumed> {
  const { run } = input;
  const { plan } = made;
  const [play, ...following] = plan.plays;
  const [ready, ...others] = made.plays;
  if (play === undefined || ready === undefined)
    throw new CommandError(1, `the plan of run ${run} has no play`);
  session.observer.resuming(run);
  const first = await resumeRun(input, { ...input, plan, play, ready, following }, session).catch(
    notReturned(run),
  );
  const ended = {
    kind: 'ended',
    exit: first.exit,
    runs: [{ run, exit: first.exit }],
    notBegun: [],
  } as const;
  // Of a run of workers the rest is for any of them.
  if (input.returnProven !== undefined || input.othersElsewhere !== undefined) return ended;
  const after =
    plan.rollbackOf === undefined ? (id: string) => rollBackFailed(id, session) : undefined;
  await after?.(run);
  if (first.exit !== 0 || following.length === 0) return ended;
  if (first.wasDone) return { ...ended, exit: 0, notBegun: following.map((one) => one.play) };
  const rest: MadePlan = { plan: withPlays(plan, following), plays: others, saved: true };
  const runs = await runPlays(rest, { ...input, approved: first.approved }, session, (id) =>
    rollBackFailed(id, session),
  );
  return { ...ended, exit: exitOf(runs), runs: [...ended.runs, ...runs] };
}

const withPlays = (plan: Plan, plays: Plan['plays']): Plan => ({ ...plan, plays });

const notReturned =
  (run: string) =>
  (error: unknown): never => {
    if (!(error instanceof NotReturned)) throw error;
    throw new CommandError(4, `run ${run} stays open; ${error.message}`, `kmend resume ${run}`);
  };

interface ResumedRun {
  readonly exit: number;
  /** It had ended with 0 before, so its later plays are not begun. */
  readonly wasDone: boolean;
  /** The operator has approved the whole plan. */
  readonly approved: boolean;
}

/** The journal of a run, opened, and the state that it gives. */
interface Earlier {
  readonly journal: Journal;
  readonly torn: boolean;
  readonly state: RunState;
  /** Notices that were not sent. */
  readonly outbox: Outbox;
  /** Number of the next controller, by the journal. */
  readonly number: number;
  /** Digests of the files beside the journal, from its first entry. */
  readonly files: Readonly<Record<string, string>>;
  /** The version of kmend that had it last. */
  readonly tool: string;
}

async function resumeRun(
  { run: id, resolutions = [], refuse }: ResumeInput,
  run: PlayRun,
  session: Session,
): Promise<ResumedRun> {
  const { world, settings } = session;
  const ports = await runPorts(session);
  let wasDone = false;
  let approved = run.yes === true;
  const exit = await locked(run, id, session, async (lock) => {
    const commands = ports.store.commands(id);
    const followed = await followRun(world);
    const summary = readSummary();
    const { journal, torn, state, outbox, number, files, tool } = await openEarlier(
      id,
      (event) => {
        commands.see(event);
        followed.see(event);
        summary.see(event);
      },
      session,
    );
    wasDone = state.finished?.exit === 0;
    approved ||= state.approved !== undefined;
    if (!wasDone)
      await ports.store.workers?.sayRest(id, run.othersElsewhere !== undefined && hasRest(run));
    let resolved: readonly Resolution[] = [];
    try {
      const unplanned = [...state.indexOf.keys()].find((host) => !run.ready.setup.hosts.has(host));
      if (unplanned !== undefined)
        throw new CommandError(
          1,
          `the journal of run ${id} has a host that its plan does not have: ${unplanned}`,
        );
      resolved = resolutionsIn(resolutions, state);
      await refuseChanged(id, files, session);
      await refuseClosedHere(run.play, run.ready, hostsLeft(state, resolved), session);
      const why = await refuse?.({ state, tool, ready: run.ready }, session);
      if (why !== undefined) throw new CommandError(3, why);
    } catch (error) {
      await journal.close();
      throw error;
    }
    const bodies: readonly EventBody[] = [
      // Resolutions first: a host that the operator skips must not go on.
      ...(await commands.take('host.resolved')),
      ...resolved,
      {
        type: 'run.resumed',
        who: world.who,
        tool: world.version,
        ...present({ takeover: run.takeover }),
      },
      ...tornNote(torn),
      ...connectionNotes(run, ports),
      // A run that was killed before its approval was journalled needs --yes again.
      ...(run.yes === true && state.approved === undefined ? [approvalOf(run, session)] : []),
    ];
    return drive(
      run,
      {
        journal: guarded(journal, lock, settings.state),
        before: state,
        followed,
        summary,
        outbox,
        bodies,
        number: lock.number ?? number,
        commands,
      },
      session,
    );
  });
  return { exit, wasDone, approved };
}

/** Hosts that go on, or are walked again. */
const hostsLeft = (state: RunState, resolved: readonly Resolution[]): readonly string[] => [
  ...[...hostStates(state)]
    .filter(({ status }) => status === 'running' || status === 'waiting' || status === 'planned')
    .map(({ host }) => host),
  ...resolved.flatMap(({ host, as }) => (as === 'retry' ? [host] : [])),
];

async function openEarlier(
  id: string,
  seen: (event: Event) => void,
  { ports, settings }: Session,
): Promise<Earlier> {
  const wanted = wantedBy(settings.flags);
  let state = emptyState;
  let outbox: Outbox = [];
  let number = 2;
  let files: Earlier['files'] = {};
  let tool = '';
  const see = (event: Event): void => {
    state = fold(state, event);
    outbox = withEntry(outbox, event, state, wanted);
    seen(event);
    if (event.type === 'run.started') files = event.files ?? {};
    if (event.type === 'run.resumed') number += 1;
    if (event.type === 'run.started' || event.type === 'run.resumed') tool = event.tool;
  };
  const opened = await (await ports.store()).openJournal(id, see).catch(damaged);
  return { ...opened, state, outbox, number, files, tool };
}

function damaged(error: unknown): never {
  if (!(error instanceof JournalError)) throw error;
  throw new CommandError(
    1,
    error.message,
    'this journal was changed, so kmend does nothing by it; check its hosts by hand',
  );
}

/** The files of a run must be those that were approved. */
export async function refuseChanged(
  id: string,
  files: Earlier['files'],
  { ports }: Session,
): Promise<void> {
  const changed = await (await ports.store()).changedFiles(id, files);
  if (changed.length === 0) return;
  throw new CommandError(
    1,
    `${changed.join(' and ')} changed since run ${id} began: its journal has another digest`,
    `kmend does nothing by it; see \`kmend audit verify ${id}\``,
  );
}

const tornNote = (torn: boolean): readonly EventBody[] =>
  torn
    ? [
        {
          type: 'warning',
          text: 'the last line of the journal was cut off by a crash: it is removed, nothing was begun by it',
        },
      ]
    : [];
