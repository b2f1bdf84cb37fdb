// What is fuzzed: rows of the table of parsers that read the same kind of text are one target.
import { type Parser, parsers } from './parsers.ts';

/** Rows whose names differ only after a colon are one target. */
const targetOf = ({ name }: Parser): string => name.split(':')[0] ?? name;

export interface Target {
  readonly name: string;
  readonly rows: readonly Parser[];
  /** The seeds of its rows, and of them some with hostile keys. */
  readonly seeds: readonly string[];
  /** Its file in the corpus. */
  readonly file: string;
}

/**
 * Names that every object of JavaScript has: a parser that keeps what it reads in a plain object
 * confuses them with its keys.
 */
const inherited = ['constructor', '__proto__', 'toString'];

/**
 * A text with such a name for each of its keys: before `=` and `:`, and as the second word of a
 * line.
 */
const withKeys = (text: string, name: string): readonly string[] => [
  text.replaceAll(/[A-Za-z_][\w.-]*(?=["']?[=:])/g, name),
  text.replaceAll(/^(\S+ +)[^\s=:]+/gm, `$1${name}`),
];

function target(name: string): Target {
  const rows = parsers.filter((row) => targetOf(row) === name);
  const seeds = rows.flatMap((row) => row.seeds);
  const hostile = inherited.flatMap((key) => [
    key,
    ...seeds.slice(0, 4).flatMap((seed) => withKeys(seed, key)),
  ]);
  return {
    name,
    rows,
    seeds: [...new Set([...seeds, ...hostile])],
    file: `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`,
  };
}

export const targets: readonly Target[] = [...new Set(parsers.map(targetOf))].map(target);
