// The steps of a reboot as a table: what is known, what was seen, how long it has been, and what is
// done next.
import { describe, expect, it } from 'vitest';
import {
  afterStep,
  type Boot,
  nextStep,
  type RebootStep,
  type Underway,
  underway,
  withMark,
} from '../../src/engine/effects/reboot-step.ts';
import type { RebootEffect } from '../../src/model/run/effect.ts';
import { failed, type Outcome, ok } from '../../src/model/run/failure.ts';

const effect = (some: Partial<RebootEffect> = {}): RebootEffect => ({
  kind: 'reboot',
  what: 'reboot',
  timeout: 600,
  stableFor: 1,
  drain: 'none',
  ...some,
});
const began = 1_790_000_000_000;
const fallback = { argv: ['ipmi'], environment: {}, timeout: 60 };
const escalating = { escalate: ['force', 'sysrq'] } as const;

const plain = underway(effect(), 'old', 'sent', began);
const unsure = underway(effect(), 'old', 'unknown', began);
const harder = underway(effect(escalating), 'old', 'sent', began);
const last = underway(effect({ fallback }), 'old', 'sent', began);
/** After both harder ways, the second one in second 240. */
const tried = afterStep(
  afterStep(harder, 'escalated', began + 121_000),
  'escalated',
  began + 240_000,
);
/** After the fallback, in second 601. */
const cycled = afterStep(last, 'fell_back', began + 601_000);

const boot = (id: string, mark: 'marked' | 'withheld' | 'bare'): Outcome<Boot> =>
  ok({ id, marked: mark === 'marked', withheld: mark === 'withheld' });
const same = boot('old', 'marked');
const bare = boot('old', 'bare');
const withheld = boot('old', 'withheld');
const back = boot('new', 'bare');
const away: Outcome<Boot> = failed('unreachable', 'no route', { transport: true });
const otherKey: Outcome<Boot> = failed('host_key', 'another key');

const short = (step: RebootStep): string => {
  switch (step.kind) {
    case 'give_up':
      return `give up: ${step.failure.kind}: ${step.failure.message}`;
    case 'escalate':
      return `${step.way} after ${step.waited} s`;
    case 'fall_back':
      return `fall back (${step.answers ? 'answers' : 'silent'}): ${step.why.kind}`;
    default:
      return step.kind;
  }
};

const hangs = (seconds: number): string =>
  `give up: timeout: not carried out: the host still runs the same boot ${seconds} s after the reboot was sent`;
const gone = (seconds: number): string =>
  `give up: unreachable: did not come back within ${seconds} s after the reboot (last try: no route)`;

describe('the next step', () => {
  it.each<[string, Underway, Outcome<Boot>, number, string]>([
    ['a new boot id ends the wait', plain, back, 30, 'back'],
    ['at any time, also after the last way', cycled, back, 1100, 'back'],
    ['the old boot id with the mark: it goes down', plain, same, 30, 'wait'],
    [
      'the old boot id without the mark, after an answer: the script is still writing it',
      plain,
      bare,
      1,
      'wait',
    ],
    ['not known whether it was sent, and no mark: it was not', unsure, bare, 1, 'send'],
    ['not known whether it was sent, and the mark: it was', unsure, same, 1, 'wait'],
    ['not known whether it was sent, and no answer', unsure, away, 1, 'wait'],
    ['withheld on the host, though it had answered well', plain, withheld, 20, 'send'],
    ['no answer while it boots', plain, away, 300, 'wait'],
    ['no answer at the end of its time', plain, away, 600, 'wait'],
    ['no answer after its time', plain, away, 601, gone(601)],
    ['still the old boot after the time to go down', plain, same, 121, hangs(121)],
    ['still the old boot just within the time to go down', plain, same, 120, 'wait'],
    [
      'another host answers',
      plain,
      otherKey,
      30,
      'give up: host_key: after the reboot: another key',
    ],
    ['a harder way, once it hangs', harder, same, 121, 'force after 121 s'],
    ['no harder way for a host that is away: it does go down', harder, away, 300, 'wait'],
    ['no harder way after the time of the whole reboot', harder, same, 601, hangs(601)],
    [
      'the next way has the time to go down again',
      afterStep(harder, 'escalated', began + 121_000),
      same,
      200,
      'wait',
    ],
    [
      'and then comes',
      afterStep(harder, 'escalated', began + 121_000),
      same,
      242,
      'sysrq after 242 s',
    ],
    ['no way is left', tried, same, 361, hangs(361)],
    ['the fallback, where it hangs', last, same, 121, 'fall back (answers): timeout'],
    ['the fallback, where it is away', last, away, 601, 'fall back (silent): unreachable'],
    ['the fallback comes once, and has the time of a whole reboot', cycled, away, 1200, 'wait'],
    ['and then it is over', cycled, away, 1202, gone(1202)],
  ])('%s', (_what, reboot, seen, seconds, expected) => {
    expect(short(nextStep(reboot, seen, began + seconds * 1000, false))).toBe(expected);
  });

  const ended = 'give up: interrupted: the run was ended while the host reboots';
  it.each<[string, Underway, Outcome<Boot>, number, string]>([
    ['nothing is sent', unsure, bare, 1, ended],
    ['nothing harder is sent', harder, same, 121, hangs(121)],
    ['no fallback is run', last, away, 601, gone(601)],
    ['a host that is back is back', plain, back, 30, 'back'],
    ['a host that is away is left to the resume', plain, away, 30, ended],
  ])('after a stop: %s', (_what, reboot, seen, seconds, expected) => {
    expect(short(nextStep(reboot, seen, began + seconds * 1000, true))).toBe(expected);
  });
});

describe('what is known afterwards', () => {
  it('the mark says that it was sent, and a reboot that was sent is not sent again when the mark is gone', () => {
    const marked = withMark(unsure, same);
    expect(marked.sent).toBe('sent');
    expect(nextStep(marked, bare, began + 1000, false).kind).toBe('wait');
    // The mark of a new boot is not about the old one.
    expect(withMark(unsure, boot('new', 'marked')).sent).toBe('unknown');
  });

  it('a reboot that is sent again has all of its time', () => {
    const again = afterStep(unsure, 'sent', began + 500_000);
    expect(short(nextStep(again, away, began + 1_000_000, false))).toBe('wait');
    expect(short(nextStep(again, same, began + 610_000, false))).toBe('wait');
  });

  it.each<[Partial<RebootEffect>, number]>([
    [{ timeout: 1200 }, 120],
    [{ timeout: 60 }, 120],
    [{ timeout: 1200, escalate: ['force'] }, 120],
    [{ timeout: 90, ...escalating }, 30],
  ])('the time of %j is shared', (some, seconds) => {
    expect(underway(effect(some), 'old', 'sent', began).goesDownWithin).toBe(seconds);
  });
});
