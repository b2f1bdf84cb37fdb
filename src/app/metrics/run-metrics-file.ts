// `--metrics-file` of a run: rewritten while it goes on, and at its end.
import type { RunHead } from '../../core/view/model.ts';
import { runFamilies, successFamilies } from '../../screens/metrics/run-metrics.ts';
import type { Session } from '../session/session.ts';
import { writeMetrics } from './metrics-file.ts';

/** Milliseconds between two writes: a scrape is rarer. */
const pause = 10_000;

export interface RunMetrics {
  /** The run has a new entry. */
  readonly seen: () => void;
  readonly close: () => Promise<void>;
}

/** Undefined where no file was asked for. */
export async function openRunMetrics(
  head: () => RunHead,
  session: Session,
): Promise<RunMetrics | undefined> {
  const { settings, world, ports } = session;
  if (settings.flags.metricsFile === undefined) return undefined;
  const store = await ports.store();
  let success = successFamilies(await store.runs());
  let [written, work] = [0, Promise.resolve()];
  const write = (): Promise<void> => writeMetrics([...runFamilies([head()]), ...success], session);
  return {
    seen: () => {
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
