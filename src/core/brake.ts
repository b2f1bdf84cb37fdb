// The brake: one counter of bad ends of hosts that this run started, over the whole run, per wave and per zone.
import { amountText, exceeds } from './amount.ts';
import type { View } from './decision.ts';
import { hostState } from './state.ts';
import { at } from './table.ts';

export interface Trip {
  readonly why: string;
  readonly host: string;
}

/** Must the brake trip, and for which host? Undefined also when it has tripped already. */
export function shouldTrip(view: View): Trip | undefined {
  const { state } = view;
  if (state.brake !== undefined || state.bad === 0) return undefined;
  return canaryTrip(view) ?? runTrip(view) ?? waveTrip(view) ?? zoneTrip(view);
}

/** Has it tripped, or must it? Either way no host is started. */
export const isBraked = (view: View): boolean => view.state.brake !== undefined || shouldTrip(view) !== undefined;

/** A canary is there to find trouble: any bad end of one is enough, also an unreachable one. */
function canaryTrip({ state }: View): Trip | undefined {
  const host = state.canaryBad;
  return host === undefined ? undefined : { host, why: `canary ${host} ended badly${because(state, host)}` };
}

const ignores = (view: View): boolean => view.policy.brake.unreachable === 'ignore';
const counted = (view: View, counts: { readonly bad: number; readonly badUnreachable: number }): number =>
  ignores(view) ? counts.bad - counts.badUnreachable : counts.bad;
const lastBad = ({ state, ...view }: View): string => (ignores({ state, ...view }) ? state.lastBadReachable : state.lastBad) ?? '';

function runTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const bad = counted(view, state);
  if (!exceeds(bad, policy.brake.failures, state.started)) return undefined;
  const host = lastBad(view);
  const why = `${bad} of ${state.started} started hosts ended badly, allowed: ${amountText(policy.brake.failures)}; last ${host}${because(state, host)}`;
  return { host, why };
}

function waveTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const wave = state.wave;
  if (wave === undefined || policy.brake.perWave === undefined) return undefined;
  const bad = counted(view, wave);
  if (!exceeds(bad, policy.brake.perWave, wave.hosts.length)) return undefined;
  const host = lastBad(view);
  const why = `${bad} of ${wave.hosts.length} hosts of wave ${wave.number} ended badly, allowed: ${amountText(policy.brake.perWave)}; last ${host}${because(state, host)}`;
  return { host, why };
}

/** Only the zone of the last bad end can have come over its limit. */
function zoneTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const host = lastBad(view);
  const index = hostState(state, host)?.zone;
  if (policy.brake.perZone === undefined || index === undefined) return undefined;
  const zone = at(state.zones, index);
  const bad = counted(view, zone);
  if (!exceeds(bad, policy.brake.perZone, zone.started)) return undefined;
  const why = `${bad} of ${zone.started} started hosts of zone ${zone.name} ended badly, allowed: ${amountText(policy.brake.perZone)}; last ${host}${because(state, host)}`;
  return { host, why };
}

function because(state: View['state'], host: string): string {
  const failure = hostState(state, host)?.failure;
  return failure === undefined ? '' : ` (${failure.kind}: ${failure.message})`;
}
