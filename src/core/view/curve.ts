// The curve of a run as it was planned: how many hosts are done at which time.
import type { Rollout } from '../../model/playbook.ts';
import type { Event, EventOf } from '../../model/run/event.ts';
import { simulate } from '../decide/simulate.ts';
import { hostState } from '../run-state/state.ts';
import type { Point } from './model.ts';

/** More points than a screen has columns say nothing. */
const mostPoints = 300;

/** A simulation ends there, whatever the policy waits for. */
export const horizon = 30 * 86_400_000;

/**
 * Simulates a run from its first entry: each host takes its estimate, gates are open, and operators
 * answer at once. For 6,000 hosts it takes about a second.
 */
export function plannedCurve(started: Event & EventOf<'run.started'>): readonly Point[] {
  const points: Point[] = [];
  const done = new Set<string>();
  simulate({
    begin: { ...started, rollout: promoting(started.rollout) },
    run: started.run,
    now: started.at,
    context: { attended: true },
    horizon: started.at + horizon,
    onEvent: (event, state) => {
      if (event.type !== 'host.done' && event.type !== 'host.soaked') return;
      const { host, at } = event;
      if (done.has(host) || hostState(state, host)?.status !== 'done') return;
      points.push({ at, done: done.add(host).size });
    },
  });
  const step = Math.max(1, Math.ceil(points.length / mostPoints));
  return points.filter((_, index) => (points.length - 1 - index) % step === 0);
}

/** The policy as if the canary were promoted at once: when an operator does that is not known. */
export const promoting = (rollout: Rollout): Rollout =>
  rollout.canary === undefined
    ? rollout
    : { ...rollout, canary: { ...rollout.canary, promote: 'auto' } };
