// A rescued host is seen wherever people look, and so is that it counts until it is acknowledged.
import { describe, expect, it } from 'vitest';
import { runSummary } from '../../src/core/history/run-summary.ts';
import { noticeOf } from '../../src/core/notices/outbox.ts';
import { brakeHolders, shouldTrip } from '../../src/core/rollout/brake.ts';
import { runExit } from '../../src/core/rollout/exit.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { hostStates, type RunState } from '../../src/core/run-state/state.ts';
import { viewOf } from '../../src/core/view/read-view.ts';
import type { Rollout } from '../../src/model/playbook.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { reportCsv } from '../../src/screens/html/csv.ts';
import { outcome } from '../../src/screens/html/outcome.ts';
import { uncoloured } from '../../src/screens/layout.ts';
import { liveLines } from '../../src/screens/live/live-lines.ts';
import { junitXml } from '../../src/screens/run/junit.ts';
import { eventLines } from '../../src/screens/run/lines.ts';
import { nextSteps } from '../../src/screens/run/next-steps.ts';
import { noticeText } from '../../src/screens/run/notice-text.ts';
import { recapLines } from '../../src/screens/run/recap.ts';
import { reportMarkdown, reportText } from '../../src/screens/run/run-report.ts';
import {
  begin,
  done,
  eventsOf,
  failure,
  fleet,
  noon,
  plain,
  started,
  type TimedEvent,
  wave,
} from '../core/fleet.ts';

const rescued = (host: string, counts: boolean): readonly EventBody[] => [
  {
    type: 'block.failed',
    host,
    task: '1',
    part: 'block',
    failed: 'The mirror',
    failure: failure('exit', 'it ended with 3'),
    result: {},
  },
  {
    type: 'block.rescued',
    host,
    task: '1',
    failed: 'The mirror',
    failure: failure('exit', 'it ended with 3'),
    counts,
  },
];

/** Both hosts end well; h1 by a rescue. */
const story = (counts: boolean, policy: Partial<Rollout> = {}, more: readonly TimedEvent[] = []) =>
  eventsOf([
    [0, begin(fleet(2), { maxUnavailable: { count: 2 }, ...policy })],
    [0, wave(1, ['h1', 'h2'])],
    [1, started('h1')],
    [1, started('h2')],
    ...rescued('h1', counts).map((body): TimedEvent => [2, body]),
    [3, done('h1')],
    [3, done('h2')],
    ...more,
  ]);
const finished: TimedEvent = [4, { type: 'run.finished', exit: 12, why: '1 done, 1 rescued' }];
const acknowledged: TimedEvent = [
  5,
  { type: 'host.resolved', host: 'h1', who: 'ada', note: 'fine', as: 'done' },
];
const journal = { run: 'r1', entries: 8, head: 'abc', torn: false };
const report = (state: RunState) => ({ state, entries: 8, head: 'abc' });
const screen = { rows: 30, columns: 140, now: noon + 9_000, paint: uncoloured };

const events = story(true, {}, [finished]);
const state = foldAll(events);
const shown: Readonly<Record<string, () => string>> = {
  'lines of a run': () => events.flatMap((event) => eventLines(event, uncoloured)).join('\n'),
  'the live view': () => liveLines(viewOf(events), screen).join('\n'),
  'the recap': () => recapLines(hostStates(state), [], uncoloured).join('\n'),
  'the report': () => reportText(report(state), 140, uncoloured).join('\n'),
  'the report as Markdown': () => reportMarkdown(report(state)).join('\n'),
  'the report as JSON': () => JSON.stringify(runSummary(state, journal)),
  'the report as JUnit': () => junitXml(runSummary(state, journal)),
  'the table of the report and of the page': () => viewOf(events).hosts.map(outcome).join('\n'),
  'the report as CSV': () => reportCsv(viewOf(events)),
  'the sentence at the end': () => runExit(state).why,
  'a notice': () => {
    const notice = events.flatMap((event) => noticeOf(event, state) ?? []).at(-1);
    return notice === undefined ? '' : noticeText(notice, 'here');
  },
};

