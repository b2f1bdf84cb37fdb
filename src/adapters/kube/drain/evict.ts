// Evicts one pod, and retries while a budget or a passing error refuses it. It holds the table of
// answers.

import type { Clock } from '../../../engine/ports/local.ts';
import { present } from '../../../model/present.ts';
import type { DrainOptions } from '../../../model/run/effect.ts';
import type { Outcome } from '../../../model/run/failure.ts';
import type { Api, EvictionApi, GoRequest } from '../client/api.ts';
import { messageOf } from '../client/api.ts';
import { isPassing, refusal, statusOf } from '../client/errors.ts';
import type { HttpReply } from '../client/http.ts';
import type { BudgetTurns } from './budget-turns.ts';

/**
 * How pods are evicted, and the option that allows deletion. Undefined: the server has no eviction
 * API, and no option allows deletion.
 */
export function wayOf(
  {
    disableEviction,
    fallbackWithoutEviction,
  }: Pick<DrainOptions, 'disableEviction' | 'fallbackWithoutEviction'>,
  evictionApi: EvictionApi,
): { readonly way: 'policy/v1' | 'policy/v1beta1' | 'delete'; readonly by?: string } | undefined {
  if (disableEviction) return { way: 'delete', by: 'disable_eviction' };
  if (evictionApi !== 'none') return { way: evictionApi };
  return fallbackWithoutEviction ? { way: 'delete', by: 'fallback_without_eviction' } : undefined;
}

export const noEviction =
  'this API server offers no eviction (fallback_without_eviction deletes the pods instead, and breaks every PDB in its way)';

/** The meaning of one answer. */
export type Answer =
  /** It ends or is gone; the follower reports when. */
  | { readonly kind: 'going' }
  | { readonly kind: 'budget'; readonly why: string }
  /** Its namespace is being deleted, which ends the pod. */
  | { readonly kind: 'terminating' }
  | { readonly kind: 'passing'; readonly why: string; readonly after?: number }
  | { readonly kind: 'hard'; readonly why: string };

/** Reads the answer to an eviction or deletion. An unknown answer fails this pod only. */
export function readAnswer(reply: HttpReply, account: string, verb: 'create' | 'delete'): Answer {
  const { status, body } = reply;
  const causes = statusOf(body).details?.causes ?? [];
  if (status >= 200 && status < 300) return { kind: 'going' };
  if (status === 404) return { kind: 'going' };
  // A new pod has the same name (StatefulSet): ours is gone.
  if (status === 409 && /uid/i.test(messageOf(reply))) return { kind: 'going' };
  if (status === 409) return { kind: 'passing', why: messageOf(reply) };
  if (status === 403 && causes.some((cause) => cause.reason === 'NamespaceTerminating'))
    return { kind: 'terminating' };
  if (status === 429 && !isPassing(status, body)) {
    const cause = causes.find((entry) => entry.reason === 'DisruptionBudget')?.message;
    return { kind: 'budget', why: cause ?? messageOf(reply) };
  }
  if (status === 429 && /disruption budget/i.test(messageOf(reply)))
    return { kind: 'budget', why: messageOf(reply) };
  if (isPassing(status, body)) {
    return { kind: 'passing', why: messageOf(reply), ...present({ after: reply.retryAfter }) };
  }
  const resource = verb === 'create' ? 'pods/eviction' : 'pods';
  return { kind: 'hard', why: refusal(status, body, { verb, resource }, account).message };
}

/**
 * Milliseconds until the next try: from 1 s up to 5 s, with jitter. kubectl always waits 5 s. 1 s
 * halves the time for a budget that frees up step by step, at the same number of calls (measured).
 */
export const retryPause = (tries: number, random: number): number =>
  (Math.min(1 + tries * 0.15, 4) + random) * 1000;

const longestRetryAfter = 10;

