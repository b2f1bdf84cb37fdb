// Summaries of runs: what a plan reads at its start does not grow with the runs that are over, and a
// summary counts only for the journal that it was made from.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type * as Files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { earlierDurations } from '../../src/app/history/history.ts';
import {
  changesOf,
  keepSummary,
  remediatedHosts,
  removeSummaries,
  summaryOf,
} from '../../src/app/history/summaries.ts';
import { readHeld } from '../../src/app/plan/held.ts';
import { readSummary } from '../../src/core/history/journal-summary.ts';
import { seenOf } from '../../src/core/history/orphans.ts';
import { fold } from '../../src/core/run-state/fold.ts';
import { emptyState } from '../../src/core/run-state/state.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { begin, done, planFor, started } from '../core/fleet.ts';
import { idAt, makeRun } from './made-runs.ts';

const opened: string[] = [];
vi.mock('node:fs/promises', async (importActual) => {
  const files = await importActual<typeof Files>();
  return {
    ...files,
    open: (path: string, ...rest: [string?, number?]) => {
      opened.push(path);
      return files.open(path, ...rest);
    },
  };
});

const now = Date.UTC(2026, 10, 27);
const day = 86_400_000;
let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'kmend-summaries-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const storeOf = () => createStore(state, () => now);

const task = { host: 'h1', task: '1' };
const change = { sign: '+', what: 'boot argument x', after: 'y', risk: 'reboot' } as const;
const effect = {
  ...task,
  effect: 'h1/1/0',
  kind: 'write',
  what: 'w',
  timeout: 1,
  detached: false,
} as const;

/** A run that changes `h1`, and ends in this way. */
const rollout = (...end: readonly EventBody[]): readonly EventBody[] => [
  begin([{ host: 'h1', plan: planFor('h1'), down: false }]),
  started('h1'),
  {
    ...task,
    type: 'task.planned',
    name: 't',
    module: 'kernel_arg',
    status: 'change',
    changes: [change],
  },
  { ...effect, type: 'effect.started' },
  ...end,
];
const proven: readonly EventBody[] = [
  { ...task, type: 'effect.done', effect: 'h1/1/0', result: { ok: true } },
  { type: 'proof', host: 'h1', verdict: 'off', by: 'samples', evidence: 'e' },
  done('h1'),
  { type: 'run.finished', exit: 0, why: 'done' },
  { type: 'run.closed' },
];
const interrupted: readonly EventBody[] = [
  { type: 'run.aborted', who: 'eve', why: 'SIGTERM' },
  { type: 'run.finished', exit: 130, why: 'interrupted' },
  { type: 'run.closed' },
];

/** So many weekly runs before `now`; the oldest was interrupted. */
const makeWeeks = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => {
    const at = now - (count - index) * 7 * day;
    makeRun(state, { run: idAt(at), at, bodies: rollout(...(index === 0 ? interrupted : proven)) });
    return idAt(at);
  });

const first = begin([]);
const about = {
  playbook: first.type === 'run.started' ? first.playbook : '',
  play: first.type === 'run.started' ? first.play : '',
  pool: ['h1'],
};

/** What a plan reads of the history; how many journals it opens for it. */
async function startOfPlan() {
  const store = storeOf();
  opened.length = 0;
  const held = await readHeld([seenOf('h1', {})], store);
  const earlier = await earlierDurations(store, about);
  await store.newest();
  const journals = opened.filter((path) => path.endsWith('journal.ndjson')).length;
  return { held: [...held.values()].map(({ kind, run }) => [kind, run]), earlier, journals };
}

it.each([5, 60])(
  'a plan beside %d runs that are over reads none of their journals',
  async (count) => {
    const [oldest] = makeWeeks(count);
    const before = await startOfPlan();
    expect(before.journals).toBeGreaterThan(count);
    const { held, earlier, journals } = await startOfPlan();
    expect(journals).toBe(0);
    expect({ held, earlier }).toEqual({ held: before.held, earlier: before.earlier });
    expect(held).toEqual([['interrupted', oldest]]);
    expect(earlier).toHaveLength(Math.min(20, count - 1));
  },
  60_000,
);

