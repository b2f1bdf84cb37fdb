// Fences outside of a walk: hosts taken over from another run before this one starts, and a host
// set free because a person has looked at it.

import { hostState, hostStates } from '../../core/run-state/state.ts';
import type { Failure } from '../../model/run/failure.ts';
import { closeFenceScript, exitCodes, takeoverScript } from '../effects/host-scripts.ts';
import { fencedBy } from '../effects/perform-run.ts';
import { forEachHost } from '../session/each-host.ts';
import { lastLines } from '../session/observe.ts';
import { openSession, type Session } from '../session/session.ts';
import { setupOf } from './fleet.ts';
import type { RunContext } from './walk-context.ts';

/** Hosts asked at the same moment. */
const atOnce = 20;

/**
 * From here on the other run's controller, stopped now and woken up later, can act on none of these
 * hosts. One that cannot be told is named.
 */
export async function takeOverHosts(run: RunContext): Promise<void> {
  const hosts = [...hostStates(run.state())].filter((host) =>
    ['planned', 'waiting', 'running', 'soaking'].includes(host.status),
  );
  const targets = hosts.map(({ host }) => setupOf(run.setup, host).target);
  const options = {
    forks: atOnce,
    retries: run.setup.play.rollout.retries.transport,
    signal: run.signal,
  };
  const warn = async (host: string, why: string): Promise<void> => {
    const text = `could not be taken over (${why}): the controller of the other run may still act on it`;
    await run.record({ type: 'warning', host, text }, false);
  };
  const takeOver = async (session: Session): Promise<void> => {
    const why = await send(session, takeoverScript(run.token));
    if (why !== undefined) await warn(session.target.name, why);
  };
  await forEachHost(targets, options, run.ports, takeOver, (host, { message }) =>
    warn(host, message),
  );
}

/**
 * The fence of a host that ended badly stays open until a person has looked; then it is closed, so
 * that later runs find the host free.
 */
export async function freeHost(host: string, run: RunContext): Promise<void> {
  if (hostState(run.state(), host)?.touched !== true) return;
  const session = openSession(
    setupOf(run.setup, host).target,
    run.setup.play.rollout.retries.transport,
    run.ports,
    run.signal,
  );
  try {
    await closeFence(session, run, host);
  } finally {
    session.close();
  }
}

/** A fence that stays open is said: a later run would find this host held. */
export async function closeFence(session: Session, run: RunContext, host: string): Promise<void> {
  const why = await send(session, closeFenceScript(run.token));
  if (why === undefined) return;
  await run.record(
    {
      type: 'warning',
      host,
      text: `its fence is still open (${why}): a later run needs --takeover ${run.token.run}`,
    },
    false,
  );
}

/** Why it was not done. */
async function send(session: Session, script: string): Promise<Failure['message'] | undefined> {
  const outcome = await session.read(script, {
    timeout: 30,
    become: session.target.become !== undefined,
  });
  if (!outcome.ok) return outcome.failure.message;
  const { code, stderr } = outcome.value;
  if (code === 0) return undefined;
  return code === exitCodes.fenced
    ? fencedBy(stderr).message
    : lastLines(stderr, 1) || `exit ${code}`;
}
