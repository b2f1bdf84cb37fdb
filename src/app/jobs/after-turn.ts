// What follows the turn of a job: metrics of the jobs, and the removal of old runs.
import type { Keep } from '../../core/history/retention.ts';
import { jobFamilies } from '../../screens/metrics/run-metrics.ts';
import { pruneLines } from '../../screens/run/prune-text.ts';
import { pruneRuns } from '../history/prune.ts';
import { writeMetrics } from '../metrics/metrics-file.ts';
import type { Session } from '../session/session.ts';
import { readableJobs } from './jobs.ts';

/** A failure of it is a warning, and does not change the exit code. */
export async function afterTurn(keep: Keep, session: Session): Promise<void> {
  const { settings, observer } = session;
  if (settings.flags.metricsFile !== undefined)
    await writeMetrics(jobFamilies(await readableJobs(session)), session);
  try {
    const pruned = await pruneRuns(keep, session);
    for (const line of pruneLines({ ...pruned, stays: new Map() })) observer.log(line);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    observer.notice(`old runs are not removed: ${why}`, 'warning');
  }
}
