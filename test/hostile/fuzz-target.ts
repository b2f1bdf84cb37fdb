// What the fuzzer calls with each input: the parsers of one target, whose time is measured. `scripts/fuzz.mjs` makes one file of it.
import { type Parser, parsers } from './parsers.ts';

/** Rows of the table whose names differ only after a colon read the same kind of text: they are one target. */
const targetOf = ({ name }: Parser): string => name.split(':')[0] ?? name;

const seedsOf = (target: string): readonly string[] => [
  ...new Set(parsers.filter((row) => targetOf(row) === target).flatMap(({ seeds }) => seeds)),
];

/** Each target with its seeds. */
export const targets: ReadonlyMap<string, readonly string[]> = new Map(parsers.map(targetOf).map((target) => [target, seedsOf(target)]));

const chosen = parsers.filter((row) => targetOf(row) === process.env.KMEND_FUZZ_TARGET);

/** CPU milliseconds of one call. */
function cost({ parse }: Parser, text: string): number {
  const began = process.cpuUsage();
  parse(text);
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

const cheapest = (parser: Parser, text: string): number => Math.min(...[1, 2, 3].map(() => cost(parser, text)));

/** Milliseconds that a text may cost: a fixed part for a collection of garbage, and far more than linear code needs for each character. */
const allowed = (text: string): number => 40 + text.length / 1000;

const pumpedLength = 48 * 1024;

/** A number that is the same for the same input, so that a finding can be repeated. */
const numberOf = (data: Buffer): number => data.reduce((sum, byte) => (Math.imul(sum, 31) + byte) >>> 0, 7);

/** The text with a piece of it many times over: what blind mutation does not make, and what shows that a parser is not linear. */
function pumped(text: string, number: number): string {
  const from = number % text.length;
  const piece = text.slice(from, from + 2 ** ((number >>> 8) % 6));
  return text.slice(0, from) + piece.repeat(Math.ceil(pumpedLength / piece.length)) + text.slice(from + piece.length);
}

function check(parser: Parser, text: string): void {
  if (cost(parser, text) <= allowed(text)) return;
  const least = cheapest(parser, text);
  if (least <= allowed(text)) return;
  const start = JSON.stringify(text.slice(0, 200));
  throw new Error(`${parser.name} is too slow: ${Math.round(least)} ms for ${text.length} characters that begin with ${start}`);
}

/** Throws what a parser throws, and where a text costs too much; of one text in twenty a piece is pumped up. */
export function fuzz(data: Buffer): void {
  const text = data.toString('utf8');
  const number = numberOf(data);
  for (const parser of chosen) {
    check(parser, text);
    if (number % 20 === 0 && text !== '') check(parser, pumped(text, Math.floor(number / 20)));
  }
}
