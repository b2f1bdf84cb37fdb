// Slots on a real disk: what is left behind by a run that ended, crashed or is gone, and what
// nobody wrote so.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStore, postCommand } from '../../src/adapters/store/index.ts';
import type { Slot, Store } from '../../src/engine/ports/store.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { begin, failure, fleet } from '../core/fleet.ts';

let state: string;
let store: Store;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'kmend-slots-'));
  store = createStore(state, () => 1000);
});
afterEach(() => rmSync(state, { recursive: true }));

const pool = new Set(['h1:22', 'h2:22']);
const slot = (host: string): Slot => ({ address: `${host}:22`, host, play: 'play', kind: 'held' });
const files = (): readonly string[] => readdirSync(join(state, 'slots'));
const started = { type: 'host.started', host: 'h1', why: '' } as const;

/** A run without a process, with this journal. */
async function dead(run: string, ...events: readonly EventBody[]): Promise<void> {
  const journal = await store.createJournal(run);
  for (const body of [begin(fleet(2)), ...events]) await journal.append(body, true);
  await journal.close();
}

describe('a slot of a run without a process', () => {
  it.each([
    ['under way', [started], 'held'],
    [
      'failed',
      [started, { type: 'host.failed', host: 'h1', failure: failure(), touched: true, state: '' }],
      'failed',
    ],
    [
      'dark',
      [
        started,
        {
          type: 'host.failed',
          host: 'h1',
          failure: failure('unreachable'),
          touched: false,
          state: '',
        },
      ],
      'unreachable',
    ],
    ['not begun', [], undefined],
    ['done', [started, { type: 'host.done', host: 'h1', changed: true, proven: 'yes' }], undefined],
  ] as const)('is judged by its journal: %s', async (_name, events, kind) => {
    await dead('r1', ...events);
    await store.slots('r1', pool).keep(slot('h1'));
    const others = await store.slots('r2', pool).others();
    expect(others).toEqual(kind === undefined ? [] : [{ ...slot('h1'), run: 'r1', kind }]);
    expect(files()).toHaveLength(others.length);
  });

  it('is void where only a claim was written, or the run was removed', async () => {
    await dead('r1', started);
    await store.slots('r1', pool).claim(slot('h1'));
    await store.slots('r0', pool).keep(slot('h1'));
    expect(await store.slots('r2', pool).others()).toEqual([]);
    expect(files()).toEqual([]);
  });

  it('is free once an operator has left an acknowledgement for it', async () => {
    await dead('r1', started, {
      type: 'host.failed',
      host: 'h1',
      failure: failure(),
      touched: true,
      state: '',
    });
    await store.slots('r1', pool).keep(slot('h1'));
    const other = store.slots('r2', pool);
    expect(await other.others()).toMatchObject([{ kind: 'failed' }]);
    await postCommand(
      state,
      'r1',
      { type: 'host.resolved', host: 'h1', who: 'ops', note: '', as: 'skip' },
      0,
    );
    expect(await other.others()).toEqual([]);
  });

  it('stays where its journal cannot be read', async () => {
    await dead('r1');
    writeFileSync(join(state, 'runs/r1/journal.ndjson'), 'no journal\n');
    await store.slots('r1', pool).keep(slot('h1'));
    expect(await store.slots('r2', pool).others()).toEqual([{ ...slot('h1'), run: 'r1' }]);
  });
});

describe('slots of a run with a process', () => {
  it('are believed, in its pool only; it can take them back, and the run that remediated the host can clear them', async () => {
    const lock = await store.lock(['h1:22'], 'r1');
    const own = store.slots('r1', pool);
    await own.claim(slot('h1'));
    await own.keep(slot('h1'));
    expect(await store.slots('r2', pool).claim(slot('h2'))).toEqual([{ ...slot('h1'), run: 'r1' }]);
    expect(await store.slots('r2', new Set(['h2:22'])).others()).toEqual([]);
    await own.drop('h1:22');
    expect(await store.slots('r2', pool).others()).toEqual([]);
    await own.keep(slot('h1'));
    await store.slots('r3', pool).clear('h1:22');
    expect(await store.slots('r2', pool).others()).toEqual([]);
    if (lock.held) await lock.release();
  });

  it('of an earlier process of the run are forgotten once its own are written', async () => {
    await store.slots('r1', pool).keep(slot('h1'));
    const own = store.slots('r1', pool);
    await own.keep(slot('h1'));
    await own.forget();
    expect(files()).toHaveLength(1);
  });
});

it('a file that is no slot is not passed over', async () => {
  mkdirSync(join(state, 'slots'), { mode: 0o700 });
  writeFileSync(join(state, 'slots/r1.x.slot'), '{"run": "r1"}');
  await expect(store.slots('r2', pool).others()).rejects.toThrow(
    `${join(state, 'slots/r1.x.slot')}: is no slot that kmend wrote`,
  );
});
