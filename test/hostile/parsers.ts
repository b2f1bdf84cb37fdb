// The table of all parsers: everything that reads a text which a host, a file or a server wrote. Laws and fuzzing run over its rows.
import { answerParsers } from './answer-parsers.ts';
import { areaParsers } from './area-parsers.ts';
import { fileParsers } from './file-parsers.ts';
import type { Parser } from './parser.ts';
import { wordParsers } from './word-parsers.ts';

export type { Parser } from './parser.ts';

export const parsers: readonly Parser[] = [...areaParsers, ...answerParsers, ...fileParsers, ...wordParsers];
