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
};

/**
 * @param make is called before each test
 * @param makeForCopies as `make`, with a store that may bring runs
 */
export function storeContract(make: MakeSubject, makeForCopies = make): void {
  for (const [name, part] of Object.entries(parts)) describe(name, () => part(make));
  describe('copies', () => copies(makeForCopies));
}
