// Returns hosts to service that an interrupted run has proven. That run does it, by a resume that
// does nothing else.
import { isInterrupted, isProven } from '../../core/history/orphans.ts';
import { hostStates } from '../../core/run-state/state.ts';
import { isRunId } from '../../model/run/run-id.ts';
import { stateOf } from '../history/history.ts';
import { contained } from '../observer.ts';
import type { MadePlan } from '../plan/make-plan.ts';
import { passwordFlags } from '../session/flags.ts';
import { inSession, type Session } from '../session/session.ts';
import { exitOfResume, resume } from './resume.ts';

/**
 * `rollout.adopt`, before an apply. True where a run returned hosts, so that the plan is made again:
 * it names hosts that could not be returned.
 */
export async function adoptProven(
  { plan, held = [] }: MadePlan,
  session: Session,
): Promise<boolean> {
  const proven = new Set(
    plan.plays.flatMap(({ rollout, hosts }) =>
      rollout.adopt === 'none' ? [] : hosts.filter(isProven).map(({ host }) => host),
    ),
  );
  const hostsOf = new Map<string, string[]>();
  for (const { host, run, kind } of held)
    if (kind === 'interrupted' && proven.has(host))
      hostsOf.set(run, [...(hostsOf.get(run) ?? []), host]);
  for (const [run, hosts] of hostsOf) {
    session.observer.notice(
      `run ${run} was interrupted: ${hosts.join(', ')} ${hosts.length === 1 ? 'is' : 'are'} returned to service if proven (rollout.adopt)`,
    );
    await returnProven(run, hosts, session);
  }
  return hostsOf.size > 0;
}

/**
 * `kmend uncordon NODE`. False where no interrupted run of this state directory has proven the host
 * of this node.
 */
export async function returnByRun(node: string, run: string, session: Session): Promise<boolean> {
  const store = await session.ports.store();
  const isKnown = isRunId(run) && (await store.runs()).some((one) => one.run === run);
  if (!isKnown || (await store.holder(run)) !== undefined) return false;
  const owed = [...hostStates(await stateOf(store, run))].find(
    (host) => host.plan.node === node && isInterrupted(host),
  );
  if (owed?.proof === undefined) return false;
  session.observer.notice(
    `node ${node}: run ${run} has proven ${owed.host} and owes its return; it is read again, and returned to service if proven`,
  );
  await returnProven(run, [owed.host], session);
  return true;
}

/** In a session of its own, with the settings of the run; the passwords are asked for again. */
function returnProven(run: string, hosts: readonly string[], session: Session): Promise<number> {
  const { state, flags } = session.settings;
  const given = { state, ...passwordFlags(flags) };
  return contained(session.observer, () =>
    inSession(given, session, async (own) =>
      exitOfResume(await resume({ run, returnProven: hosts }, own)),
    ),
  );
}
