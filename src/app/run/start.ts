// Starts the plays of a plan, each as a run of its own.
import { readSummary } from '../../core/history/journal-summary.ts';
import { beginning } from '../../core/plan/plan-play.ts';
import { emptyState } from '../../core/run-state/state.ts';
import type { Clock } from '../../engine/ports/local.ts';
import type { Journal } from '../../engine/ports/store.ts';
import { runLogOf } from '../../engine/run-log.ts';
import { present } from '../../model/present.ts';
import type { EventBody } from '../../model/run/event.ts';
import { causeText } from '../../model/run/failure.ts';
import { toJson } from '../../model/text/printable.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import { followRun } from '../session/followed-run.ts';
import { type RunPorts, runPorts, type Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { begin, drive, hasRest, type PlayRun, type RunFlags } from './drive.ts';
import { settingsToKeep } from './kept-settings.ts';
import { guarded, locked } from './locks.ts';
import { remediatedSince } from './re-check.ts';

/** How a run ended. */
export interface EndedRun {
  readonly run: string;
  readonly exit: number;
}

/** Called when a run is over and its hosts are no longer locked. */
export type AfterRun = (run: string) => Promise<void>;

/** `approved`: the operator was asked just now, and said yes. */
export type Approval = RunFlags & { readonly approved: boolean };

/** Runs the plays in order, up to the first that fails. */
export async function runPlays(
  made: MadePlan,
  approval: Approval,
  session: Session,
  after?: AfterRun,
): Promise<readonly EndedRun[]> {
  const ended: EndedRun[] = [];
  for (const [index, play] of made.plan.plays.entries()) {
    const ready = made.plays[index];
    if (ready === undefined || ready.hosts.length === 0) continue;
    const following = made.plan.plays.slice(index + 1);
    const run = {
      ...approval,
      plan: made.plan,
      play,
      ready,
      saved: made.saved === true,
      following,
    };
    const end = await startRun(run, approval.approved, session);
    ended.push(end);
    if (approval.detach === true) break;
    await after?.(end.run);
    if (end.exit !== 0) break;
  }
  return ended;
}

/** The exit code of plays that were run one after the other. */
export const exitOf = (ended: readonly EndedRun[]): number => ended.at(-1)?.exit ?? 0;

async function startRun(run: PlayRun, approved: boolean, session: Session): Promise<EndedRun> {
  const { world } = session;
  const ports = await runPorts(session);
  const id = runId(world.clock);
  const exit = await locked(run, id, session, async (lock) => {
    // With --strict a host that needs nothing now is a difference, which its start reports.
    const remediated =
      run.saved === true && run.strict !== true
        ? await remediatedSince(run.play, run.ready, session)
        : [];
    const previous = await ports.store.newest();
    const journal = await ports.store.createJournal(id);
    const files = await keepFiles(id, run, session);
    const down = await downHosts(run, ports, session);
    const first = beginning(run.plan, run.play, {
      who: world.who,
      attended: world.asker.attended && run.detach !== true,
      down,
    });
    const bodies: readonly EventBody[] = [
      { ...first, files, ...present({ previous, takeover: run.takeover }) },
      ...remediated,
      ...(approved || run.yes === true ? [approvalOf(run, session)] : []),
      ...connectionNotes(run, ports),
    ];
    if (run.detach === true) await ports.store.workers?.sayRest(id, hasRest(run));
    if (run.detach === true) return leave(journal, bodies, session);
    const commands = ports.store.commands(id);
    const entry = {
      journal: guarded(journal, lock, session.settings.state),
      before: emptyState,
      followed: await followRun(world),
      summary: readSummary(),
      outbox: [],
      bodies,
      number: lock.number ?? 1,
      commands,
    };
    return drive(run, entry, session);
  });
  return { run: id, exit };
}

/** Journals the beginning of a run that a worker carries out. */
async function leave(
  journal: Journal,
  bodies: readonly EventBody[],
  session: Session,
): Promise<number> {
  try {
    await begin(
      runLogOf(journal, emptyState, () => {}),
      bodies,
      session,
    );
    return 0;
  } finally {
    await journal.close();
  }
}

/** Keeps the plan and the settings for a resume, and returns their digests. */
async function keepFiles(
  id: string,
  run: PlayRun,
  session: Session,
): Promise<Readonly<Record<string, string>>> {
  const { ports, world } = session;
  return (await ports.store()).keepFiles(id, {
    plan: toJson(world.secrets.mask({ ...run.plan, plays: [run.play, ...(run.following ?? [])] })),
    settings: toJson(settingsToKeep(run.ready, run.plan.inventories, run, session)),
  });
}

export const approvalOf = ({ yes }: RunFlags, { world }: Session): EventBody => ({
  type: 'approved',
  risk: 'reboot',
  who: world.who,
  how: yes === true ? 'flag' : 'asked',
});

/** Warnings for the journal about a takeover and an unsafe connection to the cluster. */
export const connectionNotes = (
  { takeover }: RunFlags,
  { cluster }: RunPorts,
): readonly EventBody[] => [
  ...(takeover === undefined
    ? []
    : [warning(`takes over what run ${takeover} holds (--takeover)`)]),
  ...(cluster?.unsafe === undefined ? [] : [warning(cluster.unsafe)]),
];

const warning = (text: string): EventBody => ({ type: 'warning', text });

/**
 * Hosts that are out of service: another run holds them, or their node is cordoned or not ready.
 * They take a slot each.
 */
async function downHosts(
  run: PlayRun,
  ports: RunPorts,
  { world }: Session,
): Promise<ReadonlySet<string>> {
  const held = run.play.hosts.filter((host) => host.heldBy !== undefined).map(({ host }) => host);
  if (ports.cluster === undefined) return new Set(held);
  const nodes = await ports.cluster.nodes(world.kill);
  if (!nodes.ok)
    throw new CommandError(
      10,
      `the cluster does not say which nodes are ready: ${causeText(nodes.failure)}`,
      nodes.failure.hint,
    );
  const out = new Set(
    nodes.value.filter((node) => !node.ready || node.unschedulable).map((node) => node.name),
  );
  const down = run.play.hosts
    .filter((host) => host.node !== undefined && out.has(host.node))
    .map((host) => host.host);
  return new Set([...held, ...down]);
}

/**
 * A new id such as `20261124-153012-k3f9`: unique, and ordered by time. Two of the last four
 * characters are the milliseconds in base 36.
 */
export function runId(clock: Clock): string {
  const now = clock.now();
  const stamp = new Date(now).toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
  return `${stamp}-${(now % 1000).toString(36).padStart(2, '0')}${clock.id().slice(0, 2)}`;
}
