// Rules for slots and capacity: how many hosts may be out of service, in this run and in others.

import { failedElsewhere } from '../rollout/brake.ts';
import {
  blockedByKept,
  candidate,
  candidateAnywhere,
  slotsOf,
  whyNoSlot,
} from '../rollout/budget.ts';
import { type Decision, isAttended, type View, type Why } from '../rollout/decision.ts';
import { readingAge } from '../rollout/gate.ts';
import { inOrder } from '../run-state/ranked.ts';
import { hostAt, nameSome } from '../run-state/state.ts';
import { finish, isActive, wait } from './answer.ts';
import { pick } from './fit.ts';
import { watchGates } from './gates.ts';

/** `max_unavailable`, as far as hosts of this run take the slots. */
export function waitForSlot(view: View): Decision | undefined {
  const { state } = view;
  if (state.held < slotsOf(view)) return undefined;
  return isActive(view) ? watchGates(view, whyNoSlot(view)) : noRoom(view);
}

export function readCapacity(view: View): Decision | undefined {
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

export const readsCapacity = (view: View): Decision =>
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
export function waitForOthers(view: View): Decision | undefined {
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
 * Only hosts of sites without a ready worker could be started. Their workers may come back, so the
 * run waits for them.
 */
export function waitForSite(view: View): Decision | undefined {
  if (candidate(view) !== undefined || candidateAnywhere(view) === undefined) return undefined;
  const text = view.context.whyNoWorker ?? 'no worker of their sites is ready';
  return watchGates(view, { rule: 'site', text });
}

/**
 * `max_unavailable` with hosts that are missing or out of service in other runs, `zone`,
 * `max_zones`, `max_per_zone`.
 */
export function waitForRoom(view: View): Decision | undefined {
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
