// Runs that are followed: when they are forecast, and in which order a watcher gets what it sees.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createStore } from '../../src/adapters/store/index.ts';
import { liveRuns } from '../../src/app/serve/live-runs.ts';
import type { RunView, ViewDelta } from '../../src/core/view/model.ts';
import { begin, done, hostFor, started } from '../core/fleet.ts';

const run = '20261127-120000-aaaa';

async function followed() {
  const folder = mkdtempSync(join(tmpdir(), 'kmend-live-'));
  let now = 0;
  let holder: string | undefined;
  const store = createStore(folder, () => now);
  const journal = await store.createJournal(run);
  onTestFinished(async () => {
    await journal.close();
    rmSync(folder, { recursive: true, force: true });
  });
  /** Numbers of the entries that each forecaster got; `closed` at its end. */
  const forecasters: (number | 'closed')[][] = [];
  const runs = liveRuns({
    store: { ...store, holder: async () => holder },
    now: () => now,
    forecaster: async () => {
      const seen: (number | 'closed')[] = [];
      forecasters.push(seen);
      return {
        see: ({ seq }) => void seen.push(seq),
        newest: () => undefined,
        close: async () => void seen.push('closed'),
      };
    },
  });
  return {
    journal,
    runs,
    forecasters,
    /** Reads on, when the process that holds the run has been asked for again. */
    later: async (by?: string): Promise<void> => {
      holder = by;
      now += 5000;
      await runs.tick();
    },
  };
}

it('forecasts a run from its first entry on, while a process works on it', async () => {
  const { journal, forecasters, later } = await followed();
  await journal.append(begin([hostFor('h1')]), true);
  await journal.append(started('h1'), true);
  await later();
  expect(forecasters).toEqual([]);
  await later('ada');
  await journal.append(done('h1'), true);
  await later('ada');
  expect(forecasters).toEqual([[0, 1, 2]]);
  await later();
  expect(forecasters).toEqual([[0, 1, 2, 'closed']]);
  await journal.append({ type: 'run.resumed', who: 'bob', tool: 'kmend' }, true);
  await later('bob');
  expect(forecasters).toEqual([
    [0, 1, 2, 'closed'],
    [0, 1, 2, 3],
  ]);
});

it('shows the run first, and then once how it was planned', async () => {
  const { journal, runs, later } = await followed();
  await journal.append(begin([hostFor('h1'), hostFor('h2')]), true);
  const live = await runs.follow(run);
  if (live === undefined) throw new Error('the run is not there');
  const seen: (RunView | ViewDelta)[] = [];
  runs.watch(live, {
    ready: () => true,
    snapshot: (view) => void seen.push(view),
    changed: (delta) => void seen.push(delta),
    gone: (why) => expect(why).toBe(''),
  });
  await later();
  await later();
  await journal.append(started('h1'), true);
  await later();
  expect(seen.map(({ planned }) => planned?.length)).toEqual([0, 2, undefined]);
});
