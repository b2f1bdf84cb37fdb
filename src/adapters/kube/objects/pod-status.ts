// Why pods are still on a node: one line for people, from what the API server last showed and what
// its refusals said. Pure.
import type { Meta } from './objects.ts';

export interface Held {
  readonly by: 'budget' | 'trouble' | 'namespace' | 'workload' | 'failed';
  readonly why: string;
}

/** Finalizers that the batch controller takes off by itself: no news for anybody. */
const ordinaryFinalizer = /^batch\.kubernetes\.io\/job-tracking$|^foregroundDeletion$|^orphan$/;

/** `now` is the API server's clock, milliseconds since 1970. */
export function whyStillThere(metadata: Meta, held: Held | undefined, now: number): string {
  const end = Date.parse(metadata.deletionTimestamp ?? '');
  if (!Number.isNaN(end)) {
    const finalizers = (metadata.finalizers ?? []).filter((name) => !ordinaryFinalizer.test(name));
    if (finalizers.length > 0) return `ending, held by finalizer ${finalizers.join(', ')}`;
    return now > end + 5_000 ? 'ending, past its grace period: is the kubelet well?' : 'ending';
  }
  if (held === undefined) return 'not asked to go yet';
  return held.why;
}

const shown = 8;

/** What is still there, and why. */
export interface Reason {
  readonly name: string;
  readonly why: string;
}

function list(what: string, reasons: readonly Reason[]): string {
  if (reasons.length === 0) return '';
  const named = reasons.slice(0, shown).map(({ name, why }) => `${name} (${why})`);
  const more = reasons.length > shown ? `, and ${reasons.length - shown} more` : '';
  return `; ${what}: ${named.join(', ')}${more}`;
}

/**
 * `3 of 5 gone; still there: a/b (why), ...; not evicted: ...`: the same text as long as nothing
 * changed.
 */
export const describeProgress = (
  total: number,
  still: readonly Reason[],
  stays: readonly Reason[] = [],
): string =>
  `${total - still.length} of ${total} pods gone${list('still there', still)}${list('also on the node', stays)}`;
