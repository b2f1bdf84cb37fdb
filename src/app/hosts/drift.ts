// Which of the hosts that earlier runs remediated have lost their remedy; read-only.
import { type HostDrift, hostDrift } from '../../core/history/drift-report.ts';
import { seenOf } from '../../core/history/orphans.ts';
import { type ExitReason, exitCode } from '../../core/rollout/exit.ts';
import type { Survey } from '../../engine/host/fleet.ts';
import { attempt, type Failure, ok } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import { remediatedHosts } from '../history/summaries.ts';
import { readHeld, type Standing, standingOf, standingReasons } from '../plan/held.ts';
import { hostsOf, loadFleet, reportUnopened, targetsOf } from '../session/fleet.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import { answered } from './check.ts';
import { keepDrift } from './last-results.ts';
import { surveyHosts } from './survey.ts';

export interface DriftInput {
  readonly pattern: string;
  /** Also hosts that no run remediated. */
  readonly all: boolean;
}

export interface Drifted {
  readonly rows: readonly HostDrift[];
  readonly standing: Standing;
  readonly exit: number;
}

export async function drift({ pattern, all }: DriftInput, session: Session): Promise<Drifted> {
  const { settings, world, observer } = session;
  const inventory = loadFleet(session, { readsOnly: true });
  const matched = hostsOf(inventory, pattern, session);
  const store = await session.ports.store();
  const memory = await remediatedHosts(store);
  // A host that a run left half done counts too, although no run has remediated it.
  const left = await readHeld(
    matched.map((host) => seenOf(host, {})),
    store,
  );
  const hosts = all ? matched : matched.filter((host) => memory.has(host) || left.has(host));
  if (hosts.length === 0)
    throw new CommandError(
      11,
      `no run under ${settings.state} remediated any of ${plural(matched.length, 'host')}`,
      '`kmend drift --all` and `kmend check` read hosts that no run remediated; --state or --state-dir names another place of runs',
    );
  const targets = await targetsOf(inventory, hosts, session);
  reportUnopened(inventory, hosts, session);
  const accepted = new Map([...memory].map(([host, { proof }]) => [host, proof.accepted ?? []]));
  const question = { kind: 'survey', wants: [], active: false, remembers: false } as const;
  const reading = observer.reading('read', hosts);
  const options = {
    retries: 3,
    signal: world.kill,
    onHost: (survey: Survey) => reading.answered(answered(survey)),
  };
  const surveys = await surveyHosts({ inventory, targets, accepted }, question, options, session);
  reading.end();
  const rows = surveys.map(({ host, outcome }) => {
    const unread = (failure: Failure): HostDrift => hostDrift(host, memory.get(host), { failure });
    if (!outcome.ok) return unread(outcome.failure);
    const row = attempt(`the facts of ${host}`, () =>
      ok(hostDrift(host, memory.get(host), { facts: outcome.value })),
    );
    return row.ok ? row.value : unread(row.failure);
  });
  const read = surveys.map(({ host, outcome }) => ({
    host,
    ...(outcome.ok ? { facts: outcome.value } : {}),
  }));
  const standing = await standingOf(read, targets, inventory, session);
  const exit = exitCode([...rows.flatMap(reasons), ...standingReasons(standing)]);
  await keepDrift(pattern, rows, exit, session);
  return { rows, standing, exit };
}

function reasons(row: HostDrift): readonly ExitReason[] {
  if (row.state === 'unread')
    return [row.failure?.kind === 'unreachable' ? 'unreachable' : 'failed'];
  if (row.state === 'unproven') return ['unverified'];
  return row.state === 'lost' ? ['changes'] : [];
}
