// Replaces a host in the state and updates every index and counter, each in O(log n).
import { add, byKey, entries, type Ranked, rankedOf, remove } from './ranked.ts';
import {
  type HostState,
  isOfWave,
  type RunState,
  untouched,
  type WaveState,
  type ZoneState,
} from './state.ts';
import { at, replaced, tableOf, values } from './table.ts';

/** A state under construction. Only `fold` creates one, and returns it as a `RunState`. */
export type Draft = Mutable<RunState>;

/**
 * More than any rank: it moves hosts that are already out of service to the front, because their
 * start takes no further capacity, and locked-out hosts to the end.
 */
const allOthers = 2 ** 32;

export const isHeld = (host: HostState): boolean =>
  host.status === 'running' || host.status === 'soaking' || isKept(host);
export const isKept = (host: HostState): boolean => host.status === 'failed' && host.keepsSlot;
/** Counts against `max_unavailable`. */
export const isOut = (host: HostState): boolean => isHeld(host) || host.down || host.missing;
export const isOpen = (host: HostState): boolean =>
  host.status === 'waiting' || host.status === 'running' || host.status === 'soaking';
/** Its position among hosts that wait for their start. */
export const workKey = (host: HostState): number =>
  host.rank + (host.prelude === 'owed' ? -2 * allOthers : placeOf(host));
const placeOf = (host: HostState): number =>
  host.lockOut !== undefined ? allOthers : host.down || host.missing ? -allOthers : 0;
/** Is this the key of a host that comes after all others? */
export const isLast = (key: number): boolean => key >= allOthers;
const isLockedOut = (host: HostState): boolean =>
  host.status === 'planned' && host.lockOut?.turn === 'never';

type Key = (host: HostState) => number | undefined;

const runSets = {
  planned: (host) => (host.status === 'planned' && !isLockedOut(host) ? workKey(host) : undefined),
  lockedOut: (host) => (isLockedOut(host) ? host.index : undefined),
  waiting: (host) => (host.status === 'waiting' ? workKey(host) : undefined),
  byEstimate: (host) => (host.status === 'waiting' ? host.plan.estimate : undefined),
  running: (host) => (host.status === 'running' ? host.startedAt : undefined),
  soaking: (host) => (host.status === 'soaking' ? host.doneAt : undefined),
  kept: (host) => (isKept(host) ? host.index : undefined),
} as const satisfies Record<string, Key>;

/**
 * When the proof was last made or repeated; undefined for hosts whose proof need not be repeated.
 */
export const proofKey: Key = (host) =>
  (host.status === 'done' || host.status === 'soaking') && host.changed === true
    ? (host.soakedAt ?? host.doneAt)
    : undefined;

function moved(set: Ranked, key: Key, before: HostState, after: HostState): Ranked {
  const from = key(before);
  const to = key(after);
  if (from === to) return set;
  const without = from === undefined ? set : remove(set, from, before.index);
  return to === undefined ? without : add(without, to, after.index);
}

/** What becomes of hosts that are put at once, by their indexes. */
interface Moving {
  readonly hosts: readonly HostState[];
  readonly has: Uint8Array;
}

const movingOf = (hosts: readonly HostState[], of: number): Moving => {
  const has = new Uint8Array(of);
  for (const { index } of hosts) has[index] = 1;
  return { hosts, has };
};

/** The same for many hosts at once: the set is made anew. */
function rebuilt(set: Ranked, key: Key, { hosts, has }: Moving): Ranked {
  const placed = entries(set).filter(({ index }) => has[index] !== 1);
  for (const host of hosts) {
    const to = key(host);
    if (to !== undefined) placed.push({ key: to, index: host.index });
  }
  return rankedOf(placed.sort(byKey));
}

const step = (of: (host: HostState) => boolean, before: HostState, after: HostState): number =>
  Number(of(after)) - Number(of(before));
const isStarted = (host: HostState): boolean => host.starts > 0;
const isRefused = (host: HostState): boolean => host.status === 'refused';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What the run and each of its zones count. */
type Totals = Mutable<
  Pick<RunState & ZoneState, 'started' | 'failures' | 'unreachableFailures' | 'held' | 'out'>
>;

function count(totals: Totals, before: HostState, after: HostState): void {
  totals.started += step(isStarted, before, after);
  totals.failures += after.failures - before.failures;
  totals.unreachableFailures += after.unreachableFailures - before.unreachableFailures;
  totals.held += step(isHeld, before, after);
  totals.out += step(isOut, before, after);
}

function countRun(draft: Draft, before: HostState, after: HostState): void {
  count(draft, before, after);
  draft.refused += step(isRefused, before, after);
}

/** Does `countZone` change anything? Most steps of a host change nothing. */
const isSameInZone = (before: HostState, after: HostState): boolean =>
  isStarted(before) === isStarted(after) &&
  before.failures === after.failures &&
  before.unreachableFailures === after.unreachableFailures &&
  isKept(before) === isKept(after) &&
  isHeld(before) === isHeld(after) &&
  isOut(before) === isOut(after);

