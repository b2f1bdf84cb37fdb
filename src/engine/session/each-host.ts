// Works on many hosts, a bounded number at once. A host that does not answer, or waits before a
// retry, takes none of these slots.

import type { Target } from '../../model/host.ts';
import { type Failure, unhandled } from '../../model/run/failure.ts';
import type { Turn } from '../ports/transport.ts';
import { openSession, type Session, type SessionPorts } from './session.ts';
import { createSlots, type Slots } from './slots.ts';

export interface EachHostOptions {
  /** Hosts that are read at once. It does not limit how many may be out of service. */
  readonly forks: number;
  /** Retries after a transport failure. Each goes to the end of the queue. */
  readonly retries: number;
  readonly signal: AbortSignal;
}

/** What is done with each host. */
export interface Visit<T> {
  readonly use: (session: Session) => Promise<T>;
  /** The result for a host that could not be worked on, or whose answer made `use` throw. */
  readonly failed: (host: string, failure: Failure) => T | Promise<T>;
  /** Called with each result as it comes. */
  readonly onHost?: (result: T) => void;
  /** What stays of a result after that: all of them are held until the last host has answered. */
  readonly keep?: (result: T) => T;
  /** Does the same with hosts that other processes reach. */
  readonly elsewhere?: Elsewhere<T>;
}

/** Hosts that other processes reach, and this one may not. */
export interface Elsewhere<T> {
  readonly has: (target: Target) => boolean;
  /** The results are in the order of the hosts. The signal withdraws what was asked. */
  readonly read: (
    targets: readonly Target[],
    signal: AbortSignal,
    visit: Pick<Visit<T>, 'failed' | 'onHost' | 'keep'>,
  ) => Promise<readonly T[]>;
}

/**
 * Opens a session for each host, a bounded number at once, and closes it after use; hosts that others
 * reach are left to them. The results are in the order of the hosts.
 */
export async function forEachHost<T>(
  targets: readonly Target[],
  options: EachHostOptions,
  ports: SessionPorts,
  visit: Visit<T>,
): Promise<readonly T[]> {
  const { elsewhere } = visit;
  if (elsewhere === undefined) return visitAll(targets, options, ports, visit);
  const isThere = targets.map(elsewhere.has);
  const there = targets.filter((_, index) => isThere[index]);
  const here = targets.filter((_, index) => !isThere[index]);
  const [answers, own] = await Promise.all([
    there.length === 0 ? [] : elsewhere.read(there, options.signal, visit),
    visitAll(here, options, ports, visit),
  ]);
  const [next, nextOwn] = [answers.values(), own.values()];
  return isThere.map((is) => (is ? next : nextOwn).next().value as T);
}

function visitAll<T>(
  targets: readonly Target[],
  options: EachHostOptions,
  ports: SessionPorts,
  { use, failed, onHost, keep }: Visit<T>,
): Promise<readonly T[]> {
  const slots = createSlots(options.forks);
  const visit = async (target: Target): Promise<T> => {
    const turn = createTurn(slots);
    await turn.again(false);
    const session = openSession(target, options.retries, ports, options.signal, turn);
    try {
      const result = await use(session)
        .catch((error: unknown) =>
          failed(target.name, unhandled(`the answers of ${target.name}`, error)),
        )
        .finally(session.close);
      onHost?.(result);
      return keep === undefined ? result : keep(result);
    } finally {
      turn.leave();
    }
  };
  return Promise.all(targets.map(visit));
}

/** Waiting for a slot needs no signal: after an abort every host fails at once and frees its slot. */
function createTurn(slots: Slots): Turn {
  let free: (() => void) | undefined;
  return {
    leave: () => {
      if (free === undefined) return;
      free();
      free = undefined;
    },
    again: async (first) => {
      free ??= await slots.take({ first });
    },
  };
}
