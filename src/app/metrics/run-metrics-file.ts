// `--metrics-file` of a run: rewritten while it goes on, and at its end.
import { readView } from '../../core/view/read-view.ts';
import type { Event } from '../../model/run/event.ts';
import { runFamilies, successFamilies } from '../../screens/metrics/run-metrics.ts';
import type { Session } from '../session/session.ts';
import { writeMetrics } from './metrics-file.ts';

/** Milliseconds between two writes: a scrape is rarer. */
const pause = 10_000;

export interface RunMetrics {
  readonly see: (event: Event) => void;
  readonly close: () => Promise<void>;
}

/** Undefined where no file was asked for. */
export async function openRunMetrics(
  run: string,
  session: Session,
): Promise<RunMetrics | undefined> {
  const { settings, world, ports } = session;
  if (settings.flags.metricsFile === undefined) return undefined;
  const store = await ports.store();
  const reader = readView();
  await store.scanEvents(run, reader.see);
  let success = successFamilies(await store.runs());
  let [written, work] = [0, Promise.resolve()];
  const write = (): Promise<void> =>
    writeMetrics([...runFamilies([reader.head({ holder: world.who })]), ...success], session);
  return {
    see: (event) => {
      reader.see(event);
      if (world.clock.now() - written < pause) return;
      written = world.clock.now();
      work = work.then(write);
    },
    close: async () => {
      await work;
      success = successFamilies(await store.runs());
      await write();
    },
  };
}