function countZone(zone: Mutable<ZoneState>, before: HostState, after: HostState): void {
  count(zone, before, after);
  zone.kept += step(isKept, before, after);
}

/** @param after a host of this wave */
function countWave(wave: Mutable<WaveState>, before: HostState, after: HostState): void {
  const was = isOfWave(wave, before) ? before : undefined;
  wave.open += Number(isOpen(after)) - Number(was !== undefined && isOpen(was));
  wave.lastEndAt = Math.max(wave.lastEndAt, after.endedAt ?? 0);
  // Failures of an earlier wave do not count in this one.
  wave.failures += after.failures - (was?.failures ?? after.failures);
  wave.unreachableFailures +=
    after.unreachableFailures - (was?.unreachableFailures ?? after.unreachableFailures);
}

/** Replaces a host where no index can have changed: tasks, effects, evidence. */
export function putDetail(draft: Draft, host: HostState): void {
  draft.hosts = replaced(draft.hosts, host.index, host);
}

const setNames = Object.keys(runSets) as readonly (keyof typeof runSets)[];

/** Replaces a host and updates all indexes and counters. */
export function put(draft: Draft, after: HostState): void {
  const before = at(draft.hosts, after.index);
  putDetail(draft, after);
  for (const name of setNames) draft[name] = moved(draft[name], runSets[name], before, after);
  countRun(draft, before, after);
  const was = at(draft.zones, after.zone);
  const waiting = moved(was.waiting, runSets.waiting, before, after);
  if (waiting !== was.waiting || !isSameInZone(before, after)) {
    const zone = { ...was, waiting };
    countZone(zone, before, after);
    draft.zones = replaced(draft.zones, after.zone, zone);
    draft.zonesHeld += Number(zone.held > 0) - Number(was.held > 0);
    draft.zonesOut += Number(zone.out > 0) - Number(was.out > 0);
  }
  if (draft.wave === undefined || !isOfWave(draft.wave, after)) return;
  const wave = {
    ...draft.wave,
    byLastProof: moved(draft.wave.byLastProof, proofKey, before, after),
  };
  countWave(wave, before, after);
  draft.wave = wave;
}

/** So many hosts are put at once. */
const many = 200;

/**
 * Replaces hosts, each once: thousands of them when a run or a wave begins, which one after the other
 * would keep all else waiting for a quarter of a second.
 */
export function putAll(draft: Draft, hosts: readonly HostState[]): void {
  if (hosts.length < many) {
    for (const host of hosts) put(draft, host);
    return;
  }
  const all = [...values(draft.hosts)];
  const befores = hosts.map(({ index }) => at(draft.hosts, index));
  for (const host of hosts) all[host.index] = host;
  draft.hosts = tableOf(all);
  placeAll(draft, hosts, (index) => befores[index]);
}

/** The hosts with which a run begins, in the order of their indexes. */
export function putFirst(draft: Draft, hosts: readonly HostState[]): void {
  const [first] = hosts;
  if (first === undefined) return;
  draft.hosts = tableOf(hosts);
  // No counter and no set has them yet.
  const none = untouched({ ...first, status: 'same', down: false });
  placeAll(draft, hosts, () => none);
}

/** @param beforeOf the state before, by the position in `hosts` */
function placeAll(
  draft: Draft,
  hosts: readonly HostState[],
  beforeOf: (position: number) => HostState | undefined,
): void {
  const zones = [...values(draft.zones)].map((zone): Mutable<ZoneState> => ({ ...zone }));
  const inZone = zones.map((): HostState[] => []);
  const wave = draft.wave && { ...draft.wave };
  const inWave: HostState[] = [];
  for (const [position, host] of hosts.entries()) {
    const before = beforeOf(position) ?? host;
    countRun(draft, before, host);
    inZone[host.zone]?.push(host);
    const zone = zones[host.zone];
    if (zone !== undefined) countZone(zone, before, host);
    if (wave === undefined || !isOfWave(wave, host)) continue;
    countWave(wave, before, host);
    inWave.push(host);
  }
  const moving = movingOf(hosts, draft.hosts.length);
  for (const name of setNames) draft[name] = rebuilt(draft[name], runSets[name], moving);
  for (const [index, zone] of zones.entries())
    zone.waiting = rebuilt(zone.waiting, runSets.waiting, {
      ...moving,
      hosts: inZone[index] ?? [],
    });
  draft.zones = tableOf(zones);
  draft.zonesHeld = zones.filter(({ held }) => held > 0).length;
  draft.zonesOut = zones.filter(({ out }) => out > 0).length;
  if (wave === undefined) return;
  const ofWave = movingOf(inWave, draft.hosts.length);
  draft.wave = { ...wave, byLastProof: rebuilt(wave.byLastProof, proofKey, ofWave) };
}
