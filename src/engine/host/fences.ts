// Fences outside of a walk: hosts that are taken over from another run before this one starts, and
// hosts that an operator resolved.

import { hostState, hostStates, type RunState } from '../../core/run-state/state.ts';
import type { Failure } from '../../model/run/failure.ts';
import { closeFenceScript, exitCodes, takeoverScript } from '../effects/host-scripts.ts';
import { fencedBy } from '../effects/perform-run.ts';
import { forEachHost } from '../session/each-host.ts';
import { lastLines } from '../session/observe.ts';
import { openSession, type Session } from '../session/session.ts';
import { setupOf } from './fleet.ts';
import type { RunContext } from './walk-context.ts';

/** Hosts that are taken over at once. */
const atOnce = 20;

/** Hosts on which this run still acts, or may. */
export const hostsToTakeOver = (state: RunState): readonly string[] =>
  [...hostStates(state)]
    .filter(({ status }) => ['planned', 'waiting', 'running', 'soaking'].includes(status))
    .map(({ host }) => host);

/**
 * Fences the other run out: its controller may be stopped now and continue later. Reports each host
 * that could not be fenced.
 */
export async function takeOverHosts(hosts: readonly string[], run: RunContext): Promise<void> {
  const targets = hosts.map((host) => setupOf(run.setup, host).target);
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
  await forEachHost(targets, options, run.ports, {
    use: takeOver,
    failed: (host, { message }) => warn(host, message),
  });
}

/**
 * Closes the fence of a failed host that an operator has resolved, so that later runs find it free.
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

/** Reports a fence that stays open, because it would refuse a later run. */
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

/** Runs the script; returns why it failed. */
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
