// Drift: does a saved plan still fit its host? Compares it with a fresh plan, and with the facts
// that the saved plan read.
import type { HostPlan, PlannedChange, TaskPlan } from '../../model/run/plan.ts';

import { higherRisk } from '../../model/run/risk.ts';
import { type Mapping, sameValue, type Value } from '../../model/value.ts';
import { isFileHere } from './task/delegate.ts';
import { isOwner } from './task/once.ts';

export type Drift =
  | { readonly kind: 'same' }
  /** Nothing is left to do: the host needs no slot. */
  | { readonly kind: 'already_remediated'; readonly differences: readonly string[] }
  /**
   * What is left is a part of the saved plan, with no higher risk: the host is walked, and the
   * differences are journalled.
   */
  | { readonly kind: 'subset'; readonly differences: readonly string[] }
  /** Anything else: the host stays untouched. */
  | { readonly kind: 'drift'; readonly what: readonly string[] };

/**
 * Compares the saved plan of a host with a fresh one, by names, because another version of kmend
 * may read other facts. Of the current `facts` only those count that the saved plan read. With
 * `strict` every difference is drift.
 */
export function driftOf(
  saved: HostPlan,
  fresh: HostPlan,
  facts: Mapping,
  options: { readonly strict?: boolean } = {},
): Drift {
  const differences = factDifferences(saved, facts);
  const left = changing(fresh);
  if (fresh.refused !== undefined)
    return {
      kind: 'drift',
      what: [`it must not be touched now: ${fresh.refused.why}`, ...differences],
    };
  const beyond = left.flatMap((task) => beyondSaved(task, saved));
  if (higherRisk(fresh.risk, saved.risk))
    beyond.push(`the risk is ${fresh.risk} now, it was ${saved.risk}`);
  beyond.push(...unaccepted(saved, fresh));
  if (beyond.length > 0) return { kind: 'drift', what: [...beyond, ...differences] };
  const all = [...differences, ...gone(saved, fresh)];
  if (all.length > 0 && options.strict === true) return { kind: 'drift', what: all };
  if (left.length === 0 && changing(saved).some((task) => !isReading(task)))
    return { kind: 'already_remediated', differences: all };
  return all.length === 0 ? { kind: 'same' } : { kind: 'subset', differences: all };
}

/**
 * Is nothing left to do on a host that the saved plan would have changed, and is it still the same
 * node? Not of the host that does the tasks with `run_once`: the others wait for it.
 */
export const isRemediated = (saved: HostPlan, fresh: HostPlan): boolean =>
  changing(saved).length > 0 &&
  !isOwner(saved) &&
  fresh.refused === undefined &&
  changing(fresh).length === 0 &&
  fresh.node === saved.node;

const changing = (plan: HostPlan): TaskPlan[] =>
  plan.tasks.filter(
    (task) => task.status === 'change' || task.status === 'later' || task.status === 'unmet',
  );

/**
 * A task planned as `later` without any risk changes nothing: a read-only command, or an assertion
 * about one.
 */
const isReading = (task: TaskPlan): boolean => task.status === 'later' && task.risk === 'none';

const text = (value: Value | undefined): string =>
  value === undefined ? 'not there' : typeof value === 'string' ? value : JSON.stringify(value);

/** Short enough for one line on the screen. A file of the host is not. */
const isWhole = (value: string): boolean => value.length <= 160 && !value.includes('\n');

function factDifferences(saved: HostPlan, read: Mapping): string[] {
  return Object.entries(saved.reads).flatMap(([name, before]) => {
    const now = Object.hasOwn(read, name) ? read[name] : undefined;
    if (sameValue(before, now)) return [];
    const [was, is] = [text(before), text(now)];
    return [isWhole(was) && isWhole(is) ? `${name} was ${was}, is ${is}` : `${name} has changed`];
  });
}

/** Programs that would still account now, and that the saved plan did not accept. */
const unaccepted = (
  { accepts: before = [] }: HostPlan,
  { accepts: now = [] }: HostPlan,
): string[] =>
  now
    .filter(({ key, name }) => !before.some((other) => other.key === key && other.name === name))
    .map(({ name }) => `${name} would still account: not accepted`);

/** Does it lead to the same, wherever it begins? */
export const sameChange = (
  a: Pick<PlannedChange, 'sign' | 'what' | 'after'>,
  b: Pick<PlannedChange, 'sign' | 'what' | 'after'>,
): boolean => a.sign === b.sign && a.what === b.what && a.after === b.after;

/**
 * A reboot for fewer reasons is part of the plan: for example, no kernel needs to be installed any
 * more.
 */
function isSmallerReboot(task: TaskPlan, now: PlannedChange, planned: PlannedChange): boolean {
  if (task.module !== 'reboot' || now.what !== planned.what || now.after === undefined)
    return false;
  const reasons = planned.after?.split('; ') ?? [];
  return now.after.split('; ').every((reason) => reasons.includes(reason));
}

/**
 * What a fresh task would do beyond the saved plan. A task saved as `later` may do what its risk
 * allows.
 */
function beyondSaved(all: TaskPlan, saved: HostPlan): string[] {
  const task = { ...all, changes: all.changes.filter((change) => !isFileHere(change)) };
  // Another host of the run may have changed a file of this machine: that is no drift of this one.
  if (all.status === 'change' && task.changes.length === 0) return [];
  const before = saved.tasks.find((other) => other.id === task.id && other.module === task.module);
  const allowed = before !== undefined && before.status !== 'same' && before.status !== 'skip';
  if (task.status === 'unmet')
    return before?.status === 'unmet'
      ? []
      : [`${task.name}: ${task.why ?? 'its condition is not met'}`];
  if (before === undefined || !allowed)
    return [`${task.name} was not to change anything, now: ${changeText(task)}`];
  if (higherRisk(task.risk, before.risk))
    return [`${task.name}: the risk is ${task.risk} now, it was ${before.risk}`];
  if (before.status === 'later') return [];
  if (task.status === 'later')
    return [`${task.name}: what it will do is not known now (${task.why ?? 'a fact is unknown'})`];
  return task.changes
    .filter(
      (change) =>
        !before.changes.some(
          (other) => sameChange(change, other) || isSmallerReboot(task, change, other),
        ),
    )
    .map((change) => `${task.name}: ${oneChange(change)} was not planned`);
}

/** What was planned and is no longer needed, or begins from another value. */
function gone(saved: HostPlan, fresh: HostPlan): string[] {
  return changing(saved).flatMap((task) => {
    const now = fresh.tasks.find((other) => other.id === task.id);
    if (now === undefined || now.status === 'same' || now.status === 'skip')
      return isReading(task) ? [] : [`${task.name} is not needed any more`];
    return task.changes
      .filter(
        (change) =>
          !now.changes.some((other) => sameChange(change, other) && change.before === other.before),
      )
      .map((change) => `${task.name}: ${oneChange(change)} is not as planned`);
  });
}

const oneChange = (change: PlannedChange): string =>
  `${change.sign} ${change.what}${change.before === undefined ? '' : ` from ${change.before}`}${change.after === undefined ? '' : ` to ${change.after}`}`;

const changeText = (task: TaskPlan): string =>
  task.changes.map(oneChange).join(', ') || (task.why ?? 'not known');
