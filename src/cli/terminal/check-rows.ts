// Prints rows of `check` as hosts answer, so that a silent host does not delay the others.

import type { EarlyRows } from '../../app/hosts/check.ts';
import { type CheckRow, checkTable } from '../../screens/hosts/check-table.ts';
import { paintOf, type World } from '../world.ts';

export interface ShownRows extends EarlyRows {
  /** Rows that were not printed yet. */
  readonly rest: (rows: readonly CheckRow[]) => readonly CheckRow[];
}

/**
 * JSON lines are printed at once. A terminal gets the table in parts, a pipe or a file as a whole,
 * since its columns need all rows.
 * @param safe the row, or one that can be shown in its place
 */
export function earlyRows(
  printJson: ((row: CheckRow) => void) | undefined,
  safe: (row: CheckRow) => CheckRow,
  world: Pick<World, 'colour' | 'isTerminal' | 'out' | 'progress' | 'stop' | 'width'>,
): ShownRows {
  const shown = new Set<string>();
  const kept = new Map<string, CheckRow>();
  const clear = (): void => {
    if (world.isTerminal) world.progress('');
  };
  return {
    add: (row) => {
      if (world.stop.aborted) return;
      if (printJson === undefined) kept.set(row.host, row);
      else {
        clear();
        printJson(safe(row));
      }
    },
    pause: (hosts) => {
      const rows = hosts.flatMap((host) => (shown.has(host) ? [] : (kept.get(host) ?? [])));
      if (!world.isTerminal || rows.length === 0 || kept.size === hosts.length) return;
      clear();
      for (const line of checkTable(rows.map(safe), world.width(), paintOf(world))) world.out(line);
      for (const { host } of rows) shown.add(host);
    },
    rest: (rows) => rows.filter(({ host }) => !shown.has(host)),
  };
}
