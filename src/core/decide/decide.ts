// Decide: what a run does next. A pure function made of small rules: the first rule that has an
// answer gives the decision.
import type { Rollout } from '../../model/playbook.ts';
import { shouldRelease, shouldTrip } from '../rollout/brake.ts';
import { slotsOf } from '../rollout/budget.ts';
import type { DecideContext, Decision, View } from '../rollout/decision.ts';
import { beginWave, replaceCanaries } from '../rollout/wave.ts';
import type { RunState } from '../run-state/state.ts';
import { at } from '../run-state/table.ts';
import { hostDeadline, hostSoak } from './answer.ts';
import { askRisk, askUnplannable } from './ask.ts';
import { finishWave } from './finish-wave.ts';
import { pick, waitForWindow } from './fit.ts';
import { waitForGates } from './gates.ts';
import { readCapacity, waitForOthers, waitForRoom, waitForSite, waitForSlot } from './room.ts';
import {
  endAborted,
  endAway,
  endBraked,
  endDone,
  endLeaderless,
  endOverdue,
  leaveLockedOut,
  stayPaused,
  waitForCluster,
  waitForPrelude,
} from './stop.ts';

/**
 * What to do next, from the state of the run, its policy and the time. The same input gives the
 * same decision. The caller carries it out, appends the event that records it, and asks again.
 * After `wait` it asks when an event arrives or the time has come.
 */
export function decide(
  state: RunState,
  policy: Rollout,
  now: number,
  context: DecideContext = {},
): Decision {
  const view: View = { state, policy, now, context };
  for (const rule of rules) {
    const decision = rule(view);
    if (decision !== undefined) return decision;
  }
  throw new Error('no rule had an answer');
}

type RuleOf = (view: View) => Decision | undefined;

const rules: readonly RuleOf[] = [
  notBegun,
  alreadyFinished,
  trip,
  release,
  expireHosts,
  endAway,
  repeatProofs,
  endAborted,
  endLeaderless,
  endBraked,
  endDone,
  askUnplannable,
  askRisk,
  stayPaused,
  endOverdue,
  waitForCluster,
  leaveLockedOut,
  beginWave,
  replaceCanaries,
  finishWave,
  waitForPrelude,
  waitForSlot,
  readCapacity,
  waitForOthers,
  waitForSite,
  waitForRoom,
  waitForWindow,
  waitForGates,
  start,
];

function notBegun({ state }: View): Decision | undefined {
  return state.begun ? undefined : { kind: 'wait', why: [] };
}

function alreadyFinished({ state }: View): Decision | undefined {
  return state.finished === undefined ? undefined : { kind: 'finish', ...state.finished };
}

/** Standing rule 1: one counter of failures, and no start once it is over its limit. */
function trip(view: View): Decision | undefined {
  const tripped = shouldTrip(view);
  return tripped === undefined ? undefined : { kind: 'trip', ...tripped };
}

/** Releases the brake when operators have acknowledged every failure that it counts. */
function release(view: View): Decision | undefined {
  const released = shouldRelease(view);
  return released === undefined ? undefined : { kind: 'release', ...released };
}

/** `deadline.host` */
function expireHosts(view: View): Decision | undefined {
  const due = hostDeadline(view);
  if (due === undefined || due.at > view.now) return undefined;
  return {
    kind: 'expire',
    host: due.host.host,
    why: `not done within ${view.policy.deadline.host} s`,
  };
}

/** `soak.host`: the proof is repeated when it ends; until then the host keeps its slot. */
function repeatProofs(view: View): Decision | undefined {
  const due = hostSoak(view);
  if (due === undefined || due.at > view.now) return undefined;
  return {
    kind: 'repeat_proof',
    host: due.host.host,
    why: `soaked for ${view.policy.soak.host} s`,
  };
}

function start(view: View): Decision | undefined {
  const host = pick(view);
  if (host === undefined) return undefined;
  const { state } = view;
  const zone = at(state.zones, host.zone).name;
  const why = [
    host.epilogue === 'owed' && host.status === 'done'
      ? 'once, after all others'
      : state.wave?.canary === true
        ? 'canary'
        : `wave ${state.wave?.number ?? 0}`,
    ...(host.prelude === 'owed' ? ['once, before all others'] : []),
    host.lockOut !== undefined
      ? `cordoned by somebody else: after all others`
      : host.down || host.missing
        ? 'out of service already'
        : `slot ${state.held + 1} of ${slotsOf(view)}`,
    ...(zone === '' ? [] : [`zone ${zone}`]),
  ];
  return { kind: 'start', host: host.host, why: why.join(', ') };
}
