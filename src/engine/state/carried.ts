// What both kinds of state do when a run is carried to them.

import type { CarriedRun } from '../ports/carry.ts';
import { JournalError } from '../ports/state-errors.ts';
import type { JournalHead, KeptSlot } from '../ports/store.ts';
import { hashOf, rootOf } from './chain.ts';
import type { SlotRows } from './slots.ts';

/**
 * Gives each piece of the journal to `keep`. Throws a JournalError where the lines do not end in the
 * head that was checked: the run went on meanwhile.
 */
export async function carryLines(
  { run, entries, head, lines }: Pick<CarriedRun, 'run' | 'entries' | 'head' | 'lines'>,
  keep: (lines: readonly string[], from: JournalHead) => Promise<void>,
): Promise<void> {
  let end: JournalHead = { entries: 0, head: rootOf(run) };
  for await (const piece of lines) {
    await keep(piece, end);
    const last = piece.at(-1);
    if (last !== undefined) end = { entries: end.entries + piece.length, head: hashOf(last) };
  }
  if (end.entries !== entries || end.head !== head)
    throw new JournalError(`journal of run ${run}`, end.entries, 'it changed while it was copied');
}

/** Slots of a run, by name. */
export async function slotsIn(
  rows: Pick<SlotRows, 'names' | 'read'>,
  run: string,
): Promise<ReadonlyMap<string, KeptSlot>> {
  const slots = new Map<string, KeptSlot>();
  for (const name of await rows.names()) {
    const slot = name.startsWith(`${run}.`) ? await rows.read(name) : undefined;
    if (slot !== undefined) slots.set(name, slot);
  }
  return slots;
}
