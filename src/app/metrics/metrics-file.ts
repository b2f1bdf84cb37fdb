// `--metrics-file`: metrics for node_exporter's textfile collector.
import { resolve } from 'node:path';
import { type Family, metricsText } from '../../screens/metrics/exposition.ts';
import type { Session } from '../session/session.ts';

/** Replaces the file as a whole, where one was asked for. A failure is a warning. */
export async function writeMetrics(families: readonly Family[], session: Session): Promise<void> {
  const { settings, world, observer } = session;
  const { metricsFile } = settings.flags;
  if (metricsFile === undefined) return;
  try {
    const text = metricsText(world.secrets.mask(families));
    await world.files.write(resolve(world.cwd, metricsFile), text, 0o644);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    observer.notice(`the metrics were not written: ${why}`, 'warning');
  }
}
