// Which host budget and zones let start, and what prevents the others.

import { plural } from '../../model/text/plural.ts';
import { isLast, workKey } from '../run-state/counters.ts';
import { closerOf, leaderOf } from '../run-state/once.ts';
import { first, inOrder, sizeOf } from '../run-state/ranked.ts';
import {
  type HostState,
  hostAt,
  nameSome,
  type RunState,
  type ZoneState,
} from '../run-state/state.ts';
import { at, values } from '../run-state/table.ts';
import { hostsOf } from './amount.ts';
import type { View, Why } from './decision.ts';

/** How many hosts may be out of service at one time. */
export const slotsOf = (view: View): number => hostsOf(view.policy.maxUnavailable, view.state.pool);

/**
 * Hosts out of service now: those that this run works on, those that failed, those that were
 * missing before, and those of other runs.
 */
export const unavailable = (state: RunState): number => state.out + state.outside.size;

/**
 * The counters that limit a start. `withoutKept` computes them as if an operator had freed all kept
 * slots.
 */
interface Room {
  readonly view: View;
  readonly slots: number;
  readonly held: number;
  readonly out: number;
  readonly zonesHeld: number;
  readonly zonesOut: number;
  /** Hosts of other runs that are not hosts of this one, by zone. */
  readonly elsewhere: ReadonlyMap<string, number>;
  readonly withoutKept: boolean;
  /** Also hosts of sites without a worker may be started. */
  readonly anywhere: boolean;
}

function roomOf(
  view: View,
  { withoutKept = false, anywhere = false }: Partial<Pick<Room, 'withoutKept' | 'anywhere'>> = {},
): Room {
  const { state } = view;
  const kept = withoutKept ? sizeOf(state.kept) : 0;
  let zonesHeld = state.zonesHeld;
  let zonesOut = state.zonesOut;
  if (kept > 0 && zoned(view)) {
    for (const zone of values(state.zones)) {
      if (zone.held > 0 && zone.held === zone.kept) zonesHeld -= 1;
      if (zone.out > 0 && zone.out === zone.kept) zonesOut -= 1;
    }
  }
  const elsewhere = zonesElsewhere(state);
  const counts = {
    held: state.held - kept,
    out: unavailable(state) - kept,
    zonesHeld,
    zonesOut: zonesOut + newZones(view, elsewhere, withoutKept),
  };
  return { view, slots: slotsOf(view), ...counts, elsewhere, withoutKept, anywhere };
}

/** Hosts that are in this run too are left out: their own zone counts them. */
function zonesElsewhere(state: RunState): ReadonlyMap<string, number> {
  const zones = new Map<string, number>();
  for (const { host, zone = '' } of state.others)
    if (!state.indexOf.has(host)) zones.set(zone, (zones.get(zone) ?? 0) + 1);
  return zones;
}

/** Zones in which only other runs have hosts out of service. */
function newZones(
  view: View,
  elsewhere: ReadonlyMap<string, number>,
  withoutKept: boolean,
): number {
  if (elsewhere.size === 0 || !zoned(view)) return 0;
  const ours = new Set<string>();
  for (const zone of values(view.state.zones))
    if (zone.out > (withoutKept ? zone.kept : 0)) ours.add(zone.name);
  return [...elsewhere.keys()].filter((zone) => !ours.has(zone)).length;
}

const zoned = ({ policy }: View): boolean =>
  policy.maxZones !== undefined || policy.maxPerZone !== undefined;

/**
 * A host that is already out of service takes no further capacity. But the run never works on more
 * hosts than it has slots.
 */
const slotFor = (room: Room, host: HostState): boolean =>
  room.held < room.slots && (host.down || host.missing || room.out < room.slots);

function zoneFor(room: Room, zone: ZoneState, host: HostState): boolean {
  const { maxZones, maxPerZone } = room.view.policy;
  const kept = room.withoutKept ? zone.kept : 0;
  const held = zone.held - kept;
  const out = zone.out - kept + (room.elsewhere.get(zone.name) ?? 0);
  const itself = host.down || host.missing;
  if (maxZones !== undefined) {
    if (room.zonesHeld + Number(held === 0) > maxZones) return false;
    if (!itself && room.zonesOut + Number(out === 0) > maxZones) return false;
  }
  if (maxPerZone !== undefined) {
    const most = hostsOf(maxPerZone, zone.size);
    if (held >= most || (!itself && out >= most)) return false;
  }
  return true;
}

/** Is there a worker that can reach this host? */
const hasWorker = ({ context }: View, { host }: HostState): boolean =>
  context.hostsWithoutWorker?.has(host) !== true;

/**
 * In their order, but those without a worker last. All others wait for the host that has a prelude: it
 * stays the first.
 */
export function reachableFirst(view: View, hosts: readonly HostState[]): readonly HostState[] {
  if (view.context.hostsWithoutWorker === undefined) return hosts;
  const isFirst = (host: HostState): boolean => host.prelude === 'owed' || hasWorker(view, host);
  return [...hosts.filter(isFirst), ...hosts.filter((host) => !isFirst(host))];
}

const reaches = ({ view, anywhere }: Room, host: HostState): boolean =>
  anywhere || hasWorker(view, host);

