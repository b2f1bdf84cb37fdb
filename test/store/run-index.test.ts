// The list of runs without reading every journal: what is read, and that what it says is what the
// journals say.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import type * as Files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createStore, readRuns } from '../../src/adapters/store/index.ts';
import { makeNights, makeRun, quietNight } from './made-runs.ts';

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
let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'kmend-index-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const journalsRead = async (work: () => Promise<unknown>): Promise<number> => {
  opened.length = 0;
  await work();
  return opened.filter((path) => path.endsWith('journal.ndjson')).length;
};
const runs = () => createStore(state, () => now).runs();
const journal = (run: string): string => join(state, 'runs', run, 'journal.ndjson');

it('reads no journal of 3,000 finished runs again, and one that is new', async () => {
  makeNights(state, 3_000, now);
  expect(await journalsRead(runs)).toBe(3_000);
  expect(await journalsRead(runs)).toBe(0);
  makeRun(state, { run: '20261127-010000-00aa', at: now, bodies: quietNight() });
  expect(await journalsRead(runs)).toBe(1);
  expect(await runs()).toHaveLength(3_001);
}, 60_000);

it('says what the journals say', async () => {
  makeNights(state, 3, now);
  writeFileSync(
    join(state, 'runs/20261125-000000-00aa/settings.json'),
    '{"flags": {"job": "nightly"}}',
  );
  await runs();
  expect(await runs()).toEqual(await readRuns(state));
  expect((await runs()).map(({ job }) => job)).toEqual([undefined, 'nightly', undefined]);
});

it.each<[string, (run: string) => void]>([
  ['grew', (run) => appendFileSync(journal(run), 'x')],
  [
    'has the same length and an old time, and another text',
    (run) => {
      writeFileSync(
        journal(run),
        readFileSync(journal(run), 'utf8').replace('nothing to do', 'nothing to dO'),
      );
      utimesSync(journal(run), new Date(0), new Date(0));
    },
  ],
])('reads a journal again that %s', async (_how, change) => {
  const [run = ''] = makeNights(state, 2, now);
  await runs();
  change(run);
  expect(await journalsRead(runs)).toBe(1);
});

it.each([
  '',
  '{',
  '[]',
  '{"20261126-000000-00aa": 5}',
  '{"20261126-000000-00aa": {"size": 1, "changed": 1, "info": {"run": 5}}}',
])('makes an index anew that holds %s', async (text) => {
  makeNights(state, 1, now);
  writeFileSync(join(state, 'index.json'), text);
  expect(await runs()).toEqual(await readRuns(state));
  expect(await journalsRead(runs)).toBe(0);
});

it('forgets a run that is gone, and reads a broken journal once', async () => {
  const [first = '', second = ''] = makeNights(state, 2, now);
  writeFileSync(journal(second), '{}\n');
  await runs();
  expect(await journalsRead(runs)).toBe(0);
  rmSync(join(state, 'runs', first), { recursive: true });
  expect(await runs()).toEqual([]);
});

it('works where no index can be written', async () => {
  makeNights(state, 1, now);
  mkdirSync(join(state, 'index.json'));
  expect(await runs()).toHaveLength(1);
});
