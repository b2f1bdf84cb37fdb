// Replaces a host in the state and updates every index and counter, each in O(log n).
import { add, byKey, type Entry, entries, type Ranked, rankedOf, remove } from './ranked.ts';
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
export type Draft = { -readonly [K in keyof RunState]: RunState[K] };

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

/** The same for many hosts at once, in O(n). */
function rebuilt(set: Ranked, key: Key, hosts: readonly HostState[]): Ranked {
  const placed: Entry[] = [];
  for (const host of hosts) {
    const to = key(host);
    if (to !== undefined) placed.push({ key: to, index: host.index });
  }
  if (set !== undefined) {
    const moving = new Set(hosts.map(({ index }) => index));
    for (const entry of entries(set)) if (!moving.has(entry.index)) placed.push(entry);
  }
  return rankedOf(placed.sort(byKey));
}

const step = (of: (host: HostState) => boolean, before: HostState, after: HostState): number =>
  Number(of(after)) - Number(of(before));
const started = (before: HostState, after: HostState): number =>
  Number(after.starts > 0) - Number(before.starts > 0);
const isRefused = (host: HostState): boolean => host.status === 'refused';

/** Do the counters of zones see a difference? Most steps of a host make none. */
const isSame = (before: HostState, after: HostState): boolean =>
  before.starts > 0 === after.starts > 0 &&
  before.failures === after.failures &&
  before.unreachableFailures === after.unreachableFailures &&
  isKept(before) === isKept(after) &&
  isHeld(before) === isHeld(after) &&
  isOut(before) === isOut(after);

function countedZone(
  zone: ZoneState,
  before: HostState,
  after: HostState,
  waiting: Ranked,
): ZoneState {
  if (waiting === zone.waiting && isSame(before, after)) return zone;
  return {
    ...zone,
    waiting,
    started: zone.started + started(before, after),
    failures: zone.failures + after.failures - before.failures,
    unreachableFailures:
      zone.unreachableFailures + after.unreachableFailures - before.unreachableFailures,
    held: zone.held + step(isHeld, before, after),
    kept: zone.kept + step(isKept, before, after),
    out: zone.out + step(isOut, before, after),
  };
}

function countedWave(
  wave: WaveState,
  before: HostState,
  after: HostState,
  byLastProof: Ranked,
): WaveState {
  const was = isOfWave(wave, before) ? before : undefined;
  return {
    ...wave,
    byLastProof,
    open: wave.open + Number(isOpen(after)) - Number(was !== undefined && isOpen(was)),
    lastEndAt: Math.max(wave.lastEndAt, after.endedAt ?? 0),
    // Failures of an earlier wave do not count in this one.
    failures: wave.failures + after.failures - (was?.failures ?? after.failures),
    unreachableFailures:
      wave.unreachableFailures +
      after.unreachableFailures -
      (was?.unreachableFailures ?? after.unreachableFailures),
  };
}

/** Replaces a host where no index can have changed: tasks, effects, evidence. */
export function putDetail(draft: Draft, host: HostState): void {
  draft.hosts = replaced(draft.hosts, host.index, host);
}

const setNames = [
  'planned',
  'lockedOut',
  'waiting',
  'byEstimate',
  'running',
  'soaking',
  'kept',
] as const;

/** Replaces a host and updates all indexes and counters. */
export function put(draft: Draft, after: HostState): void {
  const before = at(draft.hosts, after.index);
  putDetail(draft, after);
  for (const name of setNames) draft[name] = moved(draft[name], runSets[name], before, after);
  count(draft, before, after, (set, key) => moved(set, key, before, after));
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
  for (const host of hosts) {
    count(draft, at(draft.hosts, host.index), host, (set) => set);
    all[host.index] = host;
  }
  draft.hosts = tableOf(all);
  placeAll(draft, hosts);
}

/** The hosts with which a run begins, in the order of their indexes. */
export function putFirst(draft: Draft, hosts: readonly HostState[]): void {
  const [first] = hosts;
  if (first === undefined) return;
  draft.hosts = tableOf(hosts);
  // No counter and no set has them yet.
  const none = untouched({ ...first, status: 'same', down: false });
  for (const host of hosts) count(draft, none, host, (set) => set);
  placeAll(draft, hosts);
}

function placeAll(draft: Draft, hosts: readonly HostState[]): void {
  for (const name of setNames) draft[name] = rebuilt(draft[name], runSets[name], hosts);
  const zones = [...values(draft.zones)].map((zone, index) => {
    const own = hosts.filter((host) => host.zone === index);
    return { ...zone, waiting: rebuilt(zone.waiting, runSets.waiting, own) };
  });
  draft.zones = tableOf(zones);
  const { wave } = draft;
  if (wave === undefined) return;
  const own = hosts.filter((host) => isOfWave(wave, host));
  draft.wave = { ...wave, byLastProof: rebuilt(wave.byLastProof, proofKey, own) };
}

/** Updates the counters, and with `move` the sets of the host's zone and of the wave. */
function count(
  draft: Draft,
  before: HostState,
  after: HostState,
  move: (set: Ranked, key: Key) => Ranked,
): void {
  draft.started += started(before, after);
  draft.failures += after.failures - before.failures;
  draft.unreachableFailures += after.unreachableFailures - before.unreachableFailures;
  draft.held += step(isHeld, before, after);
  draft.out += step(isOut, before, after);
  draft.refused += step(isRefused, before, after);
  const was = at(draft.zones, after.zone);
  const zone = countedZone(was, before, after, move(was.waiting, runSets.waiting));
  if (zone !== was) draft.zones = replaced(draft.zones, after.zone, zone);
  draft.zonesHeld += Number(zone.held > 0) - Number(was.held > 0);
  draft.zonesOut += Number(zone.out > 0) - Number(was.out > 0);
  const { wave } = draft;
  if (wave !== undefined && isOfWave(wave, after))
    draft.wave = countedWave(wave, before, after, move(wave.byLastProof, proofKey));
}
