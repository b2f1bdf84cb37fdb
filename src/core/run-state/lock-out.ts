// Hosts that an operator has locked out, by a hold on the node or by a cordon: which of them may
// still be started, and when.

import type { Rollout } from '../../model/playbook.ts';
import type { LockOut } from '../../model/run/event.ts';
import { inOrder } from './ranked.ts';
import { type HostState, hostAt, type RunState } from './state.ts';

/** `never`: not while the lock-out lasts. Undefined: the play ignores this lock-out. */
export type Turn = 'last' | 'never';

/**
 * A cordon that neither the plan nor the operator of the run knew of may mean that somebody is
 * working on the machine.
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
 * The host with its lock-out by the last reading. A host that waited for its start moves behind the
 * others, which need not wait for it.
 */
export function withLockOut(
  host: HostState,
  lockOut: Omit<LockOut, 'host'> | undefined,
  run: Parameters<typeof turnOf>[2],
): HostState {
  const { lockOut: before, ...rest } = host;
  const turn = lockOut === undefined ? undefined : turnOf(lockOut.by, host, run);
  if (lockOut === undefined || turn === undefined) return rest;
  // All others wait for the host that goes first: it stays in its wave.
  const isFirst = rest.prelude === 'owed';
  const leaves =
    rest.status === 'waiting' && !isFirst && (turn === 'never' || before === undefined);
  return {
    ...rest,
    status: leaves ? 'planned' : rest.status,
    lockOut: { by: lockOut.by, why: lockOut.why, turn },
  };
}

/** Nothing was done to the host, or all was undone: this run has left its node in service. */
export const isUntaken = ({ marks, inFlight }: HostState): boolean =>
  inFlight.length === 0 && !marks.altered && (!marks.cordoned || marks.uncordoned);

/** Hosts that are not started because of a lock-out, each with the reason. */
export const lockedOutText = (state: RunState): string =>
  [...inOrder(state.lockedOut)]
    .map((index) => hostAt(state, index))
    .map(({ host, lockOut }) => `${host} (${lockOut?.why ?? ''})`)
    .join(', ');

/** The lock-out of a host that was cordoned when the plan was made. */
export const plannedLockOut = {
  by: 'cordon',
  why: 'its node was cordoned by somebody else when the plan was made',
} as const;
