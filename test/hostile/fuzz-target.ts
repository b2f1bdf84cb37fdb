// What the fuzzer calls with each input: the parsers of one target, whose time is measured.
// `scripts/fuzz.mjs` makes one file of it.
import { longLength, pumped, shortLength } from './fuzz-pumps.ts';
import { limit } from './limit.ts';
import type { Parser } from './parser.ts';
import { targets } from './targets.ts';

export { targets };

const chosen = targets.find(({ name }) => name === process.env.KMEND_FUZZ_TARGET)?.rows ?? [];

/** CPU milliseconds of one call. */
async function cost(parse: Parser['parse'], text: string): Promise<number> {
  const began = process.cpuUsage();
  const answer = parse(text);
  if (answer instanceof Promise) await answer;
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1000;
}

/** Other work of the machine and a collection of garbage make a call dearer, never cheaper. */
async function cheapest(parse: Parser['parse'], text: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) least = Math.min(least, await cost(parse, text));
  return least;
}

/** CPU milliseconds that no input of 16 KiB takes in linear code, though it is instrumented. */
const most = 2000;
/**
 * CPU milliseconds from which a pumped text is measured at more lengths. A parser that was found
 * linear at a higher cost has a higher limit.
 */
const glances = new Map<string, number>();
const glanceOf = (name: string): number => glances.get(name) ?? 40;
/** CPU milliseconds that a measurement may be wrong. */
const noise = 10;

const tooSlow = (name: string, what: string, text: string): Error =>
  new Error(
    `${name} is too slow: ${what} for ${text.length} characters that begin with ${JSON.stringify(text.slice(0, 200))}`,
  );

/**
 * Twice the text may take twice the time: it is measured at three lengths, so that one odd
 * measurement is no finding.
 */
async function checkGrowth(
  { name, parse }: Parser,
  make: (length: number) => string,
): Promise<void> {
  const glance = glanceOf(name);
  if ((await cost(parse, make(longLength))) <= glance) return;
  let [shorter, longer] = [
    await cheapest(parse, make(longLength / 2)),
    await cheapest(parse, make(longLength)),
  ];
  for (const length of [longLength, longLength * 2]) {
    if (length !== longLength) [shorter, longer] = [longer, await cheapest(parse, make(length))];
    if (longer > glance && (longer + noise) / (shorter + noise) >= limit) continue;
    glances.set(name, Math.max(glance, 1.5 * longer));
    return;
  }
  throw tooSlow(
    name,
    `${Math.round(longer)} ms, where half of it takes ${Math.round(shorter)} ms,`,
    make(longLength * 2),
  );
}

/**
 * A number that is the same for the same input, so that a finding can be repeated; each bit of it
 * depends on each byte.
 */
function numberOf(data: Buffer): number {
  const sum = data.reduce((so, byte) => Math.imul(so ^ byte, 16_777_619), 7);
  return Math.imul(sum ^ (sum >>> 15), 2_246_822_519) >>> 0;
}

/** Every object would have what a text wrote into the prototype of all. */
function checkPrototype(name: string): void {
  for (const key in {}) throw new Error(`${name} gave every object a ${key}`);
}

async function check({ name, parse }: Parser, text: string): Promise<void> {
  const milliseconds = await cost(parse, text);
  checkPrototype(name);
  if (milliseconds <= most) return;
  const least = await cheapest(parse, text);
  if (least > most) throw tooSlow(name, `${Math.round(least)} ms`, text);
}

/**
 * Throws what a parser throws, and where a text costs too much. For one of the parsers the text is
 * also pumped up: a little, and one in eight far.
 */
export async function fuzz(data: Buffer): Promise<void> {
  const text = data.toString('utf8');
  const number = numberOf(data);
  for (const row of chosen) await check(row, text);
  const one = chosen[(number >>> 3) % chosen.length];
  if (one === undefined || text === '') return;
  await check(one, pumped(text, number >>> 6, shortLength));
  if (number % 8 === 0) await checkGrowth(one, (length) => pumped(text, number >>> 6, length));
}
