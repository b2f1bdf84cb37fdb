// What keeps the jobs of workers from going on, for a person to see.
import type { Session } from '../session/session.ts';
import type { Job } from './jobs.ts';

/** Sentences, none where all goes on: there is no worker, or none carries on the run of a job. */
export async function jobsThatWait(
  jobs: readonly Job[],
  { ports }: Session,
): Promise<readonly string[]> {
  const { workers, runs } = await ports.store();
  const names = new Set(jobs.flatMap(({ name, since }) => (since === undefined ? [] : name)));
  if (workers === undefined || names.size === 0) return [];
  const alive = await workers.alive();
  if (alive.length === 0)
    return ['no worker is alive: no turn of a job begins; start one with `kmend worker`'];
  const free = new Set(
    (await workers.open(false)).flatMap(({ run, leader }) => (leader === 'led' ? [] : run)),
  );
  if (free.size === 0) return [];
  return (await runs()).flatMap(({ run, job }) => {
    if (job === undefined || !names.has(job) || !free.has(run)) return [];
    const refused = alive.flatMap((worker) =>
      worker.refused.filter((one) => one.run === run).map(({ why }) => ({ id: worker.id, why })),
    );
    return [
      `job ${job} waits: its run ${run} is carried on by no worker`,
      ...refused.map(({ id, why }) => `  worker ${id}: ${why}`),
    ];
  });
}
