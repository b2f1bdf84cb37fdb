// Checking hosts, read-only: the facts of each, its verdict and remedy; or the same from outputs
// that people collected by other means.
import { conclusionOf } from '../../core/history/conclusion.ts';
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import { type Survey, surveyFleet } from '../../engine/host/fleet.ts';
import { checkWants, givenFacts, withPrelude } from '../../facts/index.ts';
import type { Facts } from '../../model/fact.ts';
import { present } from '../../model/present.ts';
import { activeProbeScript } from '../../modules/verify-kmem.ts';
import type { CheckRow } from '../../screens/hosts/check-table.ts';
import { type Standing, standingOf, standingReasons } from '../plan/held.ts';
import { declaredOf, hostsOf, loadFleet, targetsOf } from '../session/fleet.ts';
import type { Session } from '../session/session.ts';
import { endIfStopped, readingSignal } from '../session/settings.ts';
import { idRecords } from './id-records.ts';
import { keepCheck } from './last-results.ts';

export interface CheckInput {
  readonly pattern: string;
  /** Also ask el7 kernels whether they would account an empty cgroup. */
  readonly active: boolean;
}

/** Gets rows before all hosts have answered. */
export interface EarlyRows {
  /** A host was read: its row. */
  readonly add: (row: CheckRow) => void;
  /** Of these hosts only those are left that do not answer. */
  readonly pause: (hosts: readonly string[]) => void;
}

export interface Checked {
  readonly rows: readonly CheckRow[];
  readonly standing: Standing;
}

export async function check(
  { pattern, active }: CheckInput,
  session: Session,
  early: EarlyRows,
): Promise<Checked> {
  const { settings, world, observer } = session;
  const inventory = loadFleet(session);
  const hosts = hostsOf(inventory, pattern, session);
  const targets = await targetsOf(inventory, hosts, session);
  const declared = declaredOf(inventory, hosts, session);
  const remembered = idRecords(session);
  const known = async (host: string, facts: Facts): Promise<Facts> => ({
    ...givenFacts(declared.get(host)),
    ...(await remembered(host, facts)),
  });
  const options = {
    ...{
      forks: settings.forks,
      retries: 2,
      signal: readingSignal(world),
      known,
      onIdle: () => early.pause(hosts),
    },
    ...(active ? { active: { script: withPrelude(activeProbeScript), whyNot: whyNotAsked } } : {}),
  };
  const ports = { transport: await session.ports.transport(), clock: world.clock };
  const reading = observer.reading('read', hosts);
  const surveys = await surveyFleet(targets, checkWants, options, ports, (survey) => {
    early.add(rowOf(survey));
    reading.answered(survey.host);
  });
  reading.end();
  endIfStopped(world);
  const rows = surveys.map(rowOf);
  const standing = await standingOf(rows, targets, inventory, session);
  const exit = exitCode([...checkReasons(rows), ...standingReasons(standing)]);
  await keepCheck(pattern, rows, exit, session);
  return { rows, standing };
}

const rowOf = ({ host, outcome, active }: Survey): CheckRow =>
  outcome.ok
    ? { host, facts: outcome.value, ...present({ active }) }
    : { host, failure: outcome.failure };

/**
 * Only on el7 kernels an empty cgroup shows whether accounting is on, and only root may make one.
 */
function whyNotAsked(facts: Facts): string | undefined {
  if (!/^3\.10\./.test(String(facts['kernel.release'] ?? ''))) return 'the kernel is not 3.10';
  if (facts['cgroup.memory'] !== 'v1') return 'no cgroup v1 memory controller';
  return facts['user.root'] === true ? undefined : 'it needs root';
}

/** Reasons for the exit code of a check. */
export function checkReasons(rows: readonly CheckRow[]): readonly ExitReason[] {
  return rows.flatMap((row): readonly ExitReason[] => {
    if (row.facts === undefined)
      return [row.failure?.kind === 'unreachable' ? 'unreachable' : 'failed'];
    const { kind } = conclusionOf(row.facts);
    return kind === 'needs_remedy' ? ['changes'] : kind === 'unknown' ? ['unverified'] : [];
  });
}
