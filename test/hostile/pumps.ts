// Hostile inputs of any length made of honest ones: every word, beginning of a line and line of a
// seed, repeated.

export interface Pump {
  readonly name: string;
  /** A text of about this many characters. */
  readonly make: (size: number) => string;
}

const openers = [
  '[',
  '{',
  '(',
  '<',
  '"',
  "'",
  '\\',
  ' ',
  '\t',
  '*',
  '#',
  '/',
  '@',
  ',',
  '.',
  '-',
  '0',
  'a',
  '$',
  '\r',
  '[}',
  '- ',
  '? ',
  '{{',
  '://',
  '\0',
  '\u2028',
];

const filled = (part: string, size: number): string =>
  part.repeat(Math.ceil(Math.max(0, size) / part.length)).slice(0, Math.max(0, size));

/** Words, blanks and single signs. */
const tokensOf = (line: string): readonly string[] => line.match(/\w+|\s+|[^\w\s]/g) ?? [];

/** The part repeated in the middle of a seed. */
const inside = (name: string, before: string, part: string, after: string): Pump => ({
  name: `${name}: ${JSON.stringify(part.slice(0, 60))} repeated behind ${JSON.stringify(before.slice(-40))}`,
  make: (size) => before + filled(part, size - before.length - after.length) + after,
});

/** Lines that are all different: what is kept of them grows. */
const numbered = (line: (number: number) => string, size: number): string => {
  const lines: string[] = [];
  for (let length = 0, number = 0; length < size; number++) {
    const one = line(number);
    lines.push(one);
    length += one.length + 1;
  }
  return lines.join('\n');
};

function pumpsOfLine(seed: string, start: number, line: string): readonly Pump[] {
  const [before, after] = [seed.slice(0, start), seed.slice(start + line.length)];
  const tokens = tokensOf(line);
  const ends = tokens.map((_, index) => tokens.slice(0, index + 1).join('').length);
  return [
    ...ends.flatMap((end, index) => {
      const token = tokens[index] ?? '';
      const head = line.slice(0, end);
      return [
        inside('token', before + line.slice(0, end - token.length), token, line.slice(end) + after),
        inside('beginning', before, head, after),
        inside(
          'beginning of the rest',
          before + (tokens[0] ?? '') + (tokens[1] ?? ''),
          line.slice((tokens[0] ?? '').length + (tokens[1] ?? '').length, end) || head,
          after,
        ),
        {
          name: `numbered: ${JSON.stringify(head)}`,
          make: (size: number) =>
            `${before}${numbered((number) => head + number + line.slice(end), size - before.length)}\n${after}`,
        },
      ];
    }),
    ...openers.flatMap((opener) => [
      inside('end of the line', before + line, opener, after),
      inside('end of the line, closed', before + line, opener, `Q${after}`),
    ]),
  ];
}

/**
 * Half of the text one line, half another, each time a different one: what is looked for in what.
 */
function pairsOf(lines: readonly string[]): readonly Pump[] {
  const pairs = lines
    .flatMap((one) => lines.map((other) => [one, other] as const))
    .filter(([one, other]) => one !== other);
  const place = (line: string, number: number): string =>
    line.replace(/^(\S+\s+)?(\S+)/, `$1$2${number}`);
  return pairs.map(([one, other]) => ({
    name: `pair: ${JSON.stringify(one)} and ${JSON.stringify(other)}`,
    make: (size) =>
      `${numbered((number) => place(one, number), size / 2)}\n${numbered((number) => place(other, number), size / 2)}\n`,
  }));
}

/** Lines of a seed that inputs are made of: of a long one the first line of each kind. */
function linesOf(seed: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const kinds = new Set<string>();
  const lines = seed.split('\n');
  let start = 0;
  for (const line of lines) {
    const kind = lines.length > 40 ? (/^\S+/.exec(line)?.[0] ?? '') : line;
    if (line !== '' && !kinds.has(kind)) found.set(line, start);
    kinds.add(kind);
    start += line.length + 1;
  }
  return found;
}

/**
 * Every hostile input that a row's seeds give; where they are more than `most`, each so many-th of
 * them.
 */
export function pumpsOf(seeds: readonly string[], most: number): readonly Pump[] {
  const pumps: Pump[] = openers.map((opener) => inside('alone', '', opener, ''));
  const seen = new Set<string>();
  for (const seed of seeds) {
    for (const [line, start] of linesOf(seed)) {
      if (seen.has(line)) continue;
      seen.add(line);
      pumps.push(...pumpsOfLine(seed, start, line), inside('line', '', `${line}\n`, ''));
    }
    pumps.push(inside('seed', '', seed, ''));
  }
  const all = [...pumps, ...pairsOf([...seen])];
  const step = Math.ceil(all.length / most);
  return all.filter((_, index) => index % step === 0);
}
