// Ids of memory cgroups: how many are in use, how fast dead groups take them, and when none will be
// left. Also the growth of unreclaimable slab.
import { type Facts, known } from '../../model/fact.ts';
import type { IdReading } from '../../model/facts/values.ts';
import { present } from '../../model/present.ts';
import { isUnknown, unknown } from '../../model/value.ts';
import { healthOf, readRelease } from './kernels.ts';

/**
 * Number of memory cgroups that a kernel can have beside the root, dead and live ones together.
 * Measured on 3.10.0-514 and 1062.
 */
export const groupIds = 65_534;

const day = 86_400;

/**
 * Over a shorter time only a rate is reported, and no date: a few groups would move it by weeks.
 * Our own figure.
 */
const shortest = 600;

/** Value of `kmem.ids.days_left` where dead groups do not grow. */
const never = 99_999;

/** The reading in these facts, or why there is none. */
export function readingOf(facts: Facts): IdReading | string {
  for (const value of [facts['kernel.release'], facts['cgroup.memory']])
    if (isUnknown(value)) return value.$unknown;
  const health = healthOf(readRelease(known(facts, 'kernel.release', '')).generation);
  if (facts['cgroup.memory'] !== 'v1' || health === 'healthy')
    return 'dead groups show only on cgroup v1 of kernels before 4.5';
  const [at, uptime] = [known(facts, 'clock.epoch'), known(facts, 'boot.uptime')];
  const [live, dead] = [known(facts, 'kmem.live_groups'), known(facts, 'kmem.dead_groups')];
  if (at === undefined || uptime === undefined || live === undefined || dead === undefined)
    return 'clock, uptime or groups could not be read';
  if ((known(facts, 'kmem.samples')?.denied ?? 0) > 0) return 'reads were refused: needs root';
  return {
    at,
    uptime,
    live,
    dead,
    ...present({ unreclaimable: known(facts, 'memory.sunreclaim_kb') }),
  };
}

/** Seconds from one reading to a later one of the same boot, or why they cannot be compared. */
function elapsed(before: IdReading, now: IdReading): number | string {
  const seconds = now.uptime - before.uptime;
  if (seconds <= 0) return 'the earlier reading is not older';
  if (seconds < 60) return `the earlier reading is only ${seconds} s old`;
  const byClock = now.at - before.at;
  return Math.abs(byClock - seconds) > Math.max(60, seconds / 50)
    ? "the host's clock was set between the readings"
    : seconds;
}

/**
 * Number of readings that are kept of a boot: its first, and the latest ones, at least five minutes
 * apart.
 */
const most = 16;
const apart = 300;

/**
 * The readings with one more. The list stays the same where the last reading is only minutes old.
 * After a reboot (uptime went down) it begins again.
 */
export function addReading(readings: readonly IdReading[], now: IdReading): readonly IdReading[] {
  const last = readings.at(-1);
  if (last === undefined || last.uptime > now.uptime) return [now];
  if (now.uptime - last.uptime < apart) return readings;
  const [first = now, ...rest] = [...readings, now];
  return [first, ...rest.slice(1 - most)];
}

/**
 * The reading to compare with: the latest that is an hour old, else the oldest; or why there is
 * none.
 */
export function baselineOf(readings: readonly IdReading[], now: IdReading): IdReading | string {
  if (readings.length === 0) return 'no earlier reading of this boot';
  const usable = readings.filter((reading) => typeof elapsed(reading, now) === 'number');
  const old = usable.findLast((reading) => now.uptime - reading.uptime >= 3600) ?? usable[0];
  if (old !== undefined) return old;
  const why = readings
    .map((reading) => elapsed(reading, now))
    .findLast((text) => typeof text === 'string');
  return typeof why === 'string' ? why : 'no earlier reading of this boot';
}

const names = ['live', 'dead', 'used', 'growth_per_day', 'over', 'days_left', 'full_on'].map(
  (name) => `kmem.ids.${name}`,
);
const slabGrowth = 'memory.sunreclaim_per_day';

/** Names of all facts that `idFacts` makes. */
export const idNames: ReadonlySet<string> = new Set([...names, slabGrowth]);

/**
 * Facts `kmem.ids.*`, and the growth of unreclaimable slab. `kmem.ids.before` is an earlier reading
 * of this boot. Without it the growth is unknown.
 */
export function idFacts(facts: Facts): Facts {
  const now = readingOf(facts);
  if (typeof now === 'string')
    return Object.fromEntries([...names, slabGrowth].map((name) => [name, unknown(now)]));
  const { live, dead } = now;
  return {
    'kmem.ids.live': live,
    'kmem.ids.dead': dead,
    'kmem.ids.used': live + dead,
    ...growth(earlierOf(facts['kmem.ids.before']), now),
  };
}

function earlierOf(reading: Facts['kmem.ids.before']): IdReading | string {
  if (isUnknown(reading)) return reading.$unknown;
  return (
    reading ?? 'no earlier reading of this boot: `kmend check` keeps one, and compares the next'
  );
}

function growth(before: IdReading | string, now: IdReading): Facts {
  const seconds = typeof before === 'string' ? before : elapsed(before, now);
  if (typeof before === 'string' || typeof seconds === 'string') {
    const why = unknown(String(seconds));
    return {
      'kmem.ids.growth_per_day': why,
      'kmem.ids.over': why,
      'kmem.ids.days_left': why,
      'kmem.ids.full_on': why,
      [slabGrowth]: why,
    };
  }
  const perDay = (from: number, to: number): number => Math.round(((to - from) / seconds) * day);
  const dying = perDay(before.dead, now.dead);
  const slab =
    before.unreclaimable === undefined || now.unreclaimable === undefined
      ? unknown('SUnreclaim was not read both times')
      : perDay(before.unreclaimable, now.unreclaimable);
  return {
    'kmem.ids.growth_per_day': dying,
    'kmem.ids.over': seconds,
    ...forecast(dying, seconds, now),
    [slabGrowth]: slab,
  };
}

function forecast(perDay: number, seconds: number, now: IdReading): Facts {
  const free = Math.max(0, groupIds - now.live - now.dead);
  if (perDay <= 0) return { 'kmem.ids.days_left': never, 'kmem.ids.full_on': '' };
  if (seconds < shortest) {
    const why = unknown(`${seconds} s between the readings are too short to predict when`);
    return { 'kmem.ids.days_left': why, 'kmem.ids.full_on': why };
  }
  const days = Math.round((free / perDay) * 10) / 10;
  return {
    'kmem.ids.days_left': Math.min(days, never),
    'kmem.ids.full_on': dateOf(now.at + (free / perDay) * day),
  };
}

/** A day, as 2027-01-17; empty for a day that is too far away to plan for. */
const dateOf = (seconds: number): string =>
  seconds > 0 && seconds < 10_000_000_000
    ? new Date(seconds * 1000).toISOString().slice(0, 10)
    : '';
