// The port Forecaster over a thread. When the thread fails, there is no forecast, and nothing else
// changes.
import { Worker } from 'node:worker_threads';
import { forecastEvent } from '../../../core/view/forecast-events.ts';
import type { Forecast } from '../../../core/view/model.ts';
import type { Forecaster } from '../../../engine/ports/forecaster.ts';
import type { Event } from '../../../model/run/event.ts';

/** What the thread is asked: the entries since the last question, and the time. */
export interface Question {
  readonly events: readonly Event[];
  readonly now: number;
}

/** File of the thread's bundle beside the program; not defined where the sources run. */
declare const __KMEND_FORECAST__: string;

const built = (): URL | undefined =>
  typeof __KMEND_FORECAST__ === 'string' ? new URL(__KMEND_FORECAST__, import.meta.url) : undefined;

/** Milliseconds: a run that ends before needs no thread. */
const firstAfter = 2000;
/** Milliseconds between two forecasts; of a large fleet more, so that a tenth of a core does it. */
const every = 10_000;
const rest = 9;

/** @param file the bundle of the thread; absent = none, and so no forecast */
export function createForecaster(now: () => number, file = built()): Forecaster {
  let events: Event[] = [];
  let newest: Forecast | undefined;
  let worker: Worker | undefined;
  let dueAt = now() + firstAfter;
  let isOver = file === undefined;
  const stop = (): void => {
    isOver = true;
    events = [];
    newest = undefined;
  };
  const open = (bundle: URL): Worker => {
    const thread = new Worker(bundle);
    thread.unref();
    thread.on('error', stop);
    return thread;
  };
  const ask = (bundle: URL, at: number): void => {
    dueAt = Number.POSITIVE_INFINITY;
    worker ??= open(bundle);
    worker.once('message', (answer: Forecast | undefined) => {
      newest = answer;
      dueAt = Math.max(at + every, now() + rest * (now() - at));
    });
    worker.postMessage({ events, now: at } satisfies Question);
    events = [];
  };
  return {
    see: (event) => {
      const part = isOver ? undefined : forecastEvent(event);
      if (part !== undefined) events.push(part);
    },
    newest: () => {
      const at = now();
      if (file !== undefined && !isOver && at >= dueAt) ask(file, at);
      return newest;
    },
    close: async () => {
      stop();
      await worker?.terminate();
    },
  };
}
