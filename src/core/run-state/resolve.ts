// Resolving: which hosts of a run a person may speak for.
import { present } from '../../model/present.ts';
import type { EventBody, EventOf } from '../../model/run/event.ts';
import { type HostState, hostState, type RunState } from './state.ts';

/** Only what ended badly, or must not be touched, waits for a person's word. */
export const isResolvable = (host: HostState): boolean =>
  host.status === 'failed' || host.status === 'refused';

/** Why a person's word about this host can change nothing, as a sentence; undefined when it can. */
export function whyNotResolvable(
  state: RunState,
  name: string,
  as: 'done' | 'skip' | 'retry',
): string | undefined {
  const host = hostState(state, name);
  if (host === undefined) return whyNotLeftOut(state, name, as);
  if (isResolvable(host)) return undefined;
  return `${name} did not end badly: ${standing[host.status]}`;
}

/**
 * The word, or the warning that it came too late: the host is tried again already, or was never in
 * trouble.
 */
export function resolutionEvent(state: RunState, word: EventOf<'host.resolved'>): EventBody {
  const { host, as = 'skip', command } = word;
  const why = whyNotResolvable(state, host, as);
  if (why === undefined) return word;
  return { type: 'warning', text: `not resolved as ${as}: ${why}`, ...present({ command }) };
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

const standing: Readonly<Record<HostState['status'], string>> = {
  same: 'there is nothing to do on it',
  planned: 'it waits for its start',
  waiting: 'it waits for its start',
  running: 'it is under way',
  soaking: 'it soaks',
  done: 'it is done',
  failed: 'it failed',
  refused: 'it must not be touched',
};
