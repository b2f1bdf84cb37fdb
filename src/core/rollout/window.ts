// Windows and freezes: may hosts be started now, for how long, and when does the next long enough
// window open?
import type { Freeze, Rollout, Window } from '../../model/playbook.ts';
import { instantOf, midnight, minutes, parseLocal, weekday } from './local-time.ts';

export type Schedule = Pick<Rollout, 'windows' | 'freeze'>;

/** A period, from `from` until `until` (instants), in which the schedule stays open or closed. */
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
/** A window that stays open for two weeks is long enough for any host. */
const farEnough = 14 * day;
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The span of a window that opens `days` days after the local day of `now`; undefined when it does
 * not open on that day.
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
 * When the windows that are open at `now` close, counting windows that follow without a break.
 * Undefined when none is open.
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
 * The last answer for each schedule. It is valid until its end, so that a question at every event
 * costs nothing.
 */
const remembered = new WeakMap<Schedule, Stretch>();

/** Is the schedule open at `now`, and until when? Another closed period may follow a closed one. */
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
 * How far ahead to search. Windows repeat every week, so what does not come within two weeks after
 * the last freeze never comes.
 */
function horizonOf(schedule: Schedule, now: number): number {
  let end = now + farEnough;
  for (const freeze of schedule.freeze.map(freezeSpan).sort((a, b) => a.from - b.from)) {
    if (freeze.from <= end) end = Math.max(end, freeze.to + farEnough);
  }
  return end;
}

/**
 * The first instant from `now` on at which the schedule is open for so many seconds; undefined when
 * there is none.
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
