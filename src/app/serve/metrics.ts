// `/metrics` of `kmend serve`: runs that are not finished, last successes, last checks, jobs.

import { contentTypes, formatFor, metricsText } from '../../screens/metrics/exposition.ts';
import { checkFamilies, driftFamilies } from '../../screens/metrics/fleet-metrics.ts';
import { jobFamilies, runFamilies, successFamilies } from '../../screens/metrics/run-metrics.ts';
import { lastResults } from '../hosts/last-results.ts';
import { readableJobs } from '../jobs/jobs.ts';
import type { Session } from '../session/session.ts';
import type { LiveRuns } from './live-runs.ts';
import { headOf } from './overview.ts';

export async function metricsOf(
  runs: LiveRuns,
  accept: string,
  session: Session,
): Promise<{ readonly type: string; readonly text: string }> {
  const format = formatFor(accept);
  const known = await runs.known();
  const { fleets } = await session.ports.store();
  const families = [
    ...runFamilies(known.flatMap((one) => headOf(one) ?? [])),
    ...successFamilies(known.map(({ info }) => info)),
    ...jobFamilies(await readableJobs(session)),
    ...(await lastResults(fleets)).flatMap(({ inventory, check, drift }) => [
      ...(check === undefined ? [] : checkFamilies({ ...check, inventory })),
      ...(drift === undefined ? [] : driftFamilies(drift.hosts, inventory, drift.at)),
    ]),
  ];
  return { type: contentTypes[format], text: metricsText(families, format) };
}
