// What `check` remembers of each host between two checks: how many cgroup ids were in use, and how much slab could not be reclaimed. One small file a host in the state directory.

import { addReading, baselineOf, type IdReading, readingOf } from '../../facts/index.ts';
import type { Facts } from '../../model/fact.ts';
import { toJson } from '../../model/text/printable.ts';
import { isList, isMapping, unknown, type Value } from '../../model/value.ts';
import type { World } from '../session/world.ts';

/** The host's clock may differ by so much from ours: with more its dates would mislead. Seconds. */
const clockError = 86_400;

/**
 * For one command: gives `kmem.ids.before` of a host, and keeps the reading for the next check. Two checks at once lose nothing but a reading:
 * files are replaced whole. A directory that cannot be written is told once, and is no reason to fail a check.
 */
export function idRecords(stateDir: string, world: World): (host: string, facts: Facts) => Promise<Facts> {
  let told = false;
  const keep = async (path: string, record: Facts): Promise<void> => {
    try {
      await world.files.write(path, `${toJson(record)}\n`, 0o600);
    } catch (error) {
      if (!told) world.err(`warning: the growth of dead groups is not kept: ${error instanceof Error ? error.message : String(error)}`);
      told = true;
    }
  };
  return async (host, facts) => {
    const now = readingOf(facts);
    const [boot, machine] = [facts['boot.id'], facts['machine.id']];
    if (typeof now === 'string') return { 'kmem.ids.before': unknown(now) };
    if (typeof boot !== 'string' || boot === '') return { 'kmem.ids.before': unknown('the boot id is not known') };
    const off = now.at - world.clock.now() / 1000;
    if (Math.abs(off) > clockError)
      return { 'kmem.ids.before': unknown(`the host's clock is off by about ${Math.round(Math.abs(off) / 86_400)} days`) };
    const path = `${stateDir}/ids/${fileName(host)}.json`;
    const readings = await readRecord(path, String(machine), boot, world);
    const more = addReading(readings, now);
    if (more !== readings) await keep(path, { machine: String(machine), boot, readings: more.map((one) => ({ ...one })) });
    const before = baselineOf(readings, now);
    return { 'kmem.ids.before': typeof before === 'string' ? unknown(before) : { ...before } };
  };
}

/** Any name of an inventory as one name of a file. */
const fileName = (host: string): string =>
  host.replace(/^\.|[^A-Za-z0-9._-]/g, (sign) => `%${(sign.codePointAt(0) ?? 0).toString(16)}`).slice(0, 200);

/** The readings of this boot of this machine; none where the file is another's, of another boot, damaged or not there. */
async function readRecord(path: string, machine: string, boot: string, world: World): Promise<readonly IdReading[]> {
  try {
    const record: Value = JSON.parse(await world.files.read(path));
    if (!isMapping(record) || record.machine !== machine || record.boot !== boot || !isList(record.readings)) return [];
    const readings = record.readings.map(asReading);
    return readings.every((reading) => reading !== undefined) ? readings : [];
  } catch {
    return [];
  }
}

function asReading(value: Value): IdReading | undefined {
  if (!isMapping(value)) return undefined;
  const { at, uptime, live, dead, unreclaimable } = value;
  return typeof at === 'number' && typeof uptime === 'number' && typeof live === 'number' && typeof dead === 'number'
    ? { at, uptime, live, dead, ...(typeof unreclaimable === 'number' ? { unreclaimable } : {}) }
    : undefined;
}
