// The table of all parsers: everything that reads a text which a host, a file or a server wrote.
// Laws and fuzzing run over its rows.
import { answerParsers } from './answer-parsers.ts';
import { areaParsers } from './area-parsers.ts';
import { fileParsers } from './file-parsers.ts';
import type { Parser } from './parser.ts';
import { wordParsers } from './word-parsers.ts';

export type { Parser } from './parser.ts';

/**
 * What hosts and servers say is read in 64 MiB. Files are the operator's, and a word is one value
 * of 64 Ki characters: they have room, so that no garbage is measured.
 */
const roomy = (rows: readonly Parser[]): readonly Parser[] =>
  rows.map((row) => ({ megabytes: 256, ...row }));

export const parsers: readonly Parser[] = [
  ...areaParsers,
  ...answerParsers,
  ...roomy(fileParsers),
  ...roomy(wordParsers),
];
