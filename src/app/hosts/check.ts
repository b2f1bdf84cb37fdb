// Checking hosts, read-only: the facts of each, its verdict and remedy; or the same from outputs
// that people collected by other means.
import { conclusionOf } from '../../core/history/conclusion.ts';
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import type { Survey } from '../../engine/host/fleet.ts';
import { checkWants } from '../../facts/index.ts';
import type { FactName, Facts } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import { ok } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import type { CheckRow } from '../../screens/hosts/check-table.ts';
import type { Answer } from '../observer.ts';
import { type Standing, standingOf, standingReasons } from '../plan/held.ts';
import { hostsOf, loadFleet, reportUnopened, targetsOf } from '../session/fleet.ts';
import type { Session } from '../session/session.ts';
import { endIfStopped, readingSignal } from '../session/settings.ts';
import { keepCheck } from './last-results.ts';
import { surveyHosts } from './survey.ts';

export interface CheckInput {
  readonly pattern: string;
  /** Also ask el7 kernels whether they would account an empty cgroup. */
  readonly active: boolean;
  /** The rows keep all facts; otherwise only `shownFacts`. */
  readonly details: boolean;
}

/** Gets rows before all hosts have answered. */
export interface EarlyRows {
  /** A host was read: its row. */
  readonly add: (row: CheckRow) => void;
  /** A signal ended the check: the rows of all hosts that were read before it. */
  readonly stopped: (rows: readonly CheckRow[]) => void;
}

export interface Checked {
  readonly rows: readonly CheckRow[];
  readonly standing: Standing;
}

export async function check(
  { pattern, active, details }: CheckInput,
  session: Session,
  early: EarlyRows,
): Promise<Checked> {
  const { world, observer } = session;
  const inventory = loadFleet(session, { readsOnly: true });
  const hosts = hostsOf(inventory, pattern, session);
  const targets = await targetsOf(inventory, hosts, session);
  reportUnopened(inventory, hosts, session);
  const question = { kind: 'survey', wants: checkWants, active, remembers: true } as const;
  const reading = observer.reading('read', hosts);
  const read = new Set<string>();
  const keep = details ? (survey: Survey): Survey => survey : withShownFacts;
  const options = {
    retries: 2,
    signal: readingSignal(world),
    onHost: (survey: Survey) => {
      if (world.stop.aborted) return;
      read.add(survey.host);
      early.add(rowOf(survey));
      reading.answered(answered(keep(survey)));
    },
    keep,
  };
  const surveys = await surveyHosts({ inventory, targets }, question, options, session);
  reading.end();
  const rows = surveys.map(rowOf);
  if (world.stop.aborted) early.stopped(rows.filter(({ host }) => read.has(host)));
  endIfStopped(world, stoppedAfter(read, hosts));
  const standing = await standingOf(rows, targets, inventory, session);
  const exit = exitCode([...checkReasons(rows), ...standingReasons(standing)]);
  await keepCheck(pattern, rows, exit, session);
  return { rows, standing };
}

/** `interrupted: 3 of 5 hosts were read, not h4, h5`. */
function stoppedAfter(read: ReadonlySet<string>, hosts: readonly string[]): string {
  const left = hosts.filter((host) => !read.has(host));
  const names = left.slice(0, 5).join(', ');
  const more = left.length > 5 ? ` and ${left.length - 5} more` : '';
  return `interrupted: ${read.size} of ${plural(hosts.length, 'host')} were read${left.length === 0 ? '' : `, not ${names}${more}`}`;
}

export const answered = ({ host, outcome }: Survey): Answer =>
  outcome.ok ? { host, facts: outcome.value } : { host, failure: outcome.failure };

/**
 * What is read of a host once it has its row: the table, the lines below it, the exit code, what is kept
 * for `kmend serve`, and who holds the host. The other facts are nine tenths of its memory.
 */
const shownFacts = [
  'boot.id',
  'containerd.evr',
  'crash.on',
  'crash.verdict',
  'docker.client',
  'docker.version',
  'fence.open',
  'fence.run',
  'kernel.release',
  'kmem.evidence',
  'kmem.ids.days_left',
  'kmem.ids.dead',
  'kmem.ids.full_on',
  'kmem.ids.growth_per_day',
  'kmem.ids.over',
  'kmem.ids.used',
  'kmem.parts',
  'kmem.remedy',
  'kmem.remedy_why',
  'kmem.verdict',
  'kubelet.version',
  'machine.id',
  'memory.sunreclaim_kb',
  'memory.sunreclaim_per_day',
  'node.owner',
  'runc.version',
  'ssh.host_key',
] as const satisfies readonly FactName[];

export function withShownFacts(survey: Survey): Survey {
  const { outcome } = survey;
  if (!outcome.ok) return survey;
  const shown = shownFacts.map((name) => [name, outcome.value[name]] as const);
  const facts = Object.fromEntries(shown.filter(([, value]) => value !== undefined));
  return { ...survey, outcome: ok(facts as Facts) };
}

const rowOf = ({ host, outcome, active }: Survey): CheckRow =>
  outcome.ok
    ? { host, facts: outcome.value, ...present({ active }) }
    : { host, failure: outcome.failure };

/** Reasons for the exit code of a check. */
export function checkReasons(rows: readonly CheckRow[]): readonly ExitReason[] {
  return rows.flatMap((row): readonly ExitReason[] => {
    if (row.facts === undefined)
      return [row.failure?.kind === 'unreachable' ? 'unreachable' : 'failed'];
    const { kind } = conclusionOf(row.facts);
    return kind === 'needs_remedy' ? ['changes'] : kind === 'unknown' ? ['unverified'] : [];
  });
}
