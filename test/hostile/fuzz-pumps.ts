// What blind mutation does not make: a text of any length in which a piece occurs many times, or in
// which each line uses the one before.

/**
 * Characters of pumped texts: in the short one what is exponential shows, in the long one what is
 * quadratic; what is linear takes some milliseconds.
 */
export const [shortLength, longLength] = [1024, 16 * 1024];

/**
 * The place of a sign: each sign of a text is as likely as each other, since it is the rare ones
 * that mean something.
 */
function placeOf(text: string, number: number): number {
  const signs = [...new Set(text)];
  const sign = signs[number % signs.length] ?? '';
  const places = Array.from(
    text.matchAll(new RegExp(`\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`, 'gu')),
    ({ index }) => index,
  );
  return places[(number >>> 7) % places.length] ?? 0;
}

/**
 * A sign or a few words, many times over at the place of it or of its word; what follows may be a sign
 * that no pattern expects.
 */
function repeated(text: string, number: number, length: number): string {
  const from = placeOf(text, number >>> 5);
  const words = (number >>> 2) % 8;
  const piece =
    (words < 4
      ? undefined
      : new RegExp(`^(?:\\w+\\W*|\\W+){1,${words - 3}}`).exec(text.slice(from))?.[0]) ??
    text.charAt(from);
  const [before, after] = [text.slice(0, from), text.slice(from + piece.length)];
  const many = piece.repeat(Math.ceil(length / piece.length)) + (number % 2 === 0 ? 'Q' : '');
  return number & 2
    ? before.replace(/\S*$/, '') + many + after.replace(/^\S*/, '')
    : before + many + after;
}

/** A line many times over, each with a number of its own or all the same. */
function lines(text: string, number: number, length: number): string {
  const all = text.split('\n');
  const at = number % all.length;
  const line = all[at] ?? '';
  const many = Array.from({ length: Math.ceil(length / (line.length + 1)) }, (_, index) =>
    number % 2 === 0 ? line : line.replace(/[\w.-]*$/, `$&${index}`),
  );
  return [...all.slice(0, at), ...many, ...all.slice(at)].join('\n');
}

/**
 * Where a word occurs twice, the second is taken for a reference to the first: a chain of twelve
 * lines, each ten times in the next.
 */
function chain(text: string, number: number): string | undefined {
  const names = [...text.matchAll(/[a-z_]\w*/gi)].map(([word]) => word);
  const twice = [...new Set(names.filter((word, index) => names.indexOf(word) < index))];
  const name = twice[number % twice.length];
  if (name === undefined) return undefined;
  const first = new RegExp(`^.*?\\b${name}\\b\\W*`, 'm').exec(text);
  const reference = new RegExp(`[^\\w\\s]\\{?${name}\\b\\}?`).exec(text)?.[0];
  if (first === null || reference === undefined) return undefined;
  const [start] = first;
  const rest = text.slice(first.index + start.length).split('\n', 1)[0] ?? '';
  const [head, gap] = [
    start.slice(0, start.lastIndexOf(name) + name.length),
    start.slice(start.lastIndexOf(name) + name.length),
  ];
  const links = Array.from({ length: 12 }, (_, index) => {
    const before = reference.replace(name, `${name}${index}`);
    return `${head}${index + 1}${gap}${Array.from({ length: 10 }, () => before).join(', ')}${rest}`;
  });
  return [
    text.slice(0, first.index),
    `${head}0${gap}${rest}\n`,
    ...links.map((link) => `${link}\n`),
    text.slice(first.index),
  ].join('');
}

/** The text pumped up to about this length, in a way that the number chooses. */
export function pumped(text: string, number: number, length: number): string {
  const way = number % 8;
  const chosen = number >>> 3;
  if (way < 2) return chain(text, chosen) ?? repeated(text, chosen, length);
  return way < 4 ? lines(text, chosen, length) : repeated(text, chosen, length);
}
