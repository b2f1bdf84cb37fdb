// Hosts of the live view that only their names stand for: untouched ones.
import type { HostRow, RunView } from '../../core/view/model.ts';
import { lineOf, type Screen } from './block.ts';

/** Hosts that are not started, and those that are started last, with their reason. */
export function untouchedLines({ hosts }: RunView, { columns, paint }: Screen): readonly string[] {
  const kinds = [
    ['refused', 'refused'],
    ['left_out', 'left out'],
    ['kept_out', 'kept out'],
    ['goes_last', 'last'],
  ] as const;
  return kinds.flatMap(([kind, word]) => {
    const rows = hosts.filter((row) => kindOf(row) === kind && row.acknowledged === undefined);
    if (rows.length === 0) return [];
    const text = ({ host, reason }: HostRow): string =>
      reason === undefined ? host : `${host} (${reason.text})`;
    return [
      paint.yellow(
        lineOf(`! ${rows.length} ${word}: ${rows.slice(0, 20).map(text).join('; ')}`, columns),
      ),
    ];
  });
}

/** A host that an operator has locked out is to go, too. */
const kindOf = ({ status, reason }: HostRow): string | undefined =>
  status === 'planned' || status === 'waiting' ? reason?.kind : status;

/** The hosts of the wave first. */
export function toGoLine({ hosts }: RunView, { columns, paint }: Screen): readonly string[] {
  const rows = (['waiting', 'planned'] as const).flatMap((status) =>
    hosts.filter((row) => row.status === status),
  );
  if (rows.length === 0) return [];
  const names = rows.slice(0, 50).map(({ host }) => host);
  return [paint.dim(lineOf(`. ${rows.length} to go: ${names.join(', ')}`, columns))];
}
