// The thread that makes forecasts: a bundle of its own, since the run loop must not wait for it.
import { parentPort } from 'node:worker_threads';
import { foldAll } from '../../../core/run-state/fold.ts';
import { emptyState } from '../../../core/run-state/state.ts';
import { forecastOf } from '../../../core/view/forecast.ts';
import type { Question } from './forecaster.ts';

let state = emptyState;

parentPort?.on('message', ({ events, now }: Question) => {
  state = foldAll(events, state);
  parentPort?.postMessage(forecastOf(state, now));
});
