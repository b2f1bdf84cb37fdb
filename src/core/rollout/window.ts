// Windows and freezes: may hosts be started now, how much time is left, and when does the next
// window open that is long enough?
import type { Freeze, Rollout, Window } from '../../model/playbook.ts';
import { instantOf, midnight, minutes, parseLocal, weekday } from './local-time.ts';

export type Schedule = Pick<Rollout, 'windows' | 'freeze'>;

/** From `from` on until `until` (both instants) it stays as it is at the asked moment. */
export type Stretch =
  | { readonly open: true; readonly from: number; readonly until: number }
  | {
      readonly open: false;
      readonly from: number;
      readonly until: number;
      readonly why: string;
      readonly rule: 'window' | 'freeze';
    };

const day = 86_400_000;
/** A window that goes on for two weeks is long enough for any host: no need to look further. */
const farEnough = 14 * day;
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The span of a window that opens on a local day, counted from the day of `now`; absent when it
 * does not open on it.
 */
function spanOn(window: Window, now: number, days: number): Span | undefined {
  const start = midnight(window.tz, now, days);
  if (!window.days.includes(weekday(start))) return undefined;
  const overnight = window.to <= window.from;
  const span = {
    from: instantOf(window.tz, start + minutes(window.from)),
    to: instantOf(window.tz, start + minutes(window.to) + (overnight ? day : 0)),
  };
  return span.to > span.from ? span : undefined;
}

const freezeSpan = (freeze: Freeze): Span => ({
  from: instantOf(freeze.tz, parseLocal(freeze.from)),
  to: instantOf(freeze.tz, parseLocal(freeze.to)),
});

/**
 * When the windows that are open at `now` close, taking over from each other without a break;
 * absent when none is open.
 */
function closing(windows: readonly Window[], now: number): number | undefined {
  let until = now;
  for (let grown = true; grown && until - now < farEnough; ) {
    grown = false;
    for (const window of windows) {
      for (const days of [-1, 0]) {
        const span = spanOn(window, until, days);
        if (span === undefined || span.from > until || span.to <= until) continue;
        until = span.to;
        grown = true;
      }
    }
  }
  return until === now ? undefined : until;
}

/** When the next window opens after `now`. */
function opening(windows: readonly Window[], now: number): number | undefined {
  let next: number | undefined;
  for (const window of windows) {
    for (let days = -1; days <= 8; days += 1) {
      const from = spanOn(window, now, days)?.from;
      if (from === undefined || from <= now) continue;
      next = next === undefined ? from : Math.min(next, from);
      break;
    }
  }
  return next;
}

function compute(schedule: Schedule, now: number): Stretch {
  const freezes = schedule.freeze.map((freeze) => ({ ...freezeSpan(freeze), why: freeze.why }));
  const frozen = freezes.find((freeze) => freeze.from <= now && now < freeze.to);
  if (frozen !== undefined)
    return {
      open: false,
      from: now,
      until: frozen.to,
      why: `frozen: ${frozen.why}`,
      rule: 'freeze',
    };
  const closes =
    schedule.windows.length === 0 ? Number.POSITIVE_INFINITY : closing(schedule.windows, now);
  if (closes === undefined) {
    const until = opening(schedule.windows, now) ?? Number.POSITIVE_INFINITY;
    return { open: false, from: now, until, why: 'outside the maintenance window', rule: 'window' };
  }
  const nextFreeze = Math.min(
    ...freezes.filter((freeze) => freeze.from > now).map((freeze) => freeze.from),
  );
  return { open: true, from: now, until: Math.min(closes, nextFreeze) };
}

/**
 * The last answer by schedule: it holds until its end, so that asking at every event costs nothing.
 */
const remembered = new WeakMap<Schedule, Stretch>();

/**
 * Is the schedule open at `now`, and until when does that last? A closed stretch may be followed by
 * another closed one.
 */
export function stretchAt(schedule: Schedule, now: number): Stretch {
  if (schedule.windows.length === 0 && schedule.freeze.length === 0)
    return { open: true, from: now, until: Number.POSITIVE_INFINITY };
  const last = remembered.get(schedule);
  if (
    last !== undefined &&
    last.from <= now &&
    now < last.until &&
    (!last.open || last.until - now < farEnough)
  )
    return last;
  const stretch = compute(schedule, now);
  remembered.set(schedule, stretch);
  return stretch;
}

/**
 * Windows come again every week: what does not come within two weeks after the last freeze in the
 * way does not come at all.
 */
function horizonOf(schedule: Schedule, now: number): number {
  let end = now + farEnough;
  for (const freeze of schedule.freeze.map(freezeSpan).sort((a, b) => a.from - b.from)) {
    if (freeze.from <= end) end = Math.max(end, freeze.to + farEnough);
  }
  return end;
}

/**
 * The first instant from `now` on at which the schedule is open for that long; absent when none
 * comes.
 */
export function nextFit(schedule: Schedule, now: number, seconds: number): number | undefined {
  const horizon = horizonOf(schedule, now);
  for (let time = now; time <= horizon; ) {
    const stretch = compute(schedule, time);
    if (stretch.open && stretch.until - time >= seconds * 1000) return time;
    if (stretch.until <= time) return undefined;
    time = stretch.until;
  }
  return undefined;
}
