// Does a host hold a slot that other runs must respect?
import { isHeld, isKept } from './counters.ts';
import type { HostState } from './state.ts';

/**
 * `failed`, `unreachable`: out of service by a failure that no operator has acknowledged. `held`:
 * under way, soaking, interrupted, or waiting for its retry.
 */
export type HeldSlot = 'held' | 'failed' | 'unreachable';

export function heldSlot(host: HostState): HeldSlot | undefined {
  if (isKept(host) && host.failures > 0)
    return host.failures > host.unreachableFailures ? 'failed' : 'unreachable';
  const retried =
    host.starts > 0 && host.down && (host.status === 'waiting' || host.status === 'planned');
  return isHeld(host) || retried ? 'held' : undefined;
}

/**
 * Does the brake of this run count a host of another run? Only plays of one name count the failures
 * of each other.
 */
export const countsForBrake = (
  { kind, play }: { readonly kind: HeldSlot; readonly play: string },
  ours: { readonly play: string; readonly countsUnreachable: boolean },
): boolean =>
  play === ours.play && (kind === 'failed' || (kind === 'unreachable' && ours.countsUnreachable));