/** Locked-out hosts wait for all others, but not for those that no worker can reach. */
function waitsForOthers(room: Room): boolean {
  const { state } = room.view;
  for (const index of inOrder(state.waiting)) {
    const host = hostAt(state, index);
    if (isLast(workKey(host))) return false;
    if (reaches(room, host)) return true;
  }
  return false;
}

/** Whether the one host that does the tasks with `run_once` may be started for them. */
const mayBegin = (room: Room, host: HostState): boolean =>
  (host.status === 'waiting' || host === closerOf(room.view.state)) &&
  host.lockOut?.turn !== 'never' &&
  slotFor(room, host) &&
  (!zoned(room.view) || zoneFor(room, at(room.view.state.zones, host.zone), host)) &&
  reaches(room, host);

/**
 * The first waiting host that budget and zones let start and that `fits`. In every queue, hosts
 * that are already out of service come first. Locked-out hosts come last: they wait for all others,
 * of every zone.
 */
function candidateIn(room: Room, fits: (host: HostState) => boolean): HostState | undefined {
  const { state } = room.view;
  if (room.held >= room.slots) return undefined;
  const only = leaderOf(state) ?? closerOf(state);
  if (only !== undefined) return mayBegin(room, only) && fits(only) ? only : undefined;
  const queues = zoned(room.view)
    ? [...values(state.zones)].map((zone) => ({ set: zone.waiting, zone }))
    : [{ set: state.waiting, zone: undefined }];
  const others = waitsForOthers(room);
  let best: { readonly key: number; readonly host: HostState } | undefined;
  for (const { set, zone } of queues) {
    const head = first(set);
    if (head === undefined || (best !== undefined && best.key < head.key)) continue;
    for (const index of inOrder(set)) {
      const host = hostAt(state, index);
      if (host.lockOut !== undefined && others) break;
      if (!slotFor(room, host) || (zone !== undefined && !zoneFor(room, zone, host))) break;
      if (!reaches(room, host) || !fits(host)) continue;
      if (best === undefined || workKey(host) < best.key) best = { key: workKey(host), host };
      break;
    }
  }
  return best?.host;
}

export const candidate = (
  view: View,
  fits: (host: HostState) => boolean = () => true,
): HostState | undefined => candidateIn(roomOf(view), fits);

/** The host that would be the `candidate` if every site had a worker. */
export const candidateAnywhere = (
  view: View,
  fits: (host: HostState) => boolean = () => true,
): HostState | undefined => candidateIn(roomOf(view, { anywhere: true }), fits);

/** Would a host be started if an operator freed the kept slots? */
export const blockedByKept = (view: View): boolean =>
  sizeOf(view.state.kept) > 0 &&
  candidateAnywhere(view) === undefined &&
  candidateIn(roomOf(view, { withoutKept: true, anywhere: true }), () => true) !== undefined;

/** Why budget and zones let no host start. */
export function whyNoSlot(view: View): Why {
  const { state } = view;
  const slots = slotsOf(view);
  const busy = `${nameSome(state, state.running ?? state.soaking ?? state.kept)}`;
  if (state.held >= slots) {
    return {
      rule: 'budget',
      text: `${state.held} of ${plural(slots, 'slot is', 'slots are')} taken (${busy})`,
    };
  }
  if (unavailable(state) >= slots) {
    return {
      rule: 'capacity',
      text: `capacity is missing: ${unavailable(state)} out of service, allowed: ${slots} (${missingNames(state)})`,
    };
  }
  return { rule: 'zone', text: `no zone has room: ${zonesText(view)}` };
}

function missingNames(state: RunState): string {
  const runs = new Map(state.others.map(({ host, run }) => [host, run]));
  const named = (host: string): string =>
    runs.has(host) ? `${host} by run ${runs.get(host)}` : host;
  const names = [...state.outside].map(named);
  for (const index of state.missing) {
    const { host, lockOut } = hostAt(state, index);
    names.push(`${named(host)}${lockOut?.by === 'cordon' ? ', cordoned by somebody else' : ''}`);
  }
  const queue = first(state.waiting);
  const head = queue === undefined ? undefined : hostAt(state, queue.index);
  if (head?.down === true) names.push(head.host);
  return names.length > 5
    ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
    : names.join(', ');
}

function zonesText(view: View): string {
  const taken: string[] = [];
  const zoneText = (name: string, out: number): string =>
    `${name === '' ? '(no zone)' : name}: ${out}`;
  for (const zone of values(view.state.zones))
    if (zone.out > 0) taken.push(zoneText(zone.name, zone.out));
  for (const [name, out] of zonesElsewhere(view.state))
    taken.push(`${zoneText(name, out)} by other runs`);
  const { maxZones, maxPerZone } = view.policy;
  const rules = [
    ...(maxZones === undefined ? [] : [`max_zones ${maxZones}`]),
    ...(maxPerZone === undefined
      ? []
      : [`max_per_zone ${'count' in maxPerZone ? maxPerZone.count : `${maxPerZone.percent}%`}`]),
  ];
  return `${taken.join(', ')} out of service (${rules.join(', ')})`;
}
