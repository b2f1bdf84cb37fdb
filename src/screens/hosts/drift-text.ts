// The table of `kmend drift`: which remediated hosts lost their remedy, and a summary.

import type { DriftState, HostDrift } from '../../core/history/drift-report.ts';
import { causeText } from '../../model/run/failure.ts';
import { type Paint, plural, table } from '../layout.ts';

const colourOf: Readonly<
  Record<DriftState, keyof Pick<Paint, 'green' | 'red' | 'yellow' | 'dim'>>
> = {
  kept: 'green',
  lost: 'red',
  unproven: 'yellow',
  unread: 'red',
  never: 'dim',
};

const stateWord = (row: HostDrift): string => row.failure?.kind ?? row.state;

function cells(row: HostDrift, paint: Paint): readonly string[] {
  const remediated =
    row.mended === undefined
      ? '-'
      : `${new Date(row.mended.at).toISOString().slice(0, 10)} ${row.mended.run}`;
  const verdict = row.verdict === 'not_applicable' ? 'n/a' : row.verdict;
  const now = row.remedy === '' || row.remedy === 'none' ? '' : row.remedy;
  const open =
    row.leftOpen.length === 0 ? [] : [`left open as accepted: ${row.leftOpen.join(', ')}`];
  const found = row.why.length + open.length > 0 ? [...open, ...row.why].join('; ') : row.evidence;
  const why = row.failure === undefined ? found : causeText(row.failure);
  return [row.host, remediated, paint[colourOf[row.state]](stateWord(row)), verdict, now, why];
}

export function driftTable(
  rows: readonly HostDrift[],
  width: number,
  paint: Paint,
): readonly string[] {
  const head = ['host', 'remediated by', 'remedy', 'kmem', 'needs', 'what changed since'].map(
    (title) => paint.bold(title),
  );
  return table([head, ...rows.map((row) => cells(row, paint))], width);
}

/** `4 hosts: 1 lost its remedy, 3 kept it`. */
export function driftSummary(rows: readonly HostDrift[]): string {
  const count = (state: DriftState): number => rows.filter((row) => row.state === state).length;
  const lost = rows.filter((row) => row.state === 'lost' && row.mended !== undefined).length;
  const inPart = rows.filter((row) => row.state === 'kept' && row.leftOpen.length > 0).length;
  const parts: readonly (readonly [number, string])[] = [
    [lost, 'lost the remedy'],
    [count('lost') - lost, 'never remediated, in need of a remedy'],
    [count('kept') - inPart, 'kept the remedy'],
    [inPart, 'kept the remedy, with what was accepted left open'],
    [count('never'), 'never remediated, nothing needed'],
    [count('unproven'), 'unproven'],
    [count('unread'), 'could not be read'],
  ];
  return `${plural(rows.length, 'host')}: ${parts
    .filter(([number]) => number > 0)
    .map(([number, text]) => `${number} ${text}`)
    .join(', ')}`;
}
