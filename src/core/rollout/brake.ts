// The brake: counts the failures of hosts that this run started, over the run, per wave and per
// zone. It does not count failures that an operator has acknowledged. Once tripped, only
// acknowledgement of all counted failures releases it; time never does.

import type { Rollout } from '../../model/playbook.ts';
import { lastDetail } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import { pasteable } from '../../model/text/quote.ts';
import { type HostState, hostState, hostStates, type RunState } from '../run-state/state.ts';
import { values } from '../run-state/table.ts';
import { amountText, exceeds } from './amount.ts';
import type { View } from './decision.ts';

export interface Trip {
  readonly why: string;
  readonly host: string;
}

/** Must the brake trip, and because of which host? Undefined also when it has already tripped. */
export function shouldTrip(view: View): Trip | undefined {
  const { state } = view;
  if (state.brake !== undefined || state.failures === 0) return undefined;
  return canaryTrip(view) ?? runTrip(view) ?? waveTrip(view) ?? zoneTrip(view);
}

export interface Release {
  readonly by: string;
  readonly hosts: readonly string[];
  readonly why: string;
}

/**
 * May the brake be released? Only when operators have acknowledged every counted failure, and at
 * least one of them since it tripped.
 */
export function shouldRelease(view: View): Release | undefined {
  const { brake, failedCanary } = view.state;
  if (
    brake === undefined ||
    brake.acknowledged.length === 0 ||
    failedCanary !== undefined ||
    counted(view, view.state) > 0
  )
    return undefined;
  const hosts = [...new Set(brake.acknowledged.map(({ host }) => host))];
  const by = [...new Set(brake.acknowledged.map(({ who }) => who))].join(', ');
  return {
    by,
    hosts,
    why: `every failure was acknowledged: ${brake.acknowledged.map(({ host, as }) => `${host} (${as})`).join(', ')}`,
  };
}

/** Hosts whose failures keep the brake tripped: an operator must acknowledge each. */
export function brakeHolders(state: RunState, policy: Rollout): readonly string[] {
  const ignored = policy.brake.unreachable === 'ignore';
  const holds = (host: HostState): boolean =>
    (ignored ? host.failures > host.unreachableFailures : host.failures > 0) ||
    host.host === state.failedCanary;
  return state.brake === undefined
    ? []
    : [...hostStates(state)].filter(holds).map(({ host }) => host);
}

/** Has the brake tripped, or must it trip? In both cases no host is started. */
export const isBraked = (view: View): boolean =>
  view.state.brake === undefined
    ? shouldTrip(view) !== undefined
    : shouldRelease(view) === undefined;

/**
 * Why failures in other runs of this play stop further starts. They trip nothing: the stop ends
 * when they are acknowledged. A host that this run walks is not among them, because its own end
 * counts.
 */
export function failedElsewhere(view: View): string | undefined {
  const { state, policy } = view;
  const others = state.others.filter(
    ({ host, failed }) => failed === true && !isWalked(hostState(state, host)),
  );
  const [first] = others;
  if (first === undefined) return undefined;
  if (
    !exceeds(
      counted(view, state) + others.length,
      policy.brake.failures,
      state.started + others.length,
    )
  )
    return undefined;
  const names = others.slice(0, 5).map(({ host, run }) => `${host} in run ${run}`);
  const more = others.length > 5 ? ` and ${others.length - 5} more` : '';
  return `failed and not acknowledged: ${names.join(', ')}${more}, allowed: ${amountText(policy.brake.failures)}; see the host, then: kmend resume ${first.run} --retry ${pasteable(first.host)} (or --skip, --done)`;
}

/** A host that was refused, or needed nothing, is as the other run left it. */
const isWalked = (host: HostState | undefined): boolean =>
  host !== undefined &&
  host.status !== 'same' &&
  host.status !== 'refused' &&
  (host.status !== 'done' || host.changed === true);

/**
 * One failed canary is enough, also if it only became unreachable: a canary exists to find
 * failures.
 */
function canaryTrip({ state }: View): Trip | undefined {
  const host = state.failedCanary;
  return host === undefined
    ? undefined
    : { host, why: `canary ${host} failed${because(state, host)}` };
}

const ignores = (view: View): boolean => view.policy.brake.unreachable === 'ignore';
/** The failures that the brake counts. */
export const counted = (
  view: View,
  counts: { readonly failures: number; readonly unreachableFailures: number },
): number => (ignores(view) ? counts.failures - counts.unreachableFailures : counts.failures);
const lastFailed = ({ state, ...view }: View): string =>
  (ignores({ state, ...view }) ? state.lastFailedReachable : state.lastFailed) ?? '';

function runTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const failures = counted(view, state);
  if (!exceeds(failures, policy.brake.failures, state.started)) return undefined;
  const host = lastFailed(view);
  const why = `${failures} of ${state.started} started hosts failed, allowed: ${amountText(policy.brake.failures)}; last ${host}${because(state, host)}`;
  return { host, why };
}

function waveTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const wave = state.wave;
  if (wave === undefined || policy.brake.perWave === undefined) return undefined;
  const failures = counted(view, wave);
  if (!exceeds(failures, policy.brake.perWave, wave.base)) return undefined;
  const host = lastFailed(view);
  const why = `${failures} of ${plural(wave.base, 'host')} of wave ${wave.number} failed, allowed: ${amountText(policy.brake.perWave)}; last ${host}${because(state, host)}`;
  return { host, why };
}

/**
 * Looks through all zones: several hosts may have ended since the last decision, so that the zone
 * over its limit need not be that of the last one.
 */
function zoneTrip(view: View): Trip | undefined {
  const { state, policy } = view;
  const { perZone } = policy.brake;
  if (perZone === undefined) return undefined;
  for (const zone of values(state.zones)) {
    const failures = counted(view, zone);
    if (!exceeds(failures, perZone, zone.started)) continue;
    const host = lastFailed(view);
    const why = `${failures} of ${zone.started} started hosts of zone ${zone.name} failed, allowed: ${amountText(perZone)}; last ${host}${because(state, host)}`;
    return { host, why };
  }
  return undefined;
}

function because(state: View['state'], host: string): string {
  const found = hostState(state, host);
  const failure = found?.failure ?? found?.rescued?.failure;
  return failure === undefined
    ? ''
    : ` (${failure.kind}: ${failure.message}${lastDetail(failure)})`;
}
