// The thread that makes forecasts: real, from its built bundle.
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createForecaster } from '../../src/adapters/local/forecast/forecaster.ts';
import { foldAll } from '../../src/core/run-state/fold.ts';
import { forecastOf } from '../../src/core/view/forecast.ts';
import type { EventBody } from '../../src/model/run/event.ts';
import { bundlePath } from '../cli/child.ts';
import { begin, eventsOf, fleet, noon, started } from '../core/fleet.ts';

const wave: EventBody = { type: 'wave.started', wave: 1, hosts: ['h1', 'h2', 'h3'], canary: false };
const events = eventsOf([
  [0, begin(fleet(3))],
  [1, wave],
  [2, started('h1')],
]);

const built = async (): Promise<URL> => pathToFileURL(join(dirname(bundlePath()), 'forecast.cjs'));

it('answers with the newest forecast, and makes the next one ten seconds later', async () => {
  let now = noon;
  const forecaster = createForecaster(() => now, await built());
  onTestFinished(forecaster.close);
  for (const event of events) forecaster.see(event);
  expect(forecaster.newest()).toBeUndefined();
  now = noon + 60_000;
  await vi.waitFor(() => expect(forecaster.newest()).toBeDefined(), { timeout: 20_000 });
  const first = forecaster.newest();
  expect(first).toEqual(forecastOf(foldAll(events), now));
  now += 9_000;
  expect(forecaster.newest()).toBe(first);
  now += 1_000;
  await vi.waitFor(() => expect(forecaster.newest()?.at).toBe(now), { timeout: 20_000 });
});

it('has no forecast, and disturbs nothing, once its thread has failed', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'kmend-thread-')), 'thread.cjs');
  writeFileSync(
    file,
    `let asked = 0;
    require('node:worker_threads').parentPort.on('message', (question) => {
      if (++asked > 1) throw new Error('broken');
      require('node:worker_threads').parentPort.postMessage({ at: 1, from: 2, to: 3 });
    });`,
  );
  let now = noon;
  const [gone, broken] = [pathToFileURL(`${file}.gone`), pathToFileURL(file)].map((bundle) =>
    createForecaster(() => now, bundle),
  );
  now += 60_000;
  expect(gone?.newest()).toBeUndefined();
  await vi.waitFor(() => expect(broken?.newest()).toEqual({ at: 1, from: 2, to: 3 }), 20_000);
  now += 60_000;
  await vi.waitFor(() => expect(broken?.newest()).toBeUndefined(), 20_000);
  expect(gone?.newest()).toBeUndefined();
});