describe('a rescued host', () => {
  it.each(Object.keys(shown))('is seen in %s', (name) => {
    expect(shown[name]?.()).toMatch(/rescued/);
  });

  it.each([
    'the live view',
    'the report',
    'the report as JSON',
    'the report as JUnit',
    'the table of the report and of the page',
    'the report as CSV',
    'a notice',
  ])('%s says after what', (name) => {
    expect(shown[name]?.()).toContain('it ended with 3');
  });

  it('that counts is a failed case of JUnit; one that does not passes', () => {
    expect(shown['the report as JUnit']?.()).toMatch(/<failure .*type="rescued"/);
    expect(junitXml(runSummary(foldAll(story(false)), journal))).not.toContain('<failure');
  });

  it('that counts waits for an operator, with the command', () => {
    const command = 'kmend resume r1 --done h1';
    expect(nextSteps(state)).toEqual([`check h1, then: ${command}`]);
    expect(viewOf(events).head.needs).toMatchObject([{ kind: 'resolve', host: 'h1', command }]);
    const after = story(true, {}, [finished, acknowledged]);
    expect([nextSteps(foldAll(after)), viewOf(after).head.needs]).toEqual([[], []]);
  });

  it('counts in the recap as Ansible counts it, and only where one was', () => {
    const recap = (of: RunState) => recapLines(hostStates(of), [], uncoloured, 140);
    expect(recap(state)[1]).toMatch(/skipped=0 +rescued=1 +ignored=0 +proven, rescued$/);
    expect(recap(state)[2]).toMatch(/rescued=0/);
    expect(recap(foldAll(story(true).slice(0, 4))).join('\n')).not.toMatch(/rescued/);
  });
});

describe('the brake', () => {
  const trip = (of: readonly (typeof events)[number][], brake: Partial<Rollout['brake']> = {}) =>
    shouldTrip({
      state: foldAll(of),
      policy: { ...plain, brake: { ...plain.brake, ...brake } },
      now: noon,
      context: {},
    });
  const many = { failures: { count: 9 } };

  it('counts a rescue behind a change, over the run, in its wave and in its zone', () => {
    const why = expect.stringContaining('(exit: it ended with 3)');
    expect(trip(story(true))).toMatchObject({ host: 'h1', why });
    expect(trip(story(true), { ...many, perWave: { count: 0 } })).toMatchObject({ host: 'h1' });
    expect(trip(story(true), { ...many, perZone: { count: 0 } })).toMatchObject({ host: 'h1' });
    expect(trip(story(true), many)).toBeUndefined();
  });

  it('counts none that changed nothing, and none where the play says so', () => {
    const brake = { ...plain.brake, rescued: 'ignore' as const };
    for (const of of [story(false), story(true, { brake })]) {
      expect(trip(of)).toBeUndefined();
      expect(runExit(foldAll(of))).toEqual({ exit: 0, why: '1 done, 1 rescued' });
    }
  });

  it('counts a host once: with two rescues, and with a failure behind one', () => {
    const [, again] = rescued('h1', true);
    const failed: EventBody = {
      type: 'host.failed',
      host: 'h1',
      failure: failure(),
      touched: true,
      state: '',
    };
    for (const body of [{ ...again, task: '2' } as EventBody, failed])
      expect(foldAll(story(true, {}, [[4, body]])).failures).toBe(1);
  });

  it('counts a host that is tried again and rescued again', () => {
    const retried: EventBody = {
      type: 'host.resolved',
      host: 'h1',
      who: 'a',
      note: '',
      as: 'retry',
    };
    const again = [retried, started('h1'), ...rescued('h1', true), done('h1')];
    const of = story(
      true,
      {},
      again.map((body, at): TimedEvent => [5 + at, body]),
    );
    expect([foldAll(of).failures, runExit(foldAll(of)).exit]).toEqual([1, 12]);
  });

  it('a rescued canary trips it, however much it allows', () => {
    const canary = [begin(fleet(2), { canary: { hosts: { count: 1 }, soak: 0, promote: 'auto' } })];
    const of = eventsOf([
      ...canary.map((body): TimedEvent => [0, body]),
      [0, wave(0, ['h1'], true)],
      [1, started('h1')],
      ...rescued('h1', true).map((body): TimedEvent => [2, body]),
    ]);
    expect(trip(of, many)).toMatchObject({ host: 'h1' });
  });

  it('is held until the host is acknowledged, and the run exits with 12 until then', () => {
    const tripped: TimedEvent = [3, { type: 'brake.tripped', why: 'h1', host: 'h1' }];
    const held = foldAll(story(true, {}, [tripped]));
    expect([brakeHolders(held, plain), runExit(held).exit]).toEqual([['h1'], 12]);
    const free = foldAll(story(true, {}, [tripped, acknowledged]));
    expect([brakeHolders(free, plain), runExit(free).exit]).toEqual([[], 0]);
  });
});
