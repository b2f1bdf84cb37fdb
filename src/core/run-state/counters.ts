// Replaces a host in the state and updates every index and counter, each in O(log n).
import { add, type Ranked, remove } from './ranked.ts';
import {
  type HostState,
  isOfWave,
  type RunState,
  type WaveState,
  type ZoneState,
} from './state.ts';
import { at, replaced } from './table.ts';

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

const step = (
  of: (host: HostState) => boolean | number,
  before: HostState,
  after: HostState,
): number => Number(of(after)) - Number(of(before));

function movedZone(zone: ZoneState, before: HostState, after: HostState): ZoneState {
  return {
    ...zone,
    started: zone.started + Number(after.starts > 0) - Number(before.starts > 0),
    failures: zone.failures + step((host) => host.failures, before, after),
    unreachableFailures:
      zone.unreachableFailures + step((host) => host.unreachableFailures, before, after),
    held: zone.held + step(isHeld, before, after),
    kept: zone.kept + step(isKept, before, after),
    out: zone.out + step(isOut, before, after),
    waiting: moved(zone.waiting, runSets.waiting, before, after),
  };
}

function movedWave(wave: WaveState, before: HostState, after: HostState): WaveState {
  if (!isOfWave(wave, after)) return wave;
  const was = isOfWave(wave, before) ? before : undefined;
  return {
    ...wave,
    open: wave.open + Number(isOpen(after)) - Number(was !== undefined && isOpen(was)),
    lastEndAt: Math.max(wave.lastEndAt, after.endedAt ?? 0),
    // Failures of an earlier wave do not count in this one.
    failures: wave.failures + after.failures - (was?.failures ?? after.failures),
    unreachableFailures:
      wave.unreachableFailures +
      after.unreachableFailures -
      (was?.unreachableFailures ?? after.unreachableFailures),
    byLastProof: moved(wave.byLastProof, proofKey, before, after),
  };
}

/** Replaces a host where no index can have changed: tasks, effects, evidence. */
export function putDetail(draft: Draft, host: HostState): void {
  draft.hosts = replaced(draft.hosts, host.index, host);
}

/** Replaces a host and updates all indexes and counters. */
export function put(draft: Draft, after: HostState): void {
  const before = at(draft.hosts, after.index);
  putDetail(draft, after);
  for (const name of [
    'planned',
    'lockedOut',
    'waiting',
    'byEstimate',
    'running',
    'soaking',
    'kept',
  ] as const) {
    draft[name] = moved(draft[name], runSets[name], before, after);
  }
  draft.started += Number(after.starts > 0) - Number(before.starts > 0);
  draft.failures += step((host) => host.failures, before, after);
  draft.unreachableFailures += step((host) => host.unreachableFailures, before, after);
  draft.held += step(isHeld, before, after);
  draft.out += step(isOut, before, after);
  draft.refused += step((host) => host.status === 'refused', before, after);
  putZone(draft, before, after);
  if (draft.wave !== undefined) draft.wave = movedWave(draft.wave, before, after);
}

function putZone(draft: Draft, before: HostState, after: HostState): void {
  const was = at(draft.zones, after.zone);
  const zone = movedZone(was, before, after);
  draft.zones = replaced(draft.zones, after.zone, zone);
  draft.zonesHeld += Number(zone.held > 0) - Number(was.held > 0);
  draft.zonesOut += Number(zone.out > 0) - Number(was.out > 0);
}
