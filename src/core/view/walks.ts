// How long the walks of a run took, against their estimates, and how they ended: what its next
// hosts are expected to do.
import { present } from '../../model/present.ts';
import type { Failure } from '../../model/run/failure.ts';
import type { Outcome } from '../decide/simulate.ts';
import { type HostState, hostStates, type RunState } from '../run-state/state.ts';

/** A walk that ended, or that has gone on for so long. */
export interface Walk {
  /** Its time in parts of its estimate. */
  readonly ratio: number;
  readonly weight: number;
  /** Absent: it goes on. */
  readonly end?: Outcome['end'];
  readonly touched?: boolean;
  /** The proof at the end of the soak failed. */
  readonly lateFailure?: Failure;
}

/**
 * What is believed before any host has ended: estimates are wrong by up to a factor of two, and few
 * hosts fail.
 */
const beforehand: readonly Walk[] = [
  { ratio: 0.7, weight: 0.6, end: 'done' },
  { ratio: 1, weight: 0.6, end: 'done' },
  { ratio: 1.4, weight: 0.6, end: 'done' },
  { ratio: 1, weight: 0.3, end: { kind: 'timeout', message: 'expected' } },
];

/** The walks of a run until now. */
export function walksOf(state: RunState, now: number): readonly Walk[] {
  const walks = [...hostStates(state)].flatMap((host) => walkOf(host, state, now));
  return walks;
}

function walkOf(host: HostState, state: RunState, now: number): readonly Walk[] {
  const { startedAt: from, doneAt = 0, endedAt = 0, status, failure } = host;
  const to = status === 'running' ? now : Math.max(doneAt, endedAt);
  // The time without a controller says nothing.
  const isInterrupted =
    state.activeSince > state.startedAt &&
    (from ?? 0) < state.activeSince &&
    to > state.activeSince;
  if (from === undefined || to < from || isInterrupted) return [];
  const walk = (until: number, end: Partial<Walk>): readonly Walk[] => [
    { ratio: (until - from) / 1000 / Math.max(1, host.plan.estimate), weight: 1, ...end },
  ];
  switch (status) {
    case 'running':
      return walk(now, {});
    case 'done':
    case 'soaking':
      return walk(doneAt, { end: host.changed === true ? 'done' : 'nothing_to_do' });
    case 'failed':
    case 'refused':
      if (failure === undefined || failure.resumable === true) return [];
      return doneAt >= from
        ? walk(doneAt, { end: 'done', lateFailure: failure })
        : walk(endedAt, { end: failure, touched: host.touched });
    default:
      return [];
  }
}

/**
 * Draws walks that take longer than a ratio. Every sampler weighs what was seen anew (a Bayesian
 * bootstrap): few walks say less than many. Those that go on count for every longer one, as in the
 * estimate of Kaplan and Meier; else the first to end would make all look fast.
 */
export function samplerOf(
  seen: readonly Walk[],
  random: () => number,
): (
  after: number,
) => Pick<Outcome, 'end' | 'touched' | 'lateFailure'> & { readonly ratio: number } {
  const factor = 2 ** (2 * random() - 1);
  const expected = beforehand.map((walk) => ({ ...walk, ratio: walk.ratio * factor }));
  const walks = [...seen, ...expected].sort((a, b) => a.ratio - b.ratio);
  const weights = walks.map(({ weight }) => -Math.log(1 - random()) * weight);
  let atRisk = weights.reduce((sum, weight) => sum + weight, 0);
  let surviving = 1;
  const ended: Walk[] = [];
  /** The share of walks that ended with this one. */
  const below: number[] = [];
  for (const [index, walk] of walks.entries()) {
    const weight = weights[index] ?? 0;
    if (walk.end !== undefined) {
      surviving *= 1 - Math.min(1, weight / atRisk);
      ended.push(walk);
      below.push(1 - surviving);
    }
    atRisk -= weight;
  }
  return (after) => {
    const first = firstAbove(ended.length, (index) => (ended[index]?.ratio ?? 0) > after);
    const base = below[first - 1] ?? 0;
    const target = base + random() * (1 - base);
    const found = ended[firstAbove(ended.length, (index) => (below[index] ?? 0) > target)];
    if (found?.end === undefined || found.ratio <= after)
      return { ratio: Math.max(after, ended.at(-1)?.ratio ?? 1) * (1 + random() / 2), end: 'done' };
    const { end, touched, lateFailure } = found;
    const ratio = Math.max(after, found.ratio * (0.85 + 0.3 * random()));
    return { ratio, end, ...present({ touched, lateFailure }) };
  };
}

/** The first of `count` indexes for which it holds; it holds for all behind it. */
function firstAbove(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
