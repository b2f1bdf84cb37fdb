// A job whose turns workers carry out, by the calendar alone.
import type { Calendar } from '../../core/rollout/cron-line.ts';
import { nextTurn } from '../../core/rollout/next-turn.ts';
import type { Session } from '../session/session.ts';
import { CommandError } from '../session/world.ts';
import type { Job } from './jobs.ts';

/** The zone of this machine. */
export const ownZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * The job from now on, and its first turn (milliseconds since 1970). Its calendar gets the zone of
 * this machine where it has none, so that all workers read it alike.
 */
export async function forWorkers(
  job: Job,
  { every, zone }: Calendar,
  { ports, world }: Session,
): Promise<{ readonly job: Job; readonly first: number }> {
  const { turns, place } = await ports.store();
  if (turns === undefined)
    throw new CommandError(
      3,
      `workers need a database, and ${place} is a directory`,
      'name it: --state postgres://HOST/DATABASE; or take --as systemd',
    );
  const since = world.clock.now();
  const zoned = zone === undefined ? `${every} ${ownZone()}` : every;
  const first = nextTurn(zoned, since, ownZone());
  if (first === undefined) throw new CommandError(3, `\`${every}\` never comes`);
  return { job: { ...job, every: zoned, since }, first };
}
