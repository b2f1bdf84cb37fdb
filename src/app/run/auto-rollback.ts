// `rollback: failed_host`: after a run, each failed host is rolled back by a run of its own, as by
// `kmend rollback RUN -l HOST`. In the run that failed the host keeps its slot until the operator
// acknowledges it.

import { hostsToRollBack } from '../../core/history/auto-rollback.ts';
import { hostState } from '../../core/run-state/state.ts';
import { present } from '../../model/present.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { pasteable } from '../../model/text/quote.ts';
import { isMapping } from '../../model/value.ts';
import { stateOf } from '../history/history.ts';
import { contained } from '../observer.ts';
import { passwordFlags } from '../session/flags.ts';
import { inSession, type Session } from '../session/session.ts';
import { rollback } from './rollback.ts';

/** Rolls back the failed hosts of a run that is over, where its play says so. */
export async function rollBackFailed(run: string, session: Session): Promise<void> {
  const { observer, world } = session;
  const hosts = hostsToRollBack(await stateOf(await session.ports.store(), run));
  if (hosts.length === 0) return;
  const before = await rolledBackBefore(run, session);
  for (const host of hosts.filter((one) => !before.has(one))) {
    const byHand = `kmend rollback ${run} -l ${pasteable(host)}`;
    if (world.stop.aborted) {
      observer.notice(`${host} is not rolled back, since kmend was stopped; by hand: ${byHand}`);
      continue;
    }
    observer.notice(`${host} failed and is rolled back (rollback: failed_host)`);
    const exit = await rollBackHost(run, host, session);
    if (exit === 0)
      observer.notice(
        `${host} is as it was before run ${run}; check it, then: kmend resolve ${run} ${pasteable(host)}`,
      );
    else
      observer.notice(
        `${host} was NOT rolled back (exit ${exit}); check it, then by hand: ${byHand}`,
      );
  }
}

/** In a session of its own, with the secrets of this one, since no file has them. */
function rollBackHost(run: string, host: string, session: Session): Promise<number> {
  const { state, flags } = session.settings;
  const { extraVars } = flags;
  const given = { limit: host, state, ...present({ extraVars }), ...passwordFlags(flags) };
  return contained(session.observer, () =>
    inSession(
      given,
      session,
      async (own) => (await rollback({ run, yes: true, takeover: run }, own)).exit,
    ),
  );
}

/**
 * Hosts that were rolled back before, or whose rollback a worker carries on: a resume does not roll
 * them back again.
 */
async function rolledBackBefore(run: string, session: Session): Promise<ReadonlySet<string>> {
  const done = new Set<string>();
  const store = await session.ports.store();
  const runs = await store.runs();
  const open = new Set((await store.workers?.open(false))?.map((one) => one.run));
  for (const later of runs.slice(runs.findIndex((info) => info.run === run) + 1)) {
    const plan = dataIn((await store.readFile(later.run, 'plan')) ?? '');
    if (!isMapping(plan) || plan.rollbackOf !== run) continue;
    const state = await stateOf(store, later.run);
    for (const host of state.indexOf.keys())
      if (open.has(later.run) || hostState(state, host)?.status === 'done') done.add(host);
  }
  return done;
}
