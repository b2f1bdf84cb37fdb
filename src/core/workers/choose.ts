// Which open runs a worker takes. All workers judge by the same rows, so that usually one of them
// takes a run at once, and the others only where it does not.
import type { RunState } from '../run-state/state.ts';
import { hostStates } from '../run-state/state.ts';

/** A worker that is alive, as far as the choice needs it. */
export interface ChoosingWorker {
  readonly id: number;
  /** Runs that it carries on. */
  readonly runs: number;
  readonly most: number;
  readonly refused: ReadonlySet<string>;
}

export interface Choice {
  readonly me: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Also this worker. */
  readonly workers: readonly ChoosingWorker[];
  /** Runs that nobody leads, the oldest first, and since when this worker has seen that. */
  readonly free: ReadonlyMap<string, number>;
  /** Runs that this worker does not try before this time. */
  readonly notBefore: ReadonlyMap<string, number>;
}

/** Milliseconds that a worker leaves to each one that comes before it. */
export const turn = 1_500;

/**
 * The runs that this worker takes now. A run goes to the worker with the fewest runs; if that one
 * does not take it, the next one does.
 */
export function runsToTake({ me, now, workers, free, notBefore }: Choice): readonly string[] {
  const loads = new Map(workers.map(({ id, runs }) => [id, runs]));
  const taken: string[] = [];
  for (const [run, since] of free) {
    const able = workers
      .filter(
        ({ id, most, refused }) =>
          load(id, loads) < most && (id === me ? isDue(run, notBefore, now) : !refused.has(run)),
      )
      .sort((a, b) => load(a.id, loads) - load(b.id, loads) || a.id - b.id);
    const place = able.findIndex(({ id }) => id === me);
    const isMine = place >= 0 && now >= since + place * turn;
    if (isMine) taken.push(run);
    const taker = isMine ? me : able[0]?.id;
    if (taker !== undefined) loads.set(taker, load(taker, loads) + 1);
  }
  return taken;
}

const load = (id: number, loads: ReadonlyMap<number, number>): number => loads.get(id) ?? 0;

const isDue = (run: string, notBefore: ReadonlyMap<string, number>, now: number): boolean =>
  now >= (notBefore.get(run) ?? 0);

/** The part of a version within which workers carry on the runs of others: 1.2 of 1.2.3. */
const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');

/** Why a worker of this version does not carry on a run of that one; undefined = it does. */
export const otherVersion = (tool: string, own: string): string | undefined =>
  minorOf(tool) === minorOf(own)
    ? undefined
    : `it is a run of kmend ${tool}, and this worker is ${own}: a worker of the same minor version carries it on`;

/** The host under way that is this machine; undefined = none is. */
export const ownHostUnderWay = (state: RunState, ownBootId: string): string | undefined =>
  ownBootId === ''
    ? undefined
    : [...hostStates(state)].find(
        ({ status, bootId }) => status === 'running' && bootId === ownBootId,
      )?.host;
