// The overview: runs, the last check of each inventory, and jobs.
import type { DriftState } from '../../core/history/drift-report.ts';
import { nextTurn } from '../../core/rollout/next-turn.ts';
import type { RunHead } from '../../core/view/model.ts';
import type { FleetSummary, JobSummary, Overview, RunSummary } from '../../core/view/overview.ts';
import { present } from '../../model/present.ts';
import { type LastHost, type LastResults, lastResults } from '../hosts/last-results.ts';
import { ownZone } from '../jobs/for-workers.ts';
import { type Job, readableJobs } from '../jobs/jobs.ts';
import type { Session } from '../session/session.ts';
import { contextOf, type KnownRun, type LiveRuns } from './live-runs.ts';

/** Runs and hosts that the overview names. */
const most = { runs: 200, hosts: 100 };

export async function overviewOf(
  runs: LiveRuns,
  reader: Pick<Overview, 'who' | 'control'>,
  session: Session,
): Promise<Overview> {
  const { world, ports } = session;
  const now = world.clock.now();
  const all = [...(await runs.known())].reverse().map(runSummary);
  const sorted = [...all.filter(isOpen), ...all.filter((run) => !isOpen(run))];
  const { fleets } = await ports.store();
  return {
    at: now,
    version: world.version,
    who: reader.who,
    control: reader.control,
    runs: sorted.slice(0, most.runs),
    olderRuns: Math.max(0, sorted.length - most.runs),
    fleets: (await lastResults(fleets)).map(fleetSummary),
    jobs: (await readableJobs(session)).map((job) => jobSummary(job, now)),
  };
}

const isOpen = ({ finished }: RunSummary): boolean => finished === undefined;

function runSummary({ info, live }: KnownRun): RunSummary {
  const { run, play, startedAt, job, finished } = info;
  const head = headOf({ info, ...present({ live }) });
  return { run, play, startedAt, ...present({ job, finished, head, damaged: live?.damaged }) };
}

/** Undefined for a run that is finished or not followed. */
export const headOf = ({ info, live }: KnownRun): RunHead | undefined =>
  info.finished === undefined ? live?.reader.head(contextOf(live)) : undefined;

/** `/etc/fleet/hosts.ini` and `--extra-vars=@/etc/x.yaml` without the directories of this machine. */
const withoutDirectories = (arg: string): string => arg.replace(/(?<=^|[=@,])\/(?:[^/,]+\/)*/g, '');

const jobSummary = ({ name, every, args, last }: Job, now: number): JobSummary => ({
  name,
  every,
  command: args.map(withoutDirectories).join(' '),
  ...present({ last, next: nextTurn(every, now, ownZone()) }),
});

export function fleetSummary({ inventory, check, drift }: LastResults): FleetSummary {
  return {
    inventory,
    ...(check && {
      check: {
        ...check,
        hosts: check.hosts.length,
        verdicts: counted(check.hosts.map(({ verdict = 'unread' }) => verdict)),
        remedies: counted(check.hosts.flatMap(({ remedy }) => remedy ?? [])),
        worst: check.hosts
          .filter((host) => urgency(host) < healthy)
          .sort((a, b) => urgency(a) - urgency(b))
          .slice(0, most.hosts)
          .map(({ needs: _, ...host }) => host),
      },
    }),
    ...(drift && {
      drift: {
        ...drift,
        hosts: drift.hosts.length,
        states: { ...noDrift, ...counted(drift.hosts.map(({ state }) => state)) },
        lost: drift.hosts
          .filter(({ state }) => state === 'lost')
          .slice(0, most.hosts)
          .map(({ host, why = '' }) => ({ host, why })),
      },
    }),
  };
}

const noDrift: Readonly<Record<DriftState, number>> = {
  kept: 0,
  lost: 0,
  unproven: 0,
  unread: 0,
  never: 0,
};

const healthy = 1_000_000;
/** Less is worse: the fewest days left, then leaking, then what needs a remedy or is not known. */
function urgency({ needs, verdict, idsDaysLeft, failure }: LastHost): number {
  if (idsDaysLeft !== undefined && idsDaysLeft < 30) return idsDaysLeft;
  if (verdict === 'leaking') return 30;
  if (needs === true) return 31;
  if (failure !== undefined) return 32;
  return verdict === 'off' || verdict === 'not_applicable' ? healthy : 33;
}

function counted(words: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
}
