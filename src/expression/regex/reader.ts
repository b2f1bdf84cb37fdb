// Where the reading of a regular expression stands; shared by the parts of its parser.
import { fail } from '../errors.ts';
import type { Flags } from './tree.ts';

export interface Reader {
  readonly source: readonly string[];
  at: number;
  groups: number;
  depth: number;
  readonly names: Map<string, number>;
  /** Groups that are closed: only those can be referred to. */
  readonly closed: Set<number>;
  flags: Flags;
}

export const bad = (what: string, at: number): never => fail(`bad regular expression: ${what} at position ${at}`);

export const peek = (reader: Reader, ahead = 0): string | undefined => reader.source[reader.at + ahead];

export function skip(reader: Reader, text: string): boolean {
  const found = Array.from(text).every((char, index) => peek(reader, index) === char);
  if (found) reader.at += text.length;
  return found;
}
