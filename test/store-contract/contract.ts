// What every store promises, wherever the state is.
import { describe } from 'vitest';
import { copies } from './copies.ts';
import { journals } from './journals.ts';
import { commands, documents, files, outputs } from './kept.ts';
import { locks } from './locks.ts';
import { audits, lists, removal } from './runs.ts';
import { slots } from './slots.ts';
import type { MakeSubject } from './subject.ts';

const parts = {
  journals,
  locks,
  commands,
  files,
  outputs,
  documents,
  slots,
  lists,
  audits,
  removal,
  copies,
};

/** @param make is called before each test */
export function storeContract(make: MakeSubject): void {
  for (const [name, part] of Object.entries(parts)) describe(name, () => part(make));
}
