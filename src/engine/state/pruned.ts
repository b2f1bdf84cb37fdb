// The records of runs that were removed.
import { present } from '../../model/present.ts';
import { dataIn, listOf, number, object, text } from '../../model/shape/shape.ts';
import type { Audit, PrunedRun } from '../ports/history.ts';
import { DamagedError } from '../ports/state-errors.ts';

const prunedShape = object(
  {
    schema: text,
    run: text,
    at: number,
    who: text,
    entries: number,
    head: text,
    named: listOf(text),
  },
  { previous: object({ run: text, head: text }) },
);

/**
 * Reads records, the oldest first.
 * @param place names them in errors
 */
export const prunedIn = (records: readonly string[], place: string): readonly PrunedRun[] =>
  records.map((record, index) => {
    const data = dataIn(record);
    const wrong = prunedShape(data, '');
    if (wrong !== undefined) throw new DamagedError(place, `line ${index + 1}: ${wrong}`);
    return data as PrunedRun;
  });

/** The record of a run that may be removed; undefined where it was changed. */
export function recordOf(
  run: string,
  { entries, head, heads, wrong, previous }: Audit,
  by: Pick<PrunedRun, 'at' | 'who' | 'named'>,
): PrunedRun | undefined {
  const { at, who, named } = by;
  return wrong.length > 0 || named.some((one) => !heads.has(one))
    ? undefined
    : { schema: 'kmend.pruned/1', run, at, who, entries, head, named, ...present({ previous }) };
}
