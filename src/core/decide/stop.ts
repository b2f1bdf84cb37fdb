// Rules that end, pause or hold up the whole run.

import { causeText } from '../../model/run/failure.ts';
import type { Decision, View, Why } from '../rollout/decision.ts';
import { readingAge } from '../rollout/gate.ts';
import { lockedOutText } from '../run-state/lock-out.ts';
import { closerOf, leaderOf } from '../run-state/once.ts';
import { sizeOf } from '../run-state/ranked.ts';
import { clusterDeadline } from '../run-state/state.ts';
import { finish, isActive, wait } from './answer.ts';
import { readsCapacity } from './room.ts';

/**
 * `deadline.cluster`: ends the run when no host is under way. A resume repeats the proof of hosts
 * that soaked.
 */
export function endAway(view: View): Decision | undefined {
  const until = awayEnds(view);
  const isBusy = sizeOf(view.state.running) > 0 || (view.context.busy?.size ?? 0) > 0;
  return until !== undefined && until <= view.now && !isBusy
    ? finish(view, 'cluster', view.state.away?.why)
    : undefined;
}

const awayEnds = ({ state: { away }, policy }: View): number | undefined =>
  away === undefined ? undefined : away.since + clusterDeadline(policy) * 1000;

/**
 * No host is started while the API server does not answer: an outage is a pause, and no failure of
 * a host.
 */
export function waitForCluster(view: View): Decision | undefined {
  const { away } = view.state;
  return away === undefined
    ? undefined
    : wait(view, [{ rule: 'cluster', text: `the cluster is away: ${away.why}` }], awayEnds(view));
}

/** An aborted run waits only until its running hosts have reached a safe state. */
export function endAborted(view: View): Decision | undefined {
  const { state } = view;
  if (state.aborted === undefined) return undefined;
  const text = `aborted by ${state.aborted.who}: ${state.aborted.why}`;
  return sizeOf(state.running) > 0
    ? wait(view, [{ rule: 'aborted', text }])
    : finish(view, 'aborted', text);
}

/**
 * After the brake tripped, running hosts finish and soaking hosts soak, but no other host is
 * started.
 */
export function endBraked(view: View): Decision | undefined {
  const { brake } = view.state;
  if (brake === undefined) return undefined;
  return isActive(view)
    ? wait(view, [{ rule: 'brake', text: brake.why }])
    : finish(view, 'brake', brake.why);
}

/**
 * The host that goes first has ended before it was past its prelude: no other host is started. A
 * retry, or the word of an operator that it is done, ends that.
 */
export function endLeaderless(view: View): Decision | undefined {
  const { state } = view;
  const leader = leaderOf(state);
  const isAlone =
    state.planned === undefined && state.waiting === undefined && state.lockedOut === undefined;
  if (isAlone || (leader?.status !== 'failed' && leader?.status !== 'refused')) return undefined;
  const { host, plan, failure } = leader;
  const why =
    failure === undefined ? (plan.refused?.why ?? 'its condition is not met') : causeText(failure);
  const then = failure === undefined ? '' : `; then: kmend resume ${state.run} --retry ${host}`;
  const text = `no other host is started: ${host} did not do the tasks that run once before all others (${why})${then}`;
  return isActive(view) ? wait(view, [{ rule: 'prelude', text }]) : finish(view, 'prelude', text);
}

export function endDone(view: View): Decision | undefined {
  const { state } = view;
  // A host whose lock-out ends later still waits for the soak of the wave before it and for the
  // promotion of its canary.
  if (state.planned !== undefined || state.waiting !== undefined || state.lockedOut !== undefined)
    return undefined;
  if (isActive(view)) return wait(view, [{ rule: 'running', text: 'all hosts are started' }]);
  if (closerOf(state) !== undefined) return undefined;
  return state.wave === undefined
    ? finish(view)
    : { kind: 'end_wave', wave: state.wave.number, why: 'nothing is left to start' };
}

/** No other host is started while one does the tasks that run once before all others. */
export function waitForPrelude(view: View): Decision | undefined {
  const leader = leaderOf(view.state);
  if (leader?.status !== 'running') return undefined;
  const text = `${leader.host} does the tasks that run once before all others`;
  return wait(view, [{ rule: 'prelude', text }]);
}

export function stayPaused(view: View): Decision | undefined {
  const { paused } = view.state;
  if (paused === undefined) return undefined;
  return wait(view, [{ rule: 'paused', text: `paused by ${paused.who}: ${paused.why}` }]);
}

/** `deadline.run` */
export function endOverdue(view: View): Decision | undefined {
  const { state, policy, now } = view;
  if (policy.deadline.run === undefined || now < state.activeSince + policy.deadline.run * 1000)
    return undefined;
  const text = `the run's deadline of ${policy.deadline.run} s is over`;
  return isActive(view) ? wait(view, [{ rule: 'deadline', text }]) : finish(view, 'deadline', text);
}

/**
 * Only locked-out hosts are left, or all others wait for one. They are read again while the run waits
 * for something else, and once more before its end.
 */
export function leaveLockedOut(view: View): Decision | undefined {
  const { state, context, now } = view;
  const leader = leaderOf(state);
  const isLed = leader?.lockOut?.turn === 'never' && leader.status !== 'running';
  const isLeft =
    state.lockedOut !== undefined && state.planned === undefined && state.waiting === undefined;
  if (!isLed && !isLeft) return undefined;
  const text = isLed
    ? `${leader.host} does the tasks that run once before all others, and is kept out: ${leader.lockOut.why}`
    : `kept out: ${lockedOutText(state)}`;
  const unstarted = isLed ? 'prelude' : undefined;
  const why: Why = { rule: 'locked_out', text };
  if (context.capacitySource !== true)
    return isActive(view) ? wait(view, [why]) : finish(view, unstarted, why.text);
  const waits = isActive(view) || context.wait === true;
  const { at, seq } = state.capacityRead ?? { at: Number.NEGATIVE_INFINITY, seq: 0 };
  if (waits ? now >= at + readingAge : seq < state.lastSeq) return readsCapacity(view);
  return waits ? wait(view, [why], at + readingAge) : finish(view, unstarted, why.text);
}
