// Hosts that a person has locked out: by a hold on their node, or by a cordon. Which of them may
// still be started, and when. Pure.

import type { Rollout } from '../../model/playbook.ts';
import type { LockOut } from '../../model/run/event.ts';
import { inOrder } from './ranked.ts';
import { type HostState, hostAt, type RunState } from './state.ts';

/** `never`: not as long as it stands. Undefined: a lock-out that this play does not mind. */
export type Turn = 'last' | 'never';

/**
 * A cordon that neither the plan nor the operator of the run knew of may mean that somebody works
 * on the machine now.
 */
export function turnOf(
  by: LockOut['by'],
  host: Pick<HostState, 'plan'>,
  {
    rollout,
    approvedByFlag,
  }: { readonly rollout: Pick<Rollout, 'cordoned'> | undefined; readonly approvedByFlag: boolean },
): Turn | undefined {
  const { cordoned = 'last' } = rollout ?? {};
  if (by === 'hold') return 'never';
  if (cordoned === 'first') return undefined;
  return cordoned === 'last' && (host.plan.cordoned === true || approvedByFlag) ? 'last' : 'never';
}

/**
 * The host with what the last reading says of it. One that was in line for its start goes back
 * behind the others, who need not wait for it.
 */
export function withLockOut(
  host: HostState,
  lockOut: Omit<LockOut, 'host'> | undefined,
  run: Parameters<typeof turnOf>[2],
): HostState {
  const { lockOut: before, ...rest } = host;
  const turn = lockOut === undefined ? undefined : turnOf(lockOut.by, host, run);
  if (lockOut === undefined || turn === undefined) return rest;
  const leaves = rest.status === 'waiting' && (turn === 'never' || before === undefined);
  return {
    ...rest,
    status: leaves ? 'planned' : rest.status,
    lockOut: { by: lockOut.by, why: lockOut.why, turn },
  };
}

/**
 * Nothing of it was done, or all was undone: its node is in service as far as this run goes, and
 * the host is as it was.
 */
export const isUntaken = ({ marks, inFlight }: HostState): boolean =>
  inFlight.length === 0 && !marks.altered && (!marks.cordoned || marks.uncordoned);

/** Hosts that are not started because of it, each with the reason. */
export const lockedOutText = (state: RunState): string =>
  [...inOrder(state.lockedOut)]
    .map((index) => hostAt(state, index))
    .map(({ host, lockOut }) => `${host} (${lockOut?.why ?? ''})`)
    .join(', ');

/** What the plan knew of a host. */
export const plannedLockOut = {
  by: 'cordon',
  why: 'its node was cordoned by somebody else when the plan was made',
} as const;
