// Decides the next step of a reboot under way, from what the host answered. Pure: `perform-reboot`
// reads the host, asks here, and carries the step out.
import type { Escalation, Fallback, RebootEffect } from '../../model/run/effect.ts';
import type { Failure, Outcome } from '../../model/run/failure.ts';
import { interrupted } from './effect-context.ts';

/** An answer of a host during its reboot. */
export interface Boot {
  readonly id: string;
  /** A reboot was sent in this boot. */
  readonly marked: boolean;
  /** The reboot was not sent, because packages were being changed. */
  readonly withheld: boolean;
}

/** The state of a reboot under way. Times are milliseconds since 1970. */
export interface Underway {
  /** The boot id before the reboot. */
  readonly old: string;
  /** `unknown` after a resume, or if the answer was lost. */
  readonly sent: 'sent' | 'unknown';
  readonly began: number;
  /** When something was last sent: each step gets its own time. */
  readonly since: number;
  /** Seconds that a reboot may take. */
  readonly timeout: number;
  /** Seconds after which this reboot has failed: a fallback extends it by `timeout`. */
  readonly limit: number;
  /** Seconds that a host with the old boot id may take to go down. */
  readonly goesDownWithin: number;
  /** Escalations that were not tried yet, the next one first. */
  readonly harder: readonly Escalation[];
  /** The play's program on this machine, if it was not run yet. */
  readonly fallback?: Fallback;
}

/** A step that sends something to the host, or acts on it. */
export type SentStep =
  /** The reboot was not sent in this boot. */
  | { readonly kind: 'send' }
  | { readonly kind: 'escalate'; readonly way: Escalation; readonly waited: number }
  /** `answers`: the host still answers. */
  | {
      readonly kind: 'fall_back';
      readonly fallback: Fallback;
      readonly why: Failure;
      readonly answers: boolean;
    };

export type RebootStep =
  | SentStep
  | { readonly kind: 'back'; readonly boot: Boot }
  | { readonly kind: 'give_up'; readonly failure: Failure }
  | { readonly kind: 'wait' };

/** Seconds that a host with the old boot id may take to go down. */
const longestShutdown = 120;

/** A reboot whose time begins now. The time of the whole reboot is shared among its ways. */
export function underway(
  { escalate = [], timeout, fallback }: RebootEffect,
  old: string,
  sent: Underway['sent'],
  now: number,
): Underway {
  const goesDownWithin =
    escalate.length === 0
      ? longestShutdown
      : Math.min(longestShutdown, timeout / (escalate.length + 1));
  const rest = fallback === undefined ? {} : { fallback };
  return {
    old,
    sent,
    began: now,
    since: now,
    timeout,
    limit: timeout,
    goesDownWithin,
    harder: escalate,
    ...rest,
  };
}

/** Notes that the reboot was sent, if the host has its mark. */
export const withMark = (reboot: Underway, boot: Outcome<Boot>): Underway =>
  boot.ok && boot.value.id === reboot.old && boot.value.marked
    ? { ...reboot, sent: 'sent' }
    : reboot;

export function nextStep(
  reboot: Underway,
  boot: Outcome<Boot>,
  now: number,
  isStopped: boolean,
): RebootStep {
  if (boot.ok && boot.value.id !== reboot.old) return { kind: 'back', boot: boot.value };
  const unsent =
    boot.ok && !boot.value.marked && (reboot.sent === 'unknown' || boot.value.withheld);
  if (unsent && !isStopped) return { kind: 'send' };
  if (!boot.ok && boot.failure.kind === 'host_key')
    return giveUp({ ...boot.failure, message: `after the reboot: ${boot.failure.message}` });
  const waited = (now - reboot.began) / 1000;
  const hangs = boot.ok && (now - reboot.since) / 1000 > reboot.goesDownWithin;
  const [way] = reboot.harder;
  if (hangs && waited <= reboot.limit && way !== undefined && !isStopped)
    return { kind: 'escalate', way, waited };
  if (hangs || waited > reboot.limit) return runFallback(reboot, boot, waited, isStopped);
  return isStopped
    ? giveUp(interrupted('the run was ended while the host reboots'))
    : { kind: 'wait' };
}

/** Runs the play's fallback once; without one the reboot has failed. */
function runFallback(
  { fallback }: Underway,
  boot: Outcome<Boot>,
  waited: number,
  isStopped: boolean,
): RebootStep {
  const why = boot.ok ? notCarriedOut(waited, boot.value.marked) : notBack(waited, boot.failure);
  return fallback === undefined || isStopped
    ? giveUp(why)
    : { kind: 'fall_back', fallback, why, answers: boot.ok };
}

const giveUp = (failure: Failure): RebootStep => ({ kind: 'give_up', failure });

/** The state after this step was carried out. */
export function afterStep(
  reboot: Underway,
  step: 'sent' | 'unknown' | 'escalated' | 'fell_back',
  now: number,
): Underway {
  switch (step) {
    case 'sent':
    case 'unknown':
      return { ...reboot, sent: step, began: now, since: now };
    case 'escalated':
      return { ...reboot, harder: reboot.harder.slice(1), since: now };
    case 'fell_back': {
      const { fallback: _fallback, ...rest } = reboot;
      return { ...rest, since: now, limit: (now - reboot.began) / 1000 + reboot.timeout };
    }
  }
}

const notCarriedOut = (waited: number, marked: boolean): Failure => ({
  kind: 'timeout',
  message: `not carried out: the host still runs the same boot ${Math.round(waited)} s after the reboot was ${marked ? 'sent' : 'asked for'}`,
  hint: 'a hung unit or a stuck mount may hold the shutdown: check the console, reboot the host by hand, then: kmend resume RUN --retry HOST',
});

/** Also the failure of a host that is unreachable when its run is resumed. */
export const notBack = (waited: number, last: Failure | undefined): Failure => ({
  kind: 'unreachable',
  message: `did not come back within ${Math.round(waited)} s after the reboot${last === undefined ? '' : ` (last try: ${last.message})`}`,
  hint: 'check its console and power-cycle it; its slot stays taken until an operator runs: kmend resume RUN --retry HOST',
});
