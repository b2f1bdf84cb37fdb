// Why a host waits: one sentence for each host that is not started yet.
import type { Rollout } from '../../model/playbook.ts';
import { plural } from '../../model/text/plural.ts';
import { zoneRoom } from '../rollout/budget.ts';
import { needsCanary } from '../rollout/canary.ts';
import type { DecideContext, View, Why } from '../rollout/decision.ts';
import { hostState, type RunState } from '../run-state/state.ts';
import { decide } from './decide.ts';

/**
 * Returns a function that says why a host is not started now. It returns undefined for hosts that
 * do not wait, and for the next one.
 */
export function whyWaits(
  state: RunState,
  policy: Rollout,
  now: number,
  context: DecideContext = {},
): (host: string) => Why | undefined {
  const view: View = { state, policy, now, context };
  const decision = decide(state, policy, now, context);
  const stopped =
    state.brake !== undefined || state.paused !== undefined || state.aborted !== undefined;
  const whole = decision.kind === 'wait' ? decision.why[0] : undefined;
  return (name) => {
    const host = hostState(state, name);
    if (host?.status !== 'planned' && host?.status !== 'waiting') return undefined;
    if (stopped && whole !== undefined) return whole;
    if (host.lockOut?.turn === 'never') return { rule: 'locked_out', text: host.lockOut.why };
    if (host.status === 'planned') return outsideWave(view);
    return (
      zoneRoom(view, host) ??
      whole ??
      (decision.kind === 'start' && decision.host === name ? undefined : behind(view))
    );
  };
}

function outsideWave(view: View): Why {
  if (needsCanary(view)) return { rule: 'canary', text: 'the canary goes first' };
  const wave = view.state.wave;
  return {
    rule: 'wave',
    text: wave === undefined ? 'its wave has not begun' : `wave ${wave.number} goes first`,
  };
}

const behind = (view: View): Why => ({
  rule: 'budget',
  text: `${plural(view.state.held, 'slot is', 'slots are')} taken, others are next in the order of work`,
});
