// May the walk of a running host continue, or must it stop in the next safe state?
import type { Rollout } from '../../model/playbook.ts';
import type { RunState } from '../run-state/state.ts';
import { isBraked } from './brake.ts';
import type { DecideContext, View } from './decision.ts';
import { stretchAt } from './window.ts';

/** Why a running host must stop in its next safe state; undefined = it continues. */
export function whyStop(
  state: RunState,
  policy: Rollout,
  now: number,
  context: DecideContext = {},
): string | undefined {
  const view: View = { state, policy, now, context };
  if (state.aborted !== undefined) return `aborted by ${state.aborted.who}`;
  if (policy.onBrake === 'hold' && isBraked(view)) return 'the brake tripped (on_brake: hold)';
  if (policy.onWindowEnd === 'hold' && !stretchAt(policy, now).open)
    return 'the window is over (on_window_end: hold)';
  return undefined;
}

/**
 * Asked in every safe state of a host's walk: before a drain, before a reboot, before the next
 * task.
 */
export const mayContinue = (
  state: RunState,
  policy: Rollout,
  now: number,
  _host: string,
): 'go' | 'hold' => (whyStop(state, policy, now) === undefined ? 'go' : 'hold');
