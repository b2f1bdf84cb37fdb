// Explains in one line which pods are still on a node and why. Pure.
import type { Meta } from './objects.ts';

export interface Delay {
  readonly by: 'budget' | 'error' | 'namespace' | 'workload' | 'failed';
  readonly why: string;
}

/** Finalizers that Kubernetes removes by itself. They are not reported. */
const ordinaryFinalizer = /^batch\.kubernetes\.io\/job-tracking$|^foregroundDeletion$|^orphan$/;

/** `now` is the API server's clock, milliseconds since 1970. */
export function whyStillThere(metadata: Meta, delay: Delay | undefined, now: number): string {
  const end = Date.parse(metadata.deletionTimestamp ?? '');
  if (!Number.isNaN(end)) {
    const finalizers = (metadata.finalizers ?? []).filter((name) => !ordinaryFinalizer.test(name));
    if (finalizers.length > 0) return `ending, held by finalizer ${finalizers.join(', ')}`;
    return now > end + 5_000 ? 'ending, past its grace period: is the kubelet running?' : 'ending';
  }
  if (delay === undefined) return 'not asked to go yet';
  return delay.why;
}

const shown = 8;

/** A pod or volume that is still on the node, and why. */
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
 * `3 of 5 pods gone; still there: a/b (why), ...; also on the node: ...`. The text stays the same
 * while nothing changes.
 */
export const describeProgress = (
  total: number,
  still: readonly Reason[],
  stays: readonly Reason[] = [],
): string =>
  `${total - still.length} of ${total} pods gone${list('still there', still)}${list('also on the node', stays)}`;