export interface EvictContext {
  readonly api: Api;
  readonly clock: Clock;
  /** Ends the retries: deadline, interruption, or the node is no longer ours. */
  readonly signal: AbortSignal;
  /**
   * The version of the eviction API. `delete` bypasses all budgets, and only an option allows it.
   */
  readonly way: 'policy/v1' | 'policy/v1beta1' | 'delete';
  /** Runs `act` when fewer calls than the limit are in flight. */
  readonly inSlot: <T>(act: () => Promise<T>) => Promise<T>;
  /** False: do not evict now; the drain ends. */
  readonly mayGo: () => Promise<boolean>;
  /** True: a list, not only a watch, no longer shows the pod. */
  readonly isGone: (uid: string) => boolean;
  readonly isEnding: (uid: string) => boolean;
  readonly turns: BudgetTurns;
  readonly note: (
    uid: string,
    delay:
      | { readonly by: 'budget' | 'error' | 'namespace' | 'workload'; readonly why: string }
      | undefined,
  ) => void;
}

export type PodEnd =
  | { readonly kind: 'going' }
  /** Its workload ends it once a new pod is ready. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'stopped' };

async function ask(
  request: GoRequest,
  context: EvictContext,
): Promise<{ reply: Outcome<HttpReply>; verb: 'create' | 'delete' }> {
  const { way } = context;
  const signalled = { ...request, signal: context.signal };
  if (way === 'delete') return { reply: await context.api.deletePod(signalled), verb: 'delete' };
  return { reply: await context.api.evict(way, signalled), verb: 'create' };
}

/** `workload`: pods with the same value share their budgets, as those of one controller do. */
export async function evictPod(
  request: GoRequest,
  workload: string,
  context: EvictContext,
): Promise<PodEnd> {
  const { clock, signal, note, turns } = context;
  const { uid } = request;
  for (let tries = 0; !signal.aborted; tries += 1) {
    // The pod may have ended by itself, and its name may belong to another pod by now.
    if (context.isGone(uid)) return { kind: 'going' };
    const closed = context.way === 'delete' ? undefined : turns.wait(workload);
    if (closed !== undefined) {
      note(uid, { by: 'budget', why: closed });
      await turns.pause(workload, retryPause(tries, clock.random()), signal);
      continue;
    }
    // Check the node and evict within one slot: a call that waited for its slot must not use an old
    // check.
    const asked = await context.inSlot(async () =>
      (await context.mayGo()) && !signal.aborted ? ask(request, context) : undefined,
    );
    if (asked === undefined || signal.aborted) return { kind: 'stopped' };
    const { reply, verb } = asked;
    let pause = retryPause(tries, clock.random());
    if (!reply.ok) {
      if (reply.failure.transport !== true) return { kind: 'failed', why: reply.failure.message };
      note(uid, { by: 'error', why: reply.failure.message });
      await clock.sleep(pause, signal);
      continue;
    }
    const answer = readAnswer(reply.value, context.api.account, verb);
    if (answer.kind === 'going') {
      note(uid, undefined);
      turns.passed(workload);
      return answer;
    }
    if (answer.kind === 'budget') {
      note(uid, { by: 'budget', why: answer.why });
      turns.refused(workload, answer.why);
      await turns.pause(workload, pause, signal);
      continue;
    }
    if (answer.kind === 'terminating') {
      if (context.isEnding(uid)) return { kind: 'going' };
      note(uid, { by: 'namespace', why: 'its namespace is being deleted' });
    } else if (answer.kind === 'hard') {
      return { kind: 'failed', why: answer.why };
    } else {
      note(uid, { by: 'error', why: answer.why });
      if (answer.after !== undefined)
        pause = Math.min(answer.after, longestRetryAfter) * 1000 + clock.random() * 500;
    }
    await turns.pause(workload, pause, signal);
  }
  return { kind: 'stopped' };
}

/** Runs at most `limit` calls at a time, in the order in which they came. */
export function createSlots(limit: number): EvictContext['inSlot'] {
  let busy = 0;
  const waiting: (() => void)[] = [];
  return async (act) => {
    if (busy >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy += 1;
    try {
      return await act();
    } finally {
      const next = waiting.shift();
      if (next === undefined) busy -= 1;
      else next();
    }
  };
}
