// Rules for windows: which host fits before they close, and when the next one can start.

import type { Rollout } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { candidate, candidateAnywhere } from '../rollout/budget.ts';
import type { Decision, View, Why } from '../rollout/decision.ts';
import { readingAge } from '../rollout/gate.ts';
import { nextFit, stretchAt } from '../rollout/window.ts';
import { first } from '../run-state/ranked.ts';
import type { HostState } from '../run-state/state.ts';
import { finish, isActive, wait } from './answer.ts';
import { watchGates } from './gates.ts';

/** `windows`, `freeze`: a host is started only if it is expected to be done before they close. */
export function waitForWindow(view: View): Decision | undefined {
  const { state, policy, now } = view;
  const stretch = stretchAt(policy, now);
  if (stretch.open && pick(view) !== undefined) return undefined;
  // Only a host that budget and zones let start can end the wait. A shorter one behind it cannot.
  const from = Math.max(now, stretch.until);
  const fits = candidateAnywhere(view, fitsLater(policy, from));
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
export function pick(view: View): HostState | undefined {
  const stretch = stretchAt(view.policy, view.now);
  if (!stretch.open) return undefined;
  if (stretch.until === Number.POSITIVE_INFINITY) return candidate(view);
  const seconds = (stretch.until - view.now) / 1000;
  if ((first(view.state.byEstimate)?.key ?? 0) > seconds) return undefined;
  return candidate(view, (host) => host.plan.estimate <= seconds);
}
