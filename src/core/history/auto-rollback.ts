// `rollback: failed_host`: which hosts of a finished run are rolled back automatically. Only hosts
// that failed in it are.
import type { Rollout } from '../../model/playbook.ts';
import { type HostState, hostStates, type RunState } from '../run-state/state.ts';

/**
 * Hosts to roll back, one by one, in the order of work. After an abort the operator decides
 * instead.
 */
export function hostsToRollBack(state: RunState): readonly string[] {
  if (
    !rollsBackFailed(state.rollout) ||
    state.finished === undefined ||
    state.aborted !== undefined
  )
    return [];
  return [...hostStates(state)].filter(isLeftChanged).map(({ host }) => host);
}

const rollsBackFailed = (rollout: Rollout | undefined): boolean =>
  rollout?.rollback === 'failed_host';

/**
 * Something was changed on it, it failed, and no operator has acknowledged that. A resumable host
 * waits for the resume. A fenced host belongs to another run.
 */
const isLeftChanged = ({ status, marks, failure, resolved }: HostState): boolean =>
  status === 'failed' &&
  marks.altered &&
  resolved === undefined &&
  failure?.resumable !== true &&
  failure?.kind !== 'fenced';
