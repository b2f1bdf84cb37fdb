// The canary: the hosts that go first, some for each remedy and for each kernel on which the
// argument is tried.

import { inOrder, sizeOf } from '../run-state/ranked.ts';
import { type HostState, hostAt, hostState } from '../run-state/state.ts';
import { hostsOf } from './amount.ts';
import { reachableFirst } from './budget.ts';
import type { View } from './decision.ts';

/** Is a canary configured and not promoted yet? */
export const needsCanary = ({ state, policy }: View): boolean =>
  policy.canary !== undefined && state.canary.promoted === undefined && sizeOf(state.planned) > 0;

/** A canary proves something only if it was changed and did not fail. */
const isGood = (host: HostState): boolean =>
  (host.status === 'done' || host.status === 'soaking') && host.changed === true;

/**
 * The next canary hosts: all of them first, later a replacement for each that was refused or needed
 * nothing.
 */
export function nextCanaries(view: View): HostState[] {
  const hosts = view.policy.canary?.hosts;
  if (hosts === undefined) return [];
  return 'pattern' in hosts ? byPattern(view) : byRemedy(view, hostsOf(hosts, view.state.pool));
}

function canaries({ state }: View): HostState[] {
  return state.wave?.canary === true ? state.wave.hosts.map((index) => hostAt(state, index)) : [];
}

/** Hosts of one kind share the remedy and the kernel that is tried. */
const kindOf = ({ plan }: HostState): string => `${plan.remedy} ${plan.tries ?? ''}`;

/** Hosts that may be canaries. Locked-out hosts are canaries only when there are no others. */
function inLine(view: View): readonly HostState[] {
  const { state } = view;
  const planned = [...inOrder(state.planned)].map((index) => hostAt(state, index));
  const others = planned.filter(
    ({ lockOut, prelude }) => lockOut === undefined || prelude === 'owed',
  );
  return reachableFirst(view, others.length === 0 ? planned : others);
}

function byRemedy(view: View, each: number): HostState[] {
  const missing = new Map<string, number>();
  for (const host of canaries(view))
    if (isGood(host)) missing.set(kindOf(host), (missing.get(kindOf(host)) ?? each) - 1);
  const chosen: HostState[] = [];
  for (const host of inLine(view)) {
    const left = missing.get(kindOf(host)) ?? each;
    if (left <= 0) continue;
    missing.set(kindOf(host), left - 1);
    chosen.push(host);
  }
  return chosen;
}

/**
 * The named hosts that have changes, at least one. A named host that was refused is replaced by the
 * next host in the order of work.
 */
function byPattern(view: View): HostState[] {
  const { state } = view;
  const named = (view.context.canaryHosts ?? []).flatMap((name) => hostState(state, name) ?? []);
  const wanted = Math.max(1, named.filter((host) => host.status !== 'same').length);
  const good = canaries(view).filter(isGood).length;
  const line = inLine(view);
  const chosen = named.filter((host) => line.includes(host)).slice(0, wanted - good);
  for (const host of line) {
    if (chosen.length + good >= wanted) break;
    if (!chosen.includes(host)) chosen.push(host);
  }
  return chosen;
}

/** Names the canaries that prove nothing, as the reason for their replacement. */
export function uselessCanaries(view: View): string {
  const useless = canaries(view).filter((host) => !isGood(host));
  return useless
    .map(
      (host) => `${host.host} (${host.lockOut?.why ?? host.failure?.message ?? 'needed nothing'})`,
    )
    .join(', ');
}
