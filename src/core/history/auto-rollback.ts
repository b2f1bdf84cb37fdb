// `rollback: failed_host`: which hosts of a run that is over are taken back by themselves. Never
// one that did not end badly in it.
import type { Rollout } from '../../model/playbook.ts';
import { type HostState, hostStates, type RunState } from '../run-state/state.ts';

/**
 * Hosts to take back, one by one, in the order of work. A run that a person ended leaves that to
 * people.
 */
export function hostsToRollBack(state: RunState): readonly string[] {
  if (!takesBack(state.rollout) || state.finished === undefined || state.aborted !== undefined)
    return [];
  return [...hostStates(state)].filter(isLeftChanged).map(({ host }) => host);
}

const takesBack = (rollout: Rollout | undefined): boolean => rollout?.rollback === 'failed_host';

/**
 * Something was begun on it, it ended badly, and nobody has looked at it. A held host goes on with
 * a resume; one that another run holds is not ours to change.
 */
const isLeftChanged = ({ status, marks, failure, resolved }: HostState): boolean =>
  status === 'failed' &&
  marks.altered &&
  resolved === undefined &&
  failure?.resumable !== true &&
  failure?.kind !== 'fenced';
