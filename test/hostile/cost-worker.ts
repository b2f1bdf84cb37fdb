// A process of its own that measures what a parser costs: it has little memory, and its parent ends
// it where it hangs.
import { limit } from './limit.ts';
import type { Parser } from './parser.ts';
import { parsers } from './parsers.ts';
import { type Pump, pumpsOf } from './pumps.ts';

const slow = process.env.KMEND_SLOW === '1';

/**
 * Characters of the first measurement of each input, and of the longer of two inputs that are
 * compared; rows that need much memory have shorter ones.
 */
const [first, whole, wholeOfLarge] = [32_768, 1_048_576, slow ? 1_048_576 : 262_144];
/**
 * Inputs of each row that are measured, and how many of the most expensive are compared.
 */
const [measured, compared] = slow ? [3000, 4] : [40, 1];
/** Milliseconds of noise: a collection of garbage, a function that is compiled meanwhile. */
const noise = 10;

export interface Cost {
  readonly pump: string;
  /** Processor time for twice the text, by that for the text. */
  readonly ratio: number;
  readonly milliseconds: number;
}

export type Report =
  | { readonly kind: 'at'; readonly pump: string }
  | { readonly kind: 'done'; readonly costs: readonly Cost[] }
  | { readonly kind: 'ran'; readonly sources: readonly string[] };

const say = (report: Report): void => void process.send?.(report);

async function timeOf({ parse }: Parser, text: string): Promise<number> {
  const before = process.cpuUsage();
  await parse(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Compared once more where it seems slow: another process may have been busy meanwhile. */
async function compare(parser: Parser, pump: Pump): Promise<Cost> {
  const full = parser.megabytes === undefined ? whole : wholeOfLarge;
  let [less, more] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const ratio = (): number => (more + noise) / (less + noise);
  for (let round = 0; round < 8 && !(ratio() < limit); round++) {
    say({ kind: 'at', pump: `${pump.name}, ${full} characters` });
    for (const size of [full / 2, full]) {
      const text = pump.make(size);
      // Garbage of what ran before is not this parser's.
      globalThis.gc?.();
      const time = await timeOf(parser, text);
      if (size < full) less = Math.min(less, time);
      else more = Math.min(more, time);
    }
  }
  return { pump: pump.name, ratio: ratio(), milliseconds: more };
}

async function costsOf(parser: Parser): Promise<readonly Cost[]> {
  const glances: { readonly pump: Pump; readonly time: number }[] = [];
  for (const seed of parser.seeds) await parser.parse(seed);
  const known = (parser.attacks ?? []).map(
    (make, index): Pump => ({ name: `attack ${index + 1}`, make }),
  );
  for (const pump of [...known, ...pumpsOf(parser.seeds, measured)]) {
    say({ kind: 'at', pump: pump.name });
    glances.push({ pump, time: await timeOf(parser, pump.make(first)) });
  }
  const costs: Cost[] = [];
  const worst = glances.toSorted((a, b) => b.time - a.time).slice(0, compared);
  for (const pump of new Set([...known, ...worst.map((one) => one.pump)])) {
    costs.push(await compare(parser, pump));
  }
  return costs;
}

/** The sources of all regular expressions that run while a row reads its seeds. */
async function sourcesOf({ parse, seeds }: Parser): Promise<readonly string[]> {
  const sources = new Set<string>();
  const { exec } = RegExp.prototype;
  RegExp.prototype.exec = function (text) {
    sources.add(this.source);
    return exec.call(this, text);
  };
  try {
    for (const seed of seeds) await parse(seed);
  } finally {
    RegExp.prototype.exec = exec;
  }
  return [...sources];
}

process.on(
  'message',
  async ({ row, what }: { readonly row: string; readonly what: 'cost' | 'ran' }) => {
    const parser = parsers.find(({ name }) => name === row);
    if (parser === undefined) throw new Error(`there is no row ${row}`);
    if (what === 'cost') say({ kind: 'done', costs: await costsOf(parser) });
    else say({ kind: 'ran', sources: await sourcesOf(parser) });
  },
);
