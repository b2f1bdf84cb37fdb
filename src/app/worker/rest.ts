// The rest of a run that workers carry out when it is over: rollbacks of its failed hosts, and the
// later plays of its plan. Its leader does that, so that two workers never do it both.
import { dataIn } from '../../model/shape/shape.ts';
import { isMapping } from '../../model/value.ts';
import { stateOf } from '../history/history.ts';
import { rollBackFailed } from '../run/auto-rollback.ts';
import { keptSettings } from '../run/kept-settings.ts';
import { planOfRun, withSavedPlan } from '../run/load-saved.ts';
import { runPlays } from '../run/start.ts';
import type { Session } from '../session/session.ts';

/**
 * `busy`: another process does that, or has resumed the run. `left`: this process was asked to end.
 * The next play is begun, and left to the workers. What was begun before is not begun again.
 */
export async function carryOutRest(
  run: string,
  session: Session,
): Promise<'done' | 'busy' | 'left'> {
  const store = await session.ports.store();
  const lock = await store.lock([], run);
  if (!lock.held) return 'busy';
  try {
    const { finished, approved } = await stateOf(store, run);
    if (finished === undefined) return 'busy';
    const plan = await planOfRun(run, session);
    if (plan.rollbackOf === undefined) await rollBackFailed(run, session);
    if (session.world.stop.aborted) return 'left';
    if (finished.exit === 0 && approved !== undefined && !(await isFollowed(run, session)))
      await beginNext(run, session);
    await store.workers?.sayRest(run, false);
    return 'done';
  } finally {
    await lock.release();
  }
}

async function beginNext(run: string, session: Session): Promise<void> {
  const plan = await planOfRun(run, session);
  const [, ...following] = plan.plays;
  if (following.length === 0) return;
  const kept = await keptSettings(run, session);
  const saved = { plan, name: `run ${run}`, kept, strictVersion: false };
  await withSavedPlan(saved, session, async (made, inner) => {
    const rest = {
      plan: { ...plan, plays: following },
      plays: made.plays.slice(1),
      saved: true,
    };
    await runPlays(rest, { ...kept.carriedOn, approved: true, detach: true }, inner);
  });
}

/** Was a later play of its plan begun? Its run keeps the same plan, with fewer plays. */
async function isFollowed(run: string, { ports }: Session): Promise<boolean> {
  const store = await ports.store();
  const runs = (await store.runs()).filter(({ begun }) => begun !== false);
  const plays = async (id: string): Promise<readonly [unknown, number]> => {
    const plan = dataIn((await store.readFile(id, 'plan')) ?? '');
    return isMapping(plan) && Array.isArray(plan.plays)
      ? [plan.id, plan.plays.length]
      : [undefined, 0];
  };
  const [own, many] = await plays(run);
  for (const later of runs.slice(runs.findIndex((info) => info.run === run) + 1)) {
    const [id, fewer] = await plays(later.run);
    if (id === own && fewer < many) return true;
  }
  return false;
}
