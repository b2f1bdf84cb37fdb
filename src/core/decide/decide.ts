// Decide: what a run does next. A pure function made of small rules: the first rule that has an
// answer gives the decision.

import type { Rollout } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { higherRisk } from '../../model/run/risk.ts';
import { failedElsewhere, shouldRelease, shouldTrip } from '../rollout/brake.ts';
import { blockedByKept, candidate, slotsOf, whyNoSlot } from '../rollout/budget.ts';
import {
  type DecideContext,
  type Decision,
  isAttended,
  type View,
  type Why,
} from '../rollout/decision.ts';
import { runExit, type Unstarted } from '../rollout/exit.ts';
import { gatesHold, gatesToWatch, readingAge } from '../rollout/gate.ts';
import { beginWave, replaceCanaries, soakWave } from '../rollout/wave.ts';
import { nextFit, stretchAt } from '../rollout/window.ts';
import { lockedOutText } from '../run-state/lock-out.ts';
import { first, inOrder, type Ranked, sizeOf } from '../run-state/ranked.ts';
import {
  awayUntil,
  clusterDeadline,
  type HostState,
  hostAt,
  nameSome,
  type RunState,
} from '../run-state/state.ts';
import { at } from '../run-state/table.ts';

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
  waitForSlot,
  readCapacity,
  waitForOthers,
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

function hostDeadline(view: View): { readonly at: number; readonly host: HostState } | undefined {
  const seconds = view.policy.deadline.host;
  const host = seconds === undefined ? undefined : firstIdle(view, view.state.running);
  if (seconds === undefined || host === undefined) return undefined;
  const { state, now } = view;
  return {
    at: Math.max(host.startedAt ?? 0, state.activeSince) + seconds * 1000 + awayUntil(state, now),
    host,
  };
}

/**
 * `deadline.cluster`: ends the run when no host is under way. A resume repeats the proof of hosts
 * that soaked.
 */
