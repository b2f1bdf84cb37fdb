// Readings of each host between two checks: cgroup ids in use and slab that cannot be reclaimed. One
// small file a host in the state directory.

import type { Documents } from '../../engine/ports/store.ts';
import { addReading, baselineOf, readingOf } from '../../facts/index.ts';
import { type Facts, known } from '../../model/fact.ts';
import type { IdReading } from '../../model/facts/values.ts';
import { dataIn } from '../../model/shape/shape.ts';
import { toJson } from '../../model/text/printable.ts';
import { isList, isMapping, type Mapping, unknown, type Value } from '../../model/value.ts';
import type { Session } from '../session/session.ts';

/** Seconds that the host's clock may differ from ours. With more, its dates would be wrong. */
const clockError = 86_400;

/**
 * Gives `kmem.ids.before` of a host, and keeps the reading for the next check. Records are replaced
 * whole, so two checks at once lose at most a reading. A directory that cannot be written is a
 * warning.
 */
export function idRecords({
  ports,
  world,
  observer,
}: Session): (host: string, facts: Facts) => Promise<Facts> {
  let warned = false;
  const keep = async (ids: Documents, host: string, record: Mapping): Promise<void> => {
    try {
      await ids.write(host, `${toJson(record)}\n`);
    } catch (error) {
      if (!warned)
        observer.notice(
          `the growth of dead groups is not kept: ${error instanceof Error ? error.message : String(error)}`,
          'warning',
        );
      warned = true;
    }
  };
  return async (host, facts) => {
    const now = readingOf(facts);
    const [boot, machine] = [known(facts, 'boot.id', ''), known(facts, 'machine.id', '')];
    if (typeof now === 'string') return { 'kmem.ids.before': unknown(now) };
    if (boot === '') return { 'kmem.ids.before': unknown('the boot id is not known') };
    const off = now.at - world.clock.now() / 1000;
    if (Math.abs(off) > clockError)
      return {
        'kmem.ids.before': unknown(
          `the host's clock is off by about ${Math.round(Math.abs(off) / 86_400)} days`,
        ),
      };
    const { ids } = await ports.store();
    const readings = readingsIn(await ids.read(host), machine, boot);
    const more = addReading(readings, now);
    if (more !== readings)
      await keep(ids, host, { machine, boot, readings: more.map((one) => ({ ...one })) });
    const before = baselineOf(readings, now);
    return { 'kmem.ids.before': typeof before === 'string' ? unknown(before) : { ...before } };
  };
}

/** The readings of this boot of this machine. Damaged files and files of other boots have none. */
function readingsIn(text: string | undefined, machine: string, boot: string): readonly IdReading[] {
  const record = dataIn(text ?? '');
  if (
    !isMapping(record) ||
    record.machine !== machine ||
    record.boot !== boot ||
    !isList(record.readings)
  )
    return [];
  const readings = record.readings.map(asReading);
  return readings.every((reading) => reading !== undefined) ? readings : [];
}

function asReading(value: Value): IdReading | undefined {
  if (!isMapping(value)) return undefined;
  const { at, uptime, live, dead, unreclaimable } = value;
  return typeof at === 'number' &&
    typeof uptime === 'number' &&
    typeof live === 'number' &&
    typeof dead === 'number'
    ? { at, uptime, live, dead, ...(typeof unreclaimable === 'number' ? { unreclaimable } : {}) }
    : undefined;
}
