// The answers of rules: wait until the next soak or deadline ends, or finish the run.

import type { Decision, View, Why } from '../rollout/decision.ts';
import { runExit, type Unstarted } from '../rollout/exit.ts';
import { unclosed } from '../run-state/once.ts';
import { inOrder, type Ranked } from '../run-state/ranked.ts';
import { awayUntil, type HostState, hostAt } from '../run-state/state.ts';

export const isActive = ({ state }: View): boolean =>
  state.running !== undefined || state.soaking !== undefined;

/** Waits for an event, at most until the next soak or deadline ends. */
export function wait(
  view: View,
  why: readonly Why[],
  until: number | undefined = undefined,
): Decision {
  const times = [until, ...why.map((one) => one.until), hostSoak(view)?.at, hostDeadline(view)?.at];
  const next = Math.min(
    ...times.filter((time) => time !== undefined).filter((time) => time > view.now),
  );
  return { kind: 'wait', why, ...(Number.isFinite(next) ? { until: next } : {}) };
}

export function finish({ state }: View, unstarted?: Unstarted, text?: string): Decision {
  const { exit, why } = runExit(state, unstarted);
  const closer = unclosed(state);
  const open =
    closer === undefined
      ? ''
      : `; not done: the tasks that run once after all others, on ${closer.host}`;
  return { kind: 'finish', exit, why: why + (text === undefined ? '' : `: ${text}`) + open };
}

export function hostSoak(
  view: View,
): { readonly at: number; readonly host: HostState } | undefined {
  const host = firstIdle(view, view.state.soaking);
  return host === undefined
    ? undefined
    : { at: (host.doneAt ?? 0) + view.policy.soak.host * 1000, host };
}

export function hostDeadline(
  view: View,
): { readonly at: number; readonly host: HostState } | undefined {
  const seconds = view.policy.deadline.host;
  if (seconds === undefined) return undefined;
  const { state, now, context } = view;
  const unattended = context.unattendedFor ?? none;
  const dueAt = (host: HostState): number =>
    Math.max(host.startedAt ?? 0, state.activeSince) +
    seconds * 1000 +
    awayUntil(state, now) +
    (unattended.get(host.host) ?? 0);
  let due: { readonly at: number; readonly host: HostState } | undefined;
  for (const host of idle(view, state.running)) {
    const at = dueAt(host);
    if (due === undefined || at < due.at) due = { at, host };
    // They are in the order of their starts.
    if (unattended.size === 0) break;
  }
  return due;
}

const none: ReadonlyMap<string, number> = new Map();

const firstIdle = (view: View, set: Ranked): HostState | undefined => idle(view, set).next().value;

function* idle(view: View, set: Ranked): Generator<HostState, undefined> {
  for (const index of inOrder(set)) {
    const host = hostAt(view.state, index);
    if (view.context.busy?.has(host.host) !== true) yield host;
  }
  return undefined;
}