it('drift remembers hosts by the journals once, and reads new runs only', async () => {
  makeWeeks(5);
  const before = await remediatedHosts(storeOf());
  expect([...before.keys()]).toEqual(['h1']);
  opened.length = 0;
  expect(await remediatedHosts(storeOf())).toEqual(before);
  expect(opened.filter((path) => path.endsWith('journal.ndjson'))).toEqual([]);
  makeRun(state, { run: idAt(now), at: now, bodies: rollout(...proven) });
  opened.length = 0;
  expect((await remediatedHosts(storeOf())).get('h1')?.run).toBe(idAt(now));
  expect(new Set(opened.filter((path) => path.endsWith('journal.ndjson'))).size).toBe(1);
});

it('drift remembers anew where an earlier run went on, or was removed', async () => {
  const [, second = ''] = makeWeeks(2);
  await remediatedHosts(storeOf());
  rmSync(join(state, 'runs', second), { recursive: true });
  expect([...(await remediatedHosts(storeOf())).keys()]).toEqual([]);
});

describe('a summary', () => {
  const kept = (run: string): string => join(state, 'summaries', `${run}.json`);
  const infoOf = async (run: string) => {
    const info = (await storeOf().runs()).find((one) => one.run === run);
    if (info === undefined) throw new Error(`no run ${run}`);
    return info;
  };

  it('that a run keeps is the one that its journal gives', async () => {
    const [, run = ''] = makeWeeks(2);
    const store = storeOf();
    const info = await infoOf(run);
    const reader = readSummary();
    let runState = emptyState;
    const end = await store.scanEvents(run, (event) => {
      runState = fold(runState, event);
      reader.see(event);
    });
    const made = { summary: reader.summary(runState), changes: reader.changes() };
    await keepSummary(run, end, made, store);
    opened.length = 0;
    expect(await summaryOf(info, store)).toEqual(made.summary);
    expect(await changesOf(info, store)).toEqual(made.changes);
    expect(opened.filter((path) => path.endsWith('journal.ndjson'))).toEqual([]);
  });

  it.each<[string, (text: string) => string]>([
    ['is empty', () => ''],
    ['is half', (text) => text.slice(0, text.length / 2)],
    ['has another word', (text) => text.replace('"reboot"', '"kernel"')],
    ['has another number', (text) => text.replace('"drain":0', '"drain":9')],
    ['is of another version', (text) => text.replace('kmend.summary/1', 'kmend.summary/0')],
    ['is of another head', (text) => text.replace(/"head":"../, '"head":"zz')],
    ['is something else', () => '{}\n[]\n'],
  ])('that %s is made anew', async (_how, change) => {
    const [, run = ''] = makeWeeks(2);
    const info = await infoOf(run);
    const before = await summaryOf(info, storeOf());
    writeFileSync(kept(run), change(readFileSync(kept(run), 'utf8')));
    opened.length = 0;
    expect(await summaryOf(info, storeOf())).toEqual(before);
    expect(opened.some((path) => path.endsWith('journal.ndjson'))).toBe(true);
    opened.length = 0;
    expect(await summaryOf(info, storeOf())).toEqual(before);
    expect(opened.some((path) => path.endsWith('journal.ndjson'))).toBe(false);
  });

  it('does not count for a journal that has grown', async () => {
    const [run = ''] = makeWeeks(1);
    await summaryOf(await infoOf(run), storeOf());
    const { journal } = await storeOf().openJournal(run, () => {});
    await journal.append({ type: 'run.resumed', who: 'eve', tool: '1' }, true);
    await journal.close();
    const after = await summaryOf(await infoOf(run), storeOf());
    expect(after.aborted).toBeUndefined();
  });

  it('goes with its run', async () => {
    const [older = '', newer = ''] = makeWeeks(2);
    await remediatedHosts(storeOf());
    await earlierDurations(storeOf(), about);
    rmSync(join(state, 'runs', older), { recursive: true });
    await removeSummaries(storeOf());
    expect(readdirSync(join(state, 'summaries')).sort()).toEqual([
      `${newer}.changes.json`,
      `${newer}.json`,
    ]);
  });
});

describe('the list of runs', () => {
  it('knows a run that has just ended without reading its journal', async () => {
    const store = storeOf();
    const journal = await store.createJournal(idAt(now));
    for (const body of rollout(...proven)) await journal.append(body, false);
    await journal.close();
    opened.length = 0;
    const [info] = await storeOf().runs();
    expect(info).toMatchObject({ run: idAt(now), finished: { exit: 0 }, ...journal.end() });
    expect(opened.filter((path) => path.endsWith('journal.ndjson'))).toEqual([]);
    expect(await storeOf().history.fromJournals()).toEqual([info]);
  });
});
