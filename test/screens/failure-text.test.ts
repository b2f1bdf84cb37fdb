// Where a failure is shown, its last lines are shown: every exit of the program, with what another
// machine may have put into them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostDrift } from '../../src/core/history/drift-report.ts';
import { failuresOf } from '../../src/core/run-state/failures.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { viewOf } from '../../src/core/view/read-view.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { type Failure, lastDetail } from '../../src/model/run/failure.ts';
import { checkTable } from '../../src/screens/hosts/check-table.ts';
import { driftTable } from '../../src/screens/hosts/drift-text.ts';
import { printable, uncoloured } from '../../src/screens/layout.ts';
import { liveLines } from '../../src/screens/live/live-lines.ts';
import { planText } from '../../src/screens/plan-text.ts';
import { failureLines, failureText } from '../../src/screens/run/failure-text.ts';
import { eventLines } from '../../src/screens/run/lines.ts';
import { reportMarkdown, reportText } from '../../src/screens/run/run-report.ts';
import {
  begin,
  eventsOf,
  fleet,
  noon,
  plain,
  planFor,
  started,
  stateAfter,
  type TimedEvent,
  wave,
} from '../core/fleet.ts';

const cause = '[Errno 28] No space left on device';
const failure: Failure = {
  kind: 'exit',
  message: 'the package manager failed',
  hint: 'its last lines are below',
  detail: `${'noise\n'.repeat(40)}\u001b[2Jred\r\n${'x'.repeat(5000)}\n${cause}\n`,
};
const failed = (host: string): EventBody => ({
  type: 'host.failed',
  host,
  task: 'The runtime',
  failure,
  touched: true,
  state: 'in service',
});
const events = eventsOf([
  [0, begin(fleet(2), {}, { leftOut: [{ host: 'h9', failure }] })],
  [0, wave(1, ['h1', 'h2'])],
  [1, started('h1')],
  [2, failed('h1')],
]);
const state = foldAll(events);
const report = { state, entries: 4, head: 'abc' };
const linesFor = (body: EventBody) =>
  eventsOf([[2, body]]).flatMap((event) => eventLines(event, uncoloured));
const planned = {
  play: {
    play: 'p',
    rollout: plain,
    pool: 2,
    hosts: [planFor('h1', { nothing: true })],
    leftOut: [{ host: 'h9', failure }],
  },
};
const view = { ...planned, waves: [], unstarted: [], why: '', width: 140, paint: uncoloured };

const exits: Readonly<Record<string, () => readonly string[]>> = {
  'lines of a run: the host': () => linesFor(failed('h1')),
  'lines of a run: the effect': () =>
    linesFor({ type: 'effect.failed', host: 'h1', task: '1', effect: 'h1/1/1', failure }),
  'the live view': () =>
    liveLines(viewOf(events), { rows: 30, columns: 140, now: noon, paint: uncoloured }),
  'the end of a live view': () => failureLines(state, 5),
  'a report': () => reportText(report, 140, uncoloured),
  'a report as Markdown': () => reportMarkdown(report),
  'a plan: a host that is left out': () => [...planText(view)],
  check: () => checkTable([{ host: 'h1', failure }], 140, uncoloured),
  drift: () => driftTable([hostDrift('h1', undefined, { failure })], 140, uncoloured),
  'one text': () => [failureText(failure)],
};

describe('the last lines of what failed', () => {
  it.each(Object.keys(exits))('are shown by %s', (name) => {
    const lines = (exits[name]?.() ?? []).map(printable);
    expect(lines.join('\n')).toContain(cause);
    expect(lines.join('\n')).not.toContain('\u001b');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(3000);
    // Two hosts at most.
    expect(lines.filter((line) => line.includes('noise')).length).toBeLessThan(2 * 8);
  });

  it('stand after what to do, which may say that they are below', () => {
    const lines = linesFor(failed('h1'));
    expect(lines[0]).toMatch(/; its last lines are below$/);
    expect(lines.slice(1).at(-1)).toBe(`    | ${cause}`);
  });

  it('a run that has more failures than fit names where all of them are', () => {
    const hosts = fleet(7);
    const walks = hosts.flatMap(({ host }): TimedEvent[] => [
      [1, started(host)],
      [2, failed(host)],
    ]);
    const all = stateAfter(
      begin(hosts),
      [
        0,
        wave(
          1,
          hosts.map(({ host }) => host),
        ),
      ],
      ...walks,
    );
    expect(failuresOf(all)).toHaveLength(7);
    expect(failureLines(all, 5).at(-1)).toBe('  and 2 more: kmend report r1 has them all');
  });
});

describe('the one line that says most', () => {
  const dpkg =
    'Errors were encountered while processing:\n lab-broken\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n';
  it.each([
    [
      `dpkg: error processing package lab-broken (--configure):\n script subprocess returned error exit status 1\n${dpkg}`,
      'script subprocess returned error exit status 1',
    ],
    [
      `${dpkg} trying to overwrite '/usr/bin/runc', which is also in package b (1)\n`,
      "trying to overwrite '/usr/bin/runc', which is also in package b (1)",
    ],
    [dpkg, 'E: Sub-process /usr/bin/dpkg returned an error code (1)'],
    [
      'error: %post scriptlet failed, exit status 1\nComplete!\n',
      'error: %post scriptlet failed, exit status 1',
    ],
  ])('%j', (detail, line) =>
    expect(lastDetail({ kind: 'exit', message: 'm', detail })).toBe(` [${line}]`),
  );
});

/** Messages of failures that have no last lines, by the file that shows them. */
const withoutDetail: Readonly<Record<string, string>> = {
  'app/run/apply.ts': 'a saved plan that is damaged',
  'app/run/load-saved.ts': 'the plan of a run that is damaged',
  'cli/commands/rollout/rollback.ts': 'why a run cannot be rolled back, by its journal',
  'app/hosts/collected.ts': 'only puts the file before the message',
  'core/history/drift-report.ts': 'carries the whole failure for those who show it',
  'core/view/needs.ts': 'the row of the host carries the whole failure',
  'core/rollout/canary.ts': 'names hosts that were shown when they failed',
};

describe('whoever shows the message of a failure', () => {
  const files = ['cli', 'app', 'screens', 'adapters/outside', 'core'].flatMap((room) =>
    readdirSync(join('src', room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${room}/${name}`),
  );

  it.each(
    files.filter(
      (file) =>
        /failure\??\.message/.test(readFileSync(join('src', file), 'utf8')) &&
        withoutDetail[file] === undefined,
    ),
  )('also shows its last lines: %s', (file) => {
    expect(readFileSync(join('src', file), 'utf8')).toMatch(
      /\b(causeText|detailLines|lastDetail|failureText|failureLines)\(/,
    );
  });
});
