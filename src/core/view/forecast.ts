// When a run ends: it is simulated from its state several times, and its hosts take the time that
// the hosts before them took.
import type { Rollout } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import { type Simulation, simulate } from '../decide/simulate.ts';
import { numbersFrom } from '../plan/order.ts';
import { hostState, hostStates, type RunState } from '../run-state/state.ts';
import { horizon, promoting } from './curve.ts';
import { decisionOf } from './head.ts';
import type { Forecast } from './model.ts';
import { waitsForPromotion } from './needs.ts';
import { samplerOf, type Walk, walksOf } from './walks.ts';

/**
 * The range is that of so many draws, without the latest where there are enough of them, and a
 * little more of what is left.
 */
const draws = { most: 15, enough: 12, fewest: 8 };
const margin = 0.05;
/** Hosts that are simulated for a forecast, one to two seconds of work: more of them, fewer draws. */
const affordable = 30_000;

/**
 * The end of a run that goes on; undefined when it is over or has not begun. The same state and
 * time give the same forecast.
 */
export function forecastOf(state: RunState, now: number): Forecast | undefined {
  const { rollout, finished } = state;
  if (rollout === undefined || finished !== undefined) return undefined;
  const walks = walksOf(state, now);
  const ended = [...hostStates(state)].filter(({ endedAt }) => endedAt !== undefined).length;
  const wanted = Math.round(affordable / Math.max(1, state.hosts.length - ended));
  const length = Math.min(draws.most, Math.max(draws.fewest, wanted));
  const ends = Array.from({ length }, (_, draw) =>
    drawn(state, rollout, now, { walks, seed: `${state.run} ${now} ${draw}` }),
  );
  const left = ends.map(({ endAt }) => endAt - now).sort((a, b) => a - b);
  const stuck = ends.filter(({ exit }) => exit === undefined);
  const blocked = blockedBy(state) ?? (stuck.length > length / 2 ? stuck[0]?.why : undefined);
  return {
    at: now,
    from: Math.round(now + (left[0] ?? 0) * (1 - margin)),
    to: Math.round(now + (left.at(length < draws.enough ? -1 : -2) ?? 0) * (1 + margin)),
    ...present({ blocked }),
  };
}

function drawn(
  state: RunState,
  rollout: Rollout,
  now: number,
  { walks, seed }: { readonly walks: readonly Walk[]; readonly seed: string },
): Simulation {
  const random = numbersFrom(seed);
  const sample = samplerOf(walks, random);
  const { play, playbook, planId, pool, attended } = state;
  return simulate(
    {
      begin: {
        type: 'run.started',
        tool: '',
        who: '',
        hosts: [],
        leftOut: [],
        rollout: unbraked(promoting(rollout)),
        ...{ play, playbook, planId, pool, attended },
      },
      run: state.run,
      now,
      alive: true,
      context: { attended },
      horizon: now + horizon,
      outcome: (host, start) => {
        const seconds = Math.max(1, hostState(state, host)?.plan.estimate ?? 0);
        const { ratio, ...end } = sample(Math.max(0, now - start) / 1000 / seconds);
        return { seconds: seconds * ratio, ...end };
      },
    },
    going(state),
  );
}

/** Why no time brings the end: an operator, a gate or the cluster must. */
function blockedBy(state: RunState): string | undefined {
  const stopped = state.brake ?? state.paused ?? state.away;
  if (stopped !== undefined) return stopped.why;
  const shut = Object.entries(state.gates).find(([, { open }]) => !open);
  if (shut !== undefined) return `gate ${shut[0]} is closed: ${shut[1].read}`;
  const decision = decisionOf(state);
  if (decision?.kind === 'ask') return decision.question;
  return decision?.kind === 'wait' && waitsForPromotion(state, decision)
    ? 'the canary waits for its promotion'
    : undefined;
}

/** The run as if what blocks it ended now. */
function going(state: RunState): RunState {
  const { brake: _brake, paused, away: _away, failedCanary: _canary, ...rest } = state;
  return { ...rest, gates: {}, ...(paused?.forKept === true ? { paused } : {}) };
}

/** Whether the brake trips is not foreseen: one that has tripped would trip again at once. */
const unbraked = (rollout: Rollout): Rollout => ({
  ...rollout,
  brake: { ...rollout.brake, failures: all, perWave: all, perZone: all },
});
const all = { count: Number.MAX_SAFE_INTEGER };
