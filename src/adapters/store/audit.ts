// The files beside a journal, as an audit reads them.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Audit } from '../../engine/ports/history.ts';
import { auditRun, type KeptFiles } from '../../engine/state/audit.ts';
import { scanJournal } from './journal-lines.ts';

/** Throws a JournalError where a link does not hold. */
export const auditJournal = (
  directory: string,
  path: string,
  run: string,
  wanted: readonly string[],
): Promise<Audit> => auditRun((see) => scanJournal(path, run, see), filesIn(directory), wanted);

/** The files of a run's directory. */
export const filesIn = (directory: string): KeptFiles => ({
  digest: async ({ file, at = 0, size = Number.POSITIVE_INFINITY }) => {
    const hash = createHash('sha256');
    try {
      const path = join(directory, file);
      for await (const chunk of createReadStream(path, { start: at, end: at + size - 1 }))
        hash.update(chunk as Buffer);
    } catch {
      return undefined;
    }
    return hash.digest('hex');
  },
  size: async (file) => (await stat(join(directory, file)).catch(() => ({ size: 0 }))).size,
});