function endAway(view: View): Decision | undefined {
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
function waitForCluster(view: View): Decision | undefined {
  const { away } = view.state;
  return away === undefined
    ? undefined
    : wait(view, [{ rule: 'cluster', text: `the cluster is away: ${away.why}` }], awayEnds(view));
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

function hostSoak(view: View): { readonly at: number; readonly host: HostState } | undefined {
  const host = firstIdle(view, view.state.soaking);
  return host === undefined
    ? undefined
    : { at: (host.doneAt ?? 0) + view.policy.soak.host * 1000, host };
}

function firstIdle(view: View, set: Ranked): HostState | undefined {
  for (const index of inOrder(set)) {
    const host = hostAt(view.state, index);
    if (view.context.busy?.has(host.host) !== true) return host;
  }
  return undefined;
}

/** An aborted run waits only until its running hosts have reached a safe state. */
function endAborted(view: View): Decision | undefined {
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
function endBraked(view: View): Decision | undefined {
  const { brake } = view.state;
  if (brake === undefined) return undefined;
  return isActive(view)
    ? wait(view, [{ rule: 'brake', text: brake.why }])
    : finish(view, 'brake', brake.why);
}

function endDone(view: View): Decision | undefined {
  const { state } = view;
  // A host whose lock-out ends later still waits for the soak of the wave before it and for the
  // promotion of its canary.
  if (state.planned !== undefined || state.waiting !== undefined || state.lockedOut !== undefined)
    return undefined;
  if (isActive(view)) return wait(view, [{ rule: 'running', text: 'all hosts are started' }]);
  return state.wave === undefined
    ? finish(view)
    : { kind: 'end_wave', wave: state.wave.number, why: 'nothing is left to start' };
}

/**
 * `unplannable`: the run leaves out hosts without a plan only if the policy or an operator says so.
 */
function askUnplannable(view: View): Decision | undefined {
  const { state, policy } = view;
  const count = state.leftOut.length + state.refused;
  if (
    count === 0 ||
    state.started > 0 ||
    policy.unplannable === 'leave_out' ||
    state.unplannableAccepted
  )
    return undefined;
  const text = `${count} ${count === 1 ? 'host' : 'hosts'} cannot be planned for`;
  if (policy.unplannable === 'ask' && isAttended(view)) {
    return {
      kind: 'ask',
      about: 'unplannable',
      risk: state.risk,
      question: `${text}. Go on without?`,
    };
  }
  return finish(view, 'unplannable', `${text} (unplannable: ${policy.unplannable})`);
}

/** `approve`: from this risk on an operator must approve the run. */
function askRisk(view: View): Decision | undefined {
  const { state, policy } = view;
  if (policy.approve === 'never' || higherRisk(policy.approve, state.risk)) return undefined;
  if (state.approved !== undefined && !higherRisk(state.risk, state.approved)) return undefined;
  const question = `This run may ${state.risk === 'evict' ? 'evict pods' : state.risk} on ${sizeOf(state.planned) + sizeOf(state.lockedOut)} hosts. Go on?`;
  if (isAttended(view)) return { kind: 'ask', about: 'risk', risk: state.risk, question };
  return finish(
    view,
    'approval',
    `the risk ${state.risk} is not approved (approve: ${policy.approve})`,
  );
}

function stayPaused(view: View): Decision | undefined {
  const { paused } = view.state;
  if (paused === undefined) return undefined;
  return wait(view, [{ rule: 'paused', text: `paused by ${paused.who}: ${paused.why}` }]);
}

/** `deadline.run` */
function endOverdue(view: View): Decision | undefined {
  const { state, policy, now } = view;
  if (policy.deadline.run === undefined || now < state.activeSince + policy.deadline.run * 1000)
    return undefined;
  const text = `the run's deadline of ${policy.deadline.run} s is over`;
  return isActive(view) ? wait(view, [{ rule: 'deadline', text }]) : finish(view, 'deadline', text);
}

/**
 * Only locked-out hosts are left. They are read again while the run waits for something else, and
 * once more before its end.
 */
function leaveLockedOut(view: View): Decision | undefined {
  const { state, context, now } = view;
  if (state.lockedOut === undefined || state.planned !== undefined || state.waiting !== undefined)
    return undefined;
  const why: Why = { rule: 'locked_out', text: `kept out: ${lockedOutText(state)}` };
  if (context.capacitySource !== true)
    return isActive(view) ? wait(view, [why]) : finish(view, undefined, why.text);
  const waits = isActive(view) || context.wait === true;
  const { at, seq } = state.capacityRead ?? { at: Number.NEGATIVE_INFINITY, seq: 0 };
  if (waits ? now >= at + readingAge : seq < state.lastSeq) return readsCapacity(view);
  return waits ? wait(view, [why], at + readingAge) : finish(view, undefined, why.text);
}

/**
 * Ends a wave when all its hosts have ended, soaked and proven themselves again. A canary is
 * promoted first.
 */
function finishWave(view: View): Decision | undefined {
  const { state } = view;
  const wave = state.wave;
  if (wave === undefined || state.waiting !== undefined) return undefined;
  const rule = wave.canary ? 'canary' : 'wave';
  if (wave.open > 0)
    return wait(view, [
      { rule, text: `${wave.canary ? 'the canary' : `wave ${wave.number}`} is not done` },
    ]);
  const soak = soakWave(view, wave);
  if (soak !== undefined) return 'kind' in soak ? soak : wait(view, [soak]);
  if (wave.canary && state.canary.promoted === undefined) return promote(view);
  return { kind: 'end_wave', wave: wave.number, why: 'all of it have ended' };
}

/**
 * `canary.promote`: by the policy or by an operator, and only with open gates. The soak is over
 * already.
 */
function promote(view: View): Decision {
  const shut = waitForGates(view);
  if (shut !== undefined) return shut;
  if (view.policy.canary?.promote === 'manual') {
    return wait(view, [
      { rule: 'canary', text: `the canary is done; go on with: kmend promote ${view.state.run}` },
    ]);
  }
  const soak = view.policy.canary?.soak ?? 0;
  const gates = view.policy.gates.map(
    (gate) => `${gate.name}: ${view.state.gates[gate.name]?.read ?? ''}`,
  );
  const why = [`all canary hosts are done and soaked ${soak} s`, ...gates].join('; ');
  return { kind: 'promote', by: 'policy', why };
}

/** `max_unavailable`, as far as hosts of this run take the slots. */
function waitForSlot(view: View): Decision | undefined {
  const { state } = view;
  if (state.held < slotsOf(view)) return undefined;
  return isActive(view) ? watchGates(view, whyNoSlot(view)) : noRoom(view);
}

function readCapacity(view: View): Decision | undefined {
  const { state, context, now } = view;
  const last = state.capacityRead;
  const fresh = last !== undefined && last.seq > state.lastStartSeq && now - last.at < readingAge;
  // Slots of other runs are read with every claim of a slot. Here they are read only to see whether
  // they have become free.
  const due =
    (context.capacitySource === true && !fresh) ||
    (slotsReadAgain(view) ?? Number.POSITIVE_INFINITY) <= now;
  // A reading that began before a start does not cover the next one, so no host is started while it
  // lasts.
  return due || context.readingCapacity === true ? readsCapacity(view) : undefined;
}

const readsCapacity = (view: View): Decision =>
  view.context.readingCapacity === true
    ? wait(view, [{ rule: 'capacity', text: 'the capacity of the pool is being read' }])
    : { kind: 'read_capacity', why: 'before a start' };

/**
 * Milliseconds for which a reading of the slots of other runs is valid. It is a read of the local
 * disk.
 */
const slotsAge = 2000;

/** When to read the slots of other runs again, if there are any. */
const slotsReadAgain = ({ state, context }: View): number | undefined =>
  state.others.length === 0 || context.slotsReadAt === undefined
    ? undefined
    : context.slotsReadAt + slotsAge;

/**
 * The brake also counts hosts that failed in other runs of this play, until operators acknowledge
 * them in those runs.
 */
function waitForOthers(view: View): Decision | undefined {
  const why = failedElsewhere(view);
  const next = pick(view);
  // A host that is already out of service and that this run walks next adds no further one.
  if (why === undefined || next?.missing === true) return undefined;
  const one: Why = { rule: 'brake', text: why };
  if (isActive(view)) return watchGates(view, one);
  const until = slotsReadAgain(view);
  return view.context.wait === true && until !== undefined
    ? wait(view, [one], until)
    : finish(view, 'brake', why);
}

/**
 * `max_unavailable` with hosts that are missing or out of service in other runs, `zone`,
 * `max_zones`, `max_per_zone`.
 */
function waitForRoom(view: View): Decision | undefined {
  if (candidate(view) !== undefined) return undefined;
  return isActive(view) ? watchGates(view, whyNoSlot(view)) : noRoom(view);
}

/**
 * No host runs and none may be started: an operator must free kept slots, or capacity must return.
 */
function noRoom(view: View): Decision {
  const { state, context } = view;
  const why = whyNoSlot(view);
  if (blockedByKept(view)) {
    const text = `slots are kept by failed hosts (${nameSome(state, state.kept)}); check them, then: kmend resume ${state.run} --retry all (or --skip all, --done all)`;
    if (!isAttended(view)) return finish(view, 'kept', text);
    return {
      kind: 'pause',
      why: text,
      hosts: [...inOrder(state.kept)].map((index) => hostAt(state, index).host),
    };
  }
  // Without a source to read again, no event would ever report that capacity has returned.
  const capacity =
    context.capacitySource === true
      ? (state.capacityRead?.at ?? view.now) + readingAge
      : Number.POSITIVE_INFINITY;
  const until = Math.min(capacity, slotsReadAgain(view) ?? Number.POSITIVE_INFINITY);
  return context.wait === true && Number.isFinite(until)
    ? wait(view, [why], until)
    : finish(view, 'capacity', why.text);
}

/** `windows`, `freeze`: a host is started only if it is expected to be done before they close. */
function waitForWindow(view: View): Decision | undefined {
  const { state, policy, now } = view;
  const stretch = stretchAt(policy, now);
  if (stretch.open && pick(view) !== undefined) return undefined;
  // Only a host that budget and zones let start can end the wait. A shorter one behind it cannot.
  const from = Math.max(now, stretch.until);
  const fits = candidate(view, fitsLater(policy, from));
  const host = fits ?? candidate(view);
  const text =
    stretch.open && host !== undefined
      ? `the window closes in ${Math.floor((stretch.until - now) / 1000)} s, and ${host.host} is expected to take ${host.plan.estimate} s`
      : stretch.open
        ? 'no host fits into the window'
        : stretch.why;
  if (!isActive(view) && (view.context.wait !== true || fits === undefined)) {
    return finish(
      view,
      'window',
      fits === undefined ? `${text}; no window is ever long enough` : text,
    );
  }
  const opens =
    fits === undefined
      ? undefined
      : nextFit(policy, from, (first(state.byEstimate)?.key ?? 0) + startSlack);
  const why: Why = {
    rule: stretch.open ? 'window' : stretch.rule,
    text,
    ...present({ until: opens }),
  };
  return opens === undefined ? wait(view, [why]) : beforeWindow(view, why, opens);
}

/**
 * Seconds that a window must last longer than a host takes: gates and capacity are read first, and
 * clocks are not exact.
 */
const startSlack = readingAge / 1000;

/** Reads gates with `for` before the window opens: otherwise their time would pass within it. */
function beforeWindow(view: View, why: Why, opens: number): Decision {
  const hold = Math.max(0, ...view.policy.gates.map((gate) => gate.for));
  const lead = hold === 0 ? opens : opens - hold * 1000 - readingAge;
  return lead > view.now || hold === 0
    ? wait(view, [{ ...why, until: lead }])
    : watchGates(view, why);
}

/**
 * Will any window from then on be long enough for this host? An estimate that is too long for all
 * of them is remembered.
 */
function fitsLater(policy: Rollout, from: number): (host: HostState) => boolean {
  let tooLong = Number.POSITIVE_INFINITY;
  return ({ plan }) => {
    if (plan.estimate >= tooLong) return false;
    const fits = nextFit(policy, from, plan.estimate + startSlack) !== undefined;
    if (!fits) tooLong = plan.estimate;
    return fits;
  };
}

/**
 * The host to start now: the first one that budget and zones allow and that fits into the window.
 */
function pick(view: View): HostState | undefined {
  const stretch = stretchAt(view.policy, view.now);
  if (!stretch.open) return undefined;
  if (stretch.until === Number.POSITIVE_INFINITY) return candidate(view);
  const seconds = (stretch.until - view.now) / 1000;
  if ((first(view.state.byEstimate)?.key ?? 0) > seconds) return undefined;
  return candidate(view, (host) => host.plan.estimate <= seconds);
}

/** `gates` */
function waitForGates(view: View): Decision | undefined {
  const answer = gatesHold(view);
  switch (answer.kind) {
    case 'open':
      return undefined;
    case 'read':
      return readGates(view, answer.gates, 'before a start');
    case 'shut': {
      const text = answer.why.map((why) => why.text).join('; ');
      if (answer.closed && !isActive(view) && view.context.wait !== true)
        return finish(view, 'gate', text);
      return wait(
        view,
        answer.why,
        Math.min(...answer.why.map((why) => why.until ?? Number.POSITIVE_INFINITY)),
      );
    }
  }
}

function readGates(view: View, gates: readonly string[], why: string): Decision {
  if (view.context.readingGates === true)
    return wait(view, [{ rule: 'gate', text: `reading ${gates.join(', ')}` }]);
  return { kind: 'read_gates', gates, why };
}

/** Waits, and meanwhile keeps reading gates with `for`. */
function watchGates(view: View, why: Why): Decision {
  const { due, next } = gatesToWatch(view);
  return due.length > 0 && view.context.readingGates !== true
    ? readGates(view, due, 'they must hold without a break')
    : wait(view, [why], next);
}

function start(view: View): Decision | undefined {
  const host = pick(view);
  if (host === undefined) return undefined;
  const { state } = view;
  const zone = at(state.zones, host.zone).name;
  const why = [
    state.wave?.canary === true ? 'canary' : `wave ${state.wave?.number ?? 0}`,
    host.lockOut !== undefined
      ? `cordoned by somebody else: after all others`
      : host.down || host.missing
        ? 'out of service already'
        : `slot ${state.held + 1} of ${slotsOf(view)}`,
    ...(zone === '' ? [] : [`zone ${zone}`]),
  ];
  return { kind: 'start', host: host.host, why: why.join(', ') };
}

const isActive = ({ state }: View): boolean =>
  state.running !== undefined || state.soaking !== undefined;

/** Waits for an event, at most until the next soak or deadline ends. */
function wait(view: View, why: readonly Why[], until: number | undefined = undefined): Decision {
  const times = [until, ...why.map((one) => one.until), hostSoak(view)?.at, hostDeadline(view)?.at];
  const next = Math.min(
    ...times.filter((time) => time !== undefined).filter((time) => time > view.now),
  );
  return { kind: 'wait', why, ...(Number.isFinite(next) ? { until: next } : {}) };
}

function finish({ state }: View, unstarted?: Unstarted, text?: string): Decision {
  const { exit, why } = runExit(state, unstarted);
  return { kind: 'finish', exit, why: text === undefined ? why : `${why}: ${text}` };
}
