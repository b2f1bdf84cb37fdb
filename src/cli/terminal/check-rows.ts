// Prints rows of `check` before the last host has answered: JSON lines as hosts answer, and after a
// signal the table of those that did.

import type { EarlyRows } from '../../app/hosts/check.ts';
import { type CheckRow, checkTable } from '../../screens/hosts/check-table.ts';
import { paintOf, type World } from '../world.ts';

/**
 * @param printJson prints a row as JSON; undefined = the command prints text
 * @param safe the row, or one that can be shown in its place
 */
export function earlyRows(
  printJson: ((row: CheckRow) => void) | undefined,
  safe: (row: CheckRow) => CheckRow,
  world: Pick<World, 'colour' | 'out' | 'width'>,
): EarlyRows {
  return {
    add: (row) => printJson?.(safe(row)),
    stopped: (rows) => {
      if (printJson !== undefined || rows.length === 0) return;
      for (const line of checkTable(rows.map(safe), world.width(), paintOf(world))) world.out(line);
    },
  };
}
