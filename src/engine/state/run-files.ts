// The files that a resume and a rollback read: their names in the first entry of the journal.

import type { RunFile } from '../ports/store.ts';
import { hashOf } from './chain.ts';

export const runFiles: readonly RunFile[] = ['plan', 'settings'];

/** The name of a file in the journal and in a state directory. */
export const fileName = (file: RunFile): string => `${file}.json`;

/** The file with this name; undefined where it is none of them. */
export const fileNamed = (name: string): RunFile | undefined =>
  runFiles.find((file) => fileName(file) === name);

/** Digests by name, for the first entry of the journal. */
export const digestsOf = (
  texts: Readonly<Record<RunFile, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(runFiles.map((file) => [fileName(file), hashOf(texts[file])]));
