// Which hosts of a run an operator may resolve.
import { present } from '../../model/present.ts';
import type { EventBody, EventOf } from '../../model/run/event.ts';
import { type HostState, hostState, type RunState } from './state.ts';

/** Only a host that failed, was refused or counts as rescued needs the decision of an operator. */
export const isResolvable = (host: HostState): boolean =>
  host.status === 'failed' ||
  host.status === 'refused' ||
  (host.failures > 0 && (host.status === 'done' || host.status === 'soaking'));

/** It counts for the brake, although its rescue saved it, and no operator has acknowledged it. */
export const countsAsRescued = ({ status, failures, rescued }: HostState): boolean =>
  rescued?.counts === true && failures > 0 && (status === 'done' || status === 'soaking');

/** Hosts that no operator has acknowledged: they failed and keep their slots, or they count. */
export const isUnresolved = (host: HostState): boolean =>
  countsAsRescued(host) ||
  (host.status === 'failed' &&
    host.failure?.resumable !== true &&
    (host.keepsSlot || host.failures > 0));

/** How an operator answers for such a host first: one that failed is tried again. */
export const firstAnswer = (host: HostState): 'retry' | 'done' =>
  countsAsRescued(host) ? 'done' : 'retry';

/** Why resolving this host can change nothing; undefined when it can. */
export function whyNotResolvable(
  state: RunState,
  name: string,
  as: 'done' | 'skip' | 'retry',
): string | undefined {
  const host = hostState(state, name);
  if (host === undefined) return whyNotLeftOut(state, name, as);
  if (isResolvable(host)) return undefined;
  return `${name} did not fail: ${statusTexts[host.status]}`;
}

/**
 * The event of the operator, or a warning that it comes too late: the host is already being
 * retried, or never failed.
 */
export function resolutionEvent(state: RunState, resolution: EventOf<'host.resolved'>): EventBody {
  const { host, as = 'skip', command, via } = resolution;
  const why = whyNotResolvable(state, host, as);
  if (why === undefined) return resolution;
  return { type: 'warning', text: `not resolved as ${as}: ${why}`, ...present({ command, via }) };
}

function whyNotLeftOut(
  state: RunState,
  name: string,
  as: 'done' | 'skip' | 'retry',
): string | undefined {
  if (!state.leftOut.some((left) => left.host === name))
    return `run ${state.run} has no host ${name}`;
  return as === 'retry'
    ? `${name} was left out of run ${state.run} and has no plan in it: plan it anew`
    : undefined;
}

const statusTexts: Readonly<Record<HostState['status'], string>> = {
  same: 'there is nothing to do on it',
  planned: 'it waits for its start',
  waiting: 'it waits for its start',
  running: 'it is under way',
  soaking: 'it soaks',
  done: 'it is done',
  failed: 'it failed',
  refused: 'it must not be touched',
};
